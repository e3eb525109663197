import { channel } from 'node:diagnostics_channel'
import { type DrainReport, reachableHost, type RequestDone, requestDoneChannel, routePath } from '@qps/http-contract'
import { createPoller, type ListenOptions, type Poller, type PollerOptions } from '@qps/netpoll'
import { Http2NetpollServer, type Http2NetpollOptions, type StreamHandler } from './server.ts'
import type { Http2Stream } from './stream.ts'

/** Where to listen (an address and a port), on which backend, and within which limits. */
export interface ServeHttp2NetpollOptions extends Omit<ListenOptions, 'path'>, Http2NetpollOptions {
  /** Default `auto`: io_uring where it can be had, else epoll, else libuv. */
  backend?: PollerOptions['backend']
}

/** What is told of requests. */
export interface RequestObserver {
  /**
   * Called when a stream is over: `seconds` since its head, with the path as it was asked for, without its query; status 499
   * where the client left before the answer was complete.
   */
  onRequestDone?: ((method: string, path: string, status: number, seconds: number) => void) | undefined
}

/** An HTTP/2 server on the engine that listens. */
export interface RunningHttp2Netpoll extends AsyncDisposable {
  readonly server: Http2NetpollServer
  readonly poller: Poller
  readonly port: number
  /** `127.0.0.1:8443` */
  readonly address: string
  /** Ends serving: see `drain.ts`. @param limitMs after this, what is left is cut. Default 5000. */
  drain(limitMs?: number): Promise<DrainReport>
}

/**
 * HTTP/2 in cleartext on the engine. Whoever subscribes to the channel of finished requests before it is called is told of
 * each, as `onRequestDone` is.
 *
 * @throws QpsError QPS_PORT_IN_USE, QPS_ADDRESS_UNAVAILABLE, QPS_BACKEND_UNAVAILABLE, QPS_USAGE.
 * @example
 * await using serving = await serveHttp2Netpoll({ port: 0 }, (stream) => {
 *   stream.listener = { onData() {}, onEnd() {}, onClose() {} }
 *   stream.respond([[':status', '200']])
 *   stream.end(Buffer.from('hello'))
 * })
 */
export function serveHttp2Netpoll(
  options: Omit<ServeHttp2NetpollOptions, 'onStreamDone'> & RequestObserver,
  handler: StreamHandler,
): Promise<RunningHttp2Netpoll> {
  const { onRequestDone } = options
  const watched = onRequestDone !== undefined || requestDone.hasSubscribers
  return serveStreams(watched ? { ...options, onStreamDone: observer(onRequestDone) } : options, handler)
}

/** The same for whoever's streams are no requests of HTTP: nothing is told of them but to `onStreamDone`. @throws as {@link serveHttp2Netpoll}. */
export async function serveStreams(
  options: ServeHttp2NetpollOptions,
  handler: StreamHandler,
): Promise<RunningHttp2Netpoll> {
  const { backend } = options
  const poller = createPoller(backend === undefined ? {} : { backend })
  const server = new Http2NetpollServer(poller, handler, options)
  const drain = async (limitMs?: number): Promise<DrainReport> => {
    const report = await server.drain(limitMs)
    await poller.close()
    return report
  }
  try {
    const bound = await server.listen(listenOptions(options))
    const { port } = bound
    const host = reachableHost({ address: bound.host, family: bound.host.includes(':') ? 'IPv6' : 'IPv4' })
    return {
      server,
      poller,
      port,
      address: `${host}:${port}`,
      drain,
      [Symbol.asyncDispose]: async () => void (await drain(0)),
    }
  } catch (error) {
    await poller.close()
    throw error
  }
}

function listenOptions({ host, port, backlog, reusePort }: ServeHttp2NetpollOptions): ListenOptions {
  const chosen: ListenOptions = {}
  if (host !== undefined) chosen.host = host
  if (port !== undefined) chosen.port = port
  if (backlog !== undefined) chosen.backlog = backlog
  if (reusePort !== undefined) chosen.reusePort = reusePort
  return chosen
}

/** Tells whoever subscribes of each stream that is over. */
const requestDone = channel(requestDoneChannel)
/** nginx's number for a request whose client left; no client ever sees it. */
const clientLeft = 499

function observer(done: RequestObserver['onRequestDone']) {
  return ({ head, complete, status: answered }: Http2Stream, _code: number, seconds: number): void => {
    const status = complete ? answered : clientLeft
    done?.(head.method, routePath(head.path), status, seconds)
    if (requestDone.hasSubscribers) requestDone.publish({ status, seconds, count: 1 } satisfies RequestDone)
  }
}
