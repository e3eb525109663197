import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import {
  echoTypeOf,
  errorBody,
  type HttpProblem,
  plaintext,
  refusals,
  statusBody,
  surfaceAnswer,
} from '@qps/http-contract'
import type { Http2Handler } from './serve.ts'
import type { SessionGuard } from './session-guard.ts'

/** The HTTP surface that every variant of every stage answers, over streams. */
export const surfaceHandler: Http2Handler = (stream, headers, guard) => {
  const answer = surfaceAnswer(headers[':method'] ?? '', headers[':path'] ?? '/')
  if (typeof answer === 'object') return refuse(stream, answer.problem, Object.fromEntries(answer.fields))
  if (answer === 'echo') return echo(stream, headers, guard)
  // Whatever else the client sends on this stream is not for us.
  stream.resume()
  if (answer === 'status') send(stream, 'application/json', statusBody(Date.now()), headers)
  else send(stream, 'text/plain', plaintext, headers)
}

function send(
  stream: ServerHttp2Stream,
  type: string,
  body: string | Buffer,
  { ':method': method }: IncomingHttpHeaders,
): void {
  const length = Buffer.byteLength(body)
  stream.respond({ ':status': 200, 'content-type': type, 'content-length': length }, { endStream: method === 'HEAD' })
  if (method !== 'HEAD') stream.end(body)
}

function refuse(stream: ServerHttp2Stream, problem: HttpProblem, fields: Record<string, string> = {}): void {
  if (stream.closed || stream.headersSent) return
  const body = errorBody(problem)
  stream.respond({
    ':status': problem.status,
    'content-type': 'application/json',
    'content-length': body.length,
    ...fields,
  })
  stream.end(body)
  // What the client still sends is dropped.
  stream.resume()
}

/** Collects the body, within its limit, and sends it back. */
function echo(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, guard: SessionGuard): void {
  const { bodyBytesMax } = guard.limits
  if (Number(headers['content-length'] ?? 0) > bodyBytesMax) return refuse(stream, refusals.body)
  const pieces: Buffer[] = []
  let bytes = 0
  guard.expectBody(stream)
  stream.on('data', (piece: Buffer) => {
    bytes += piece.length
    if (bytes <= bodyBytesMax) return void pieces.push(piece)
    pieces.length = 0
    guard.bodyEnded(stream)
    refuse(stream, refusals.body)
  })
  stream.once('end', () => {
    guard.bodyEnded(stream)
    // A stream that was reset ends as well; what came of it is no body.
    if (bytes <= bodyBytesMax && !stream.closed) {
      send(stream, echoTypeOf(headers['content-type']), Buffer.concat(pieces, bytes), headers)
    }
  })
}
