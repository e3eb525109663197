import { isIPv6 } from 'node:net'
import { type Clock, systemClock } from '@qps/core'
import { type DrainReport, listenError, reachableHost } from '@qps/http-contract'
import type { Credentials } from '../binding/config.ts'
import { type QuicLimits, quicLimits } from '../limits.ts'
import type { PathEvent } from '../transport/path-event.ts'
import { addressOf } from '../transport/resolve.ts'
import { drain } from './drain.ts'
import { type Http3Handler, type Http3Refusal, Http3Server } from './http3-server.ts'

export interface ServeHttp3Options extends Credentials {
  /** UDP; 0 picks a free port. */
  port: number
  /** Default 127.0.0.1. */
  host?: string
  /**
   * Whether clients that come again may ask in their first datagram (0-RTT), with methods that may be repeated; others are
   * answered with 425. Default false.
   */
  earlyData?: boolean
  /** Limits that differ from `quicLimits`. */
  limits?: Partial<QuicLimits>
  onRefused?: ((reason: Http3Refusal) => void) | undefined
  /**
   * Called when a request is over: `seconds` since its stream was first seen, with the path as it was asked for, without its
   * query; status 499 where the client left before the answer was complete.
   */
  onRequestDone?: ((method: string, path: string, status: number, seconds: number) => void) | undefined
  /** What a handler threw. Default: a line on standard error. */
  onError?: (error: unknown) => void
  /** A client is seen to move: see {@link PathEvent}. */
  onPath?: (event: PathEvent) => void
  clock?: Clock
}

/** An HTTP/3 server that listens. */
export interface RunningHttp3 extends AsyncDisposable {
  readonly server: Http3Server
  readonly port: number
  /** `127.0.0.1:8443` */
  readonly address: string
  /** Ends serving: see `drain.ts`. @param limitMs after this, what is left is cut. Default 5000. */
  drain(limitMs?: number): Promise<DrainReport>
}

/**
 * HTTP/3 on quiche, within limits.
 *
 * @throws QpsError QPS_PART_MISSING where quiche is not installed; QPS_PORT_IN_USE, QPS_ADDRESS_UNAVAILABLE where it cannot
 * listen there; QPS_OPTION where key or certificate are no PEM.
 * @example
 * const { key, cert } = createAuthority().issue({ hosts: ['localhost'] })
 * await using server = await serveHttp3({ port: 0, key, cert }, (exchange) => exchange.respond(200, [], 'hello'))
 */
export async function serveHttp3(options: ServeHttp3Options, handler: Http3Handler): Promise<RunningHttp3> {
  const { host = '127.0.0.1', port, key, cert } = options
  const server = new Http3Server({
    credentials: { key, cert },
    takesEarlyData: options.earlyData ?? false,
    limits: { ...quicLimits, ...options.limits },
    clock: options.clock ?? systemClock,
    handler,
    onRefused: options.onRefused,
    onRequestDone: options.onRequestDone,
    onError: options.onError ?? report,
    onPath: options.onPath,
  })
  try {
    const local = await server.listen({ host: await bindable(host, port), port })
    const family = isIPv6(local.host) ? 'IPv6' : 'IPv4'
    let draining: Promise<DrainReport> | undefined
    const end = (limitMs = 5_000): Promise<DrainReport> => (draining ??= drain(server, limitMs))
    return {
      server,
      port: local.port,
      address: `${reachableHost({ address: local.host, family })}:${local.port}`,
      drain: end,
      [Symbol.asyncDispose]: async () => void (await end(0)),
    }
  } catch (error) {
    server[Symbol.dispose]()
    throw error
  }
}

async function bindable(host: string, port: number): Promise<string> {
  try {
    return await addressOf(host)
  } catch (cause) {
    throw listenError(cause, { host, port })
  }
}

function report(error: unknown): void {
  process.stderr.write(`${JSON.stringify({ level: 'error', message: String(error) })}\n`)
}
