import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2'
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
