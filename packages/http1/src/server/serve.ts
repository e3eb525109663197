import type { DrainReport } from '@qps/http-contract'
import { createPoller, type ListenOptions, type Poller, type PollerOptions } from '@qps/netpoll'
import { type Handler, HttpServer, type HttpServerOptions } from './server.ts'

export interface ServeOptions extends ListenOptions, HttpServerOptions {
  /** Default `auto`: io_uring where it can be had, else epoll, else libuv. */
  backend?: PollerOptions['backend']
  /** Water marks and buffers of the poller. */
  poller?: Omit<PollerOptions, 'backend'>
}

/** A server that listens. */
export interface Serving extends AsyncDisposable {
  /** `http://127.0.0.1:8080`; for a unix socket `unix:` and its path. */
  readonly url: string
  readonly port: number
  readonly server: HttpServer
  readonly poller: Poller
  /** Open connections. */
  connections(): number
  /** Answers what is in flight, then closes everything. @param limitMs default 5000: then the rest is cut. */
  drain(limitMs?: number): Promise<DrainReport>
}

/**
 * Serves HTTP/1.1.
 *
 * @throws QpsError QPS_PORT_IN_USE, QPS_ADDRESS_UNAVAILABLE, QPS_BACKEND_UNAVAILABLE, QPS_USAGE.
 * @example
 * const serving = await serve({ port: 8080 }, (request, response) => {
 *   response.json({ hello: request.path })
 * })
 * await serving.drain()
 */
export async function serve(options: ServeOptions, handler: Handler): Promise<Serving> {
  const { backend, poller: pollerOptions, ...rest } = options
  const poller = createPoller({ ...pollerOptions, ...(backend === undefined ? {} : { backend }) })
  const server = new HttpServer(poller, handler, rest)
  try {
    const { host, port, path } = await server.listen({ ...listenOptions(options) })
    const drain = async (limitMs?: number): Promise<DrainReport> => {
      const report = await server.drain(limitMs)
      await poller.close()
      return report
    }
    return {
      url: path === undefined ? `http://${reachable(host)}:${port}` : `unix:${path}`,
      port,
      server,
      poller,
      connections: () => server.connections,
      drain,
      [Symbol.asyncDispose]: async () => void (await drain()),
    }
  } catch (error) {
    await poller.close()
    throw error
  }
}

function listenOptions({ host, port, path, backlog, reusePort }: ListenOptions): ListenOptions {
  const chosen: ListenOptions = {}
  if (host !== undefined) chosen.host = host
  if (port !== undefined) chosen.port = port
  if (path !== undefined) chosen.path = path
  if (backlog !== undefined) chosen.backlog = backlog
  if (reusePort !== undefined) chosen.reusePort = reusePort
  return chosen
}

/** A wildcard is no address that a client can use. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
