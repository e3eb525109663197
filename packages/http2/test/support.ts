import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import { once } from 'node:events'
import { type RunningHttp2, serveHttp2, type ServeHttp2Options, surfaceHandler } from '@qps/http2'

export const serveSurface = (options: Partial<ServeHttp2Options> = {}): Promise<RunningHttp2> =>
  serveHttp2({ port: 0, ...options }, surfaceHandler)

/** A client of node:http2. */
export async function session(port: number): Promise<ClientHttp2Session & Disposable> {
  const client = connect(`http://127.0.0.1:${port}`)
  client.on('error', () => {})
  await once(client, 'connect')
  return Object.assign(client, { [Symbol.dispose]: () => client.destroy() })
}

export interface Answer {
  status: number
  headers: Record<string, unknown>
  body: Buffer
}

/** One request and its whole answer. */
export function ask(client: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: Buffer | string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = client.request(headers, { endStream: body === undefined })
    if (body !== undefined) stream.end(body)
    const pieces: Buffer[] = []
    let head: Record<string, unknown> = {}
    stream.on('response', (fields) => (head = { ...fields }))
    stream.on('data', (piece: Buffer) => pieces.push(piece))
    stream.on('error', reject)
    stream.on('close', () =>
      resolve({ status: Number(head[':status'] ?? 0), headers: head, body: Buffer.concat(pieces) }),
    )
  })
}

/** A client that speaks bytes. */
export async function rawClient(port: number): Promise<Socket> {
  const socket = connectTcp({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  return socket
}

/** A frame of RFC 9113 section 4.1. */
export function frame(type: number, flags: number, streamId: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(streamId, 5)
  return Buffer.concat([head, payload])
}

export const settings = (...pairs: [id: number, value: number][]): Buffer => {
  const payload = Buffer.alloc(6 * pairs.length)
  for (const [index, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, 6 * index)
    payload.writeUInt32BE(value, 6 * index + 2)
  }
  return frame(4, 0, 0, payload)
}

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
export const reset = (streamId: number, code = 8): Buffer => frame(3, 0, streamId, word(code))
export const windowUpdate = (streamId: number, bytes: number): Buffer => frame(8, 0, streamId, word(bytes))
/** `GET / http://a`, from the static table of RFC 7541. */
export const getRoot = (streamId: number, endStream = true): Buffer =>
  frame(1, endStream ? 5 : 4, streamId, Buffer.from([0x82, 0x86, 0x84, 0x41, 1, 97]))

/** Resolves when the socket is closed, with how long that took; rejects after the limit. */
export function closed(socket: Socket, limitMs: number): Promise<number> {
  const startMs = performance.now()
  socket.resume()
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`still open after ${limitMs} ms`)), limitMs)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve(performance.now() - startMs)
    })
  })
}
