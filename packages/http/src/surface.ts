import { METHODS, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { readBody } from './body.ts'
import { errorBody, type HttpProblem, problems, refusals } from './errors.ts'
import { httpLimits } from './limits.ts'

/** What a route of the surface answers with. */
export type SurfaceAnswer = 'status' | 'plaintext' | 'echo'

export interface SurfaceRoute {
  path: string
  methods: readonly string[]
  answer: SurfaceAnswer
}

/** CONNECT asks for a tunnel, not for a resource: Node gives it an event of its own, no route. */
const anyMethod = METHODS.filter((method) => method !== 'CONNECT')

/** The HTTP surface that every variant of every stage answers, as a table. */
export const surface: readonly SurfaceRoute[] = [
  { path: '/', methods: ['GET', 'HEAD'], answer: 'status' },
  { path: '/', methods: ['POST', 'PUT', 'PATCH', 'DELETE'], answer: 'echo' },
  { path: '/echo', methods: anyMethod, answer: 'echo' },
  { path: '/plaintext', methods: ['GET', 'HEAD'], answer: 'plaintext' },
]

export const plaintext = 'Hello, World!'

/** `{"status":"ok","ts":…}` without `JSON.stringify`: its two fields need no escaping. */
export function statusBody(wallMs: number): string {
  return `{"status":"ok","ts":${wallMs}}`
}

/** `type/subtype`, then perhaps parameters (RFC 9110 section 8.3.1). */
const mediaType = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+[ \t]*(?:;|$)/

/** The type that an echo carries: the one it was sent with, where that is a media type at all. */
export function echoType(request: IncomingMessage): string {
  const type = request.headers['content-type']
  return type !== undefined && mediaType.test(type) ? type : 'application/octet-stream'
}

const routes = new Map<string, Map<string, SurfaceAnswer>>()
for (const { path, methods, answer } of surface) {
  const byMethod = routes.get(path) ?? new Map<string, SurfaceAnswer>()
  for (const method of methods) byMethod.set(method, answer)
  routes.set(path, byMethod)
}

/**
 * The path of a request target, without query and fragment. The absolute form (`GET http://host/path`), which a server
 * must accept (RFC 9112 section 3.2.2), loses its scheme and authority. Linear in the target's length.
 */
export function routePath(target: string): string {
  let start = 0
  if (target.charCodeAt(0) !== 47 /* / */) {
    const authority = target.indexOf('://')
    const slash = authority === -1 ? -1 : target.indexOf('/', authority + 3)
    if (slash === -1) return authority === -1 ? target : '/'
    start = slash
  }
  for (let index = start; index < target.length; index++) {
    const unit = target.charCodeAt(index)
    if (unit === 63 /* ? */ || unit === 35 /* # */) return target.slice(start, index)
  }
  return start === 0 ? target : target.slice(start)
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
    const byMethod = routes.get(routePath(request.url!))
    if (byMethod === undefined) return sendProblem(response, problems.notFound)
    const answer = byMethod.get(request.method!)
    if (answer === undefined) return sendProblem(response, problems.methodNotAllowed, [...byMethod.keys()].join(', '))
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

function sendProblem(response: ServerResponse, problem: HttpProblem, allow?: string): void {
  const body = errorBody(problem)
  if (allow !== undefined) response.setHeader('allow', allow)
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
