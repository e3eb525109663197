import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2'
import { once } from 'node:events'

export const echoPath = '/qps.v1.Workload/Echo'
export const chatPath = '/qps.v1.Workload/Chat'
export const expandPath = '/qps.v1.Workload/Expand'

/** What came back on a stream, byte for byte. */
export interface RawAnswer {
  status: number | undefined
  headers: Record<string, unknown>
  trailers: Record<string, unknown>
  body: Buffer
  resetCode: number
}

export async function openSession(url: string): Promise<ClientHttp2Session> {
  const session = connect(url)
  session.on('error', () => undefined)
  await once(session, 'remoteSettings')
  return session
}

export function grpcHeaders(path: string, more: OutgoingHttpHeaders = {}): OutgoingHttpHeaders {
  return { ':method': 'POST', ':path': path, te: 'trailers', 'content-type': 'application/grpc', ...more }
}

/** One message with its prefix. */
export function rawFrame(message: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = flag
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** An EchoRequest or EchoReply with this payload: field 1, of up to 127 bytes. */
export function echoMessage(payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0x0a, payload.length]), payload])
}

/** Opens a stream, sends the pieces, and waits for whatever ends it. */
export function exchange(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  pieces: readonly Uint8Array[] = [],
  end = true,
): Promise<RawAnswer> {
  const stream = session.request(headers, { endStream: false })
  for (const piece of pieces) stream.write(piece)
  if (end) stream.end()
  return answerOf(stream)
}

export function answerOf(stream: ClientHttp2Stream): Promise<RawAnswer> {
  const answer: RawAnswer = { status: undefined, headers: {}, trailers: {}, body: Buffer.alloc(0), resetCode: 0 }
  const chunks: Buffer[] = []
  stream.on('error', () => undefined)
  stream.on('response', (headers) => Object.assign(answer, { status: headers[':status'], headers }))
  stream.on('trailers', (trailers) => void (answer.trailers = trailers))
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return new Promise((resolve) => {
    stream.on('close', () => resolve({ ...answer, body: Buffer.concat(chunks), resetCode: stream.rstCode }))
  })
}

export function grpcStatus({ headers, trailers }: RawAnswer): string | undefined {
  return (trailers['grpc-status'] ?? headers['grpc-status']) as string | undefined
}

export function grpcMessage({ headers, trailers }: RawAnswer): string | undefined {
  return (trailers['grpc-message'] ?? headers['grpc-message']) as string | undefined
}
