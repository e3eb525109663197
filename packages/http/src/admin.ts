import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import {
  type AdminPage,
  type AdminRoute,
  errorBody,
  type HttpProblem,
  isLoopback,
  problems,
  routePath,
} from '@qps/http-contract'
import { listen } from './listen.ts'

export interface AdminOptions {
  /** Default `127.0.0.1`. Anything that is not loopback opens the port to others: say so only on request. */
  host?: string
  /** 0 picks a free one. */
  port: number
  /** The page of `GET /metrics`. */
  metrics: () => Promise<AdminPage>
  /** Whether `/readyz` says 200 or 503. */
  ready: () => boolean
  /** Further pages by path, for GET. Asked at each request: they may change while the port stays. */
  routes?: () => Readonly<Record<string, AdminRoute>>
  /** What `POST` of a path does. It changes something, so no link and no image of a web page can ask for it. */
  actions?: Readonly<Record<string, AdminRoute>>
}

export interface Admin {
  url: string
  close(): Promise<void>
}

const foreignHost: HttpProblem = {
  status: 403,
  code: 'foreign_host',
  message: 'this port answers to loopback names only',
}

const foreignPage: HttpProblem = {
  status: 403,
  code: 'foreign_page',
  message: 'this port answers to no other web page',
}

/**
 * Serves metrics and health on a port of their own, which no outside request reaches.
 *
 * On loopback it refuses a Host that is not: a web page can make a browser resolve the page's own name to 127.0.0.1 (DNS
 * rebinding) and read whatever listens there, but it cannot change the name in Host. Nor does it answer what another web page
 * asks for, as by an image: the answer would stay hidden from that page, but a profile would be taken. Following a link is
 * no such thing.
 *
 * @throws QpsError QPS_PORT_IN_USE and QPS_ADDRESS_UNAVAILABLE as {@link listen} does.
 * @example
 * const admin = await startAdmin({ port: 0, metrics: async () => ({ contentType: 'text/plain', body: '' }), ready: () => true })
 */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const { host = '127.0.0.1', port, metrics, ready, routes = noRoutes, actions = {} } = options
  const own = new Map<string, AdminRoute>([
    ['/metrics', metrics],
    ['/healthz', async () => text('ok\n')],
  ])
  const pageOf = (path: string): AdminRoute | undefined => {
    const further = routes()
    return own.get(path) ?? (Object.hasOwn(further, path) ? further[path] : undefined)
  }
  const loopbackOnly = isLoopback(host)

  const answer: RequestListener = async (request, response) => {
    if (loopbackOnly && !isLoopback(hostName(request))) return sendProblem(response, foreignHost)
    if (isFetchedByForeignPage(request)) return sendProblem(response, foreignPage)
    const path = routePath(request.url!)
    const action = Object.hasOwn(actions, path) ? actions[path] : undefined
    const page = action ?? pageOf(path)
    if (page === undefined && path !== '/readyz') return sendProblem(response, problems.notFound)
    const allowed = action === undefined ? ['GET', 'HEAD'] : ['POST']
    if (!allowed.includes(request.method!)) {
      response.setHeader('allow', allowed.join(', '))
      return sendProblem(response, problems.methodNotAllowed)
    }
    if (page === undefined)
      return ready() ? send(response, 200, text('ready\n')) : send(response, 503, text('draining\n'))
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    try {
      const at = request.url!.indexOf('?')
      const query = new URLSearchParams(at === -1 ? '' : request.url!.slice(at))
      const answered = await page(query, gone.signal)
      send(response, answered.status ?? 200, answered)
    } catch {
      sendProblem(response, problems.internal)
    }
  }

  const server = createServer(
    { headersTimeout: 5_000, requestTimeout: 10_000, connectionsCheckingInterval: 500, maxHeaderSize: 8 * 1024 },
    answer,
  )
  server.maxConnections = 64
  const url = await listen(server, { host, port })
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const noRoutes = (): Readonly<Record<string, AdminRoute>> => ({})

function hostName(request: IncomingMessage): string {
  const { host = '' } = request.headers
  return host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : host.split(':', 1)[0]!
}

/** Browsers say so themselves, and no script of a page can change it (W3C, Fetch Metadata Request Headers). */
function isFetchedByForeignPage({ headers }: IncomingMessage): boolean {
  return headers['sec-fetch-site'] === 'cross-site' && headers['sec-fetch-dest'] !== 'document'
}

function text(body: string): AdminPage {
  return { contentType: 'text/plain; charset=utf-8', body }
}

function send(response: ServerResponse, status: number, { contentType, body, filename }: AdminPage): void {
  if (response.destroyed) return
  if (filename !== undefined) response.setHeader('content-disposition', `attachment; filename="${filename}"`)
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

function sendProblem(response: ServerResponse, problem: HttpProblem): void {
  send(response, problem.status, { contentType: 'application/json', body: errorBody(problem) })
}
