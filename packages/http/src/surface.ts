import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import {
  echoTypeOf,
  errorBody,
  httpLimits,
  type HttpProblem,
  plaintext,
  refusals,
  statusBody,
  surfaceAnswer,
  type SurfaceRefusal,
} from '@qps/http-contract'
import { readBody } from './body.ts'

/** The type that an echo carries: the one it was sent with, where that is a media type at all. */
export function echoType(request: IncomingMessage): string {
  return echoTypeOf(request.headers['content-type'])
}

/**
 * The surface on a bare node:http server, around a handler of `GET /`. It answers, and protects nothing: no timeout of
 * its own, no cap on connections, no watch over slow clients.
 *
 * @param status answers `GET /` and `HEAD /`; the rest of the surface answers everything else.
 */
export function surfaceAround(status: RequestListener): RequestListener {
  return (request, response) => {
    if (request.rawHeaders.length > 2 * httpLimits.headerFieldsMax) {
      return refuseStock(request, response, refusals['header-fields'])
    }
    if (Number(request.headers['content-length']) > httpLimits.bodyBytesMax) {
      return refuseStock(request, response, refusals.body)
    }
    const answer = surfaceAnswer(request.method!, request.url!)
    if (typeof answer === 'object') return sendProblem(response, answer)
    if (answer === 'status') return status(request, response)
    if (answer === 'plaintext') return send(response, 'text/plain', plaintext)
    readBody(request, httpLimits.bodyBytesMax, (body) => {
      if (body === undefined) refuseStock(request, response, refusals.body)
      else send(response, echoType(request), body)
    })
  }
}

/**
 * The whole surface on a bare node:http server.
 *
 * @example http.createServer(answerSurface).listen(8080, '127.0.0.1')
 */
export const answerSurface: RequestListener = surfaceAround((_request, response) =>
  send(response, 'application/json', statusBody(Date.now())),
)

function send(response: ServerResponse, type: string, body: string | Buffer): void {
  response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

function sendProblem(response: ServerResponse, { problem, fields }: SurfaceRefusal): void {
  const body = errorBody(problem)
  for (const [name, value] of fields) response.setHeader(name, value)
  response.writeHead(problem.status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

/** Long enough for a client to read an answer that came while it was still sending. */
const discardMs = 1_000

/**
 * Refuses and closes. All bytes of the answer leave at once, but the message is ended only when the client has stopped
 * sending (or after a second): ending it lets Node close the socket, and closing a socket that still receives makes the
 * kernel send a reset, which can overtake the answer.
 */
function refuseStock(request: IncomingMessage, response: ServerResponse, problem: HttpProblem): void {
  const body = errorBody(problem)
  response.writeHead(problem.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  })
  response.write(body)
  const timer = setTimeout(() => response.end(), discardMs)
  request.once('close', () => {
    clearTimeout(timer)
    response.end()
  })
  request.resume()
}
