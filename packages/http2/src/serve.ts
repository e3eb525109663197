import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Stream,
} from 'node:http2'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type Clock, systemClock } from '@qps/core'
import {
  type ConnectionSource,
  type DrainReport,
  listenError,
  reachableHost,
  type RequestDone,
  requestDoneChannel,
  routePath,
} from '@qps/http-contract'
import { drain } from './drain.ts'
import { type Http2Limits, http2Limits, serverOptions } from './limits.ts'
import { type Http2Refusal, SessionGuard } from './session-guard.ts'

/** Answers one stream. What it throws ends the stream with INTERNAL_ERROR and is handed to `onError`. */
export type Http2Handler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, guard: SessionGuard) => void

export interface Http2Options {
  /** Key, certificate and what else node:tls takes: HTTP/2 over TLS, chosen by ALPN `h2`. Without: cleartext, prior knowledge. */
  secure?: SecureServerOptions
  /** Limits that differ from `http2Limits`. */
  limits?: Partial<Http2Limits>
  onRefused?: ((reason: Http2Refusal) => void) | undefined
  /**
   * Called when a stream is over: `seconds` since its head, with the path as it was asked for, without its query; status 499
   * where the client left before the answer was complete.
   */
  onRequestDone?: ((method: string, path: string, status: number, seconds: number) => void) | undefined
  /** What a handler threw. Default: a line on standard error. */
  onError?: ((error: unknown) => void) | undefined
  clock?: Clock
}

export interface ServeHttp2Options extends Http2Options {
  /** 0 picks a free port. */
  port: number
  /** Default 127.0.0.1. */
  host?: string
}

/** An HTTP/2 server that does not listen yet. */
export interface Http2Service {
  readonly server: Http2Server | Http2SecureServer
  readonly guard: SessionGuard
  /**
   * Ends serving: see `drain.ts`. Again: awaits the first.
   *
   * @param limitMs after this, what is left is cut. Default 5000.
   * @param source where connections come from, if `server` does not listen itself; another server of it closes it.
   */
  drain(limitMs?: number, source?: ConnectionSource): Promise<DrainReport>
}

/** An HTTP/2 server that listens. */
export interface RunningHttp2 extends AsyncDisposable {
  readonly server: Http2Server | Http2SecureServer
  readonly guard: SessionGuard
  readonly port: number
  /** `127.0.0.1:8443` */
  readonly address: string
  /** Ends serving: see `drain.ts`. @param limitMs after this, what is left is cut. Default 5000. */
  drain(limitMs?: number): Promise<DrainReport>
}

/**
 * HTTP/2 on node:http2, within limits, for a listener of one's own: make `server` listen, or hand it connections by its
 * `connection` event, as the front of @qps/tls does.
 */
export function createHttp2(options: Http2Options, handler: Http2Handler): Http2Service {
  const { secure, clock = systemClock, onRefused } = options
  const limits: Http2Limits = { ...http2Limits, ...options.limits }
  const node = serverOptions(limits)
  const server = secure === undefined ? createServer(node) : createSecureServer({ ...node, ...secure })
  const guard = new SessionGuard({ limits, clock, onRefused })
  guard.attach(server)
  const failed = options.onError ?? report
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    // A client that vanishes, or resets what it asked for, is no error of ours.
    stream.on('error', () => {})
    if (!guard.begin(stream)) return
    if (options.onRequestDone !== undefined || requestDone.hasSubscribers)
      observe(stream, headers, options.onRequestDone)
    try {
      handler(stream, headers, guard)
    } catch (error) {
      failed(error)
      stream.close(internalError)
    }
  })
  // A handshake that fails is the client's affair.
  server.on('sessionError', () => {})
  let draining: Promise<DrainReport> | undefined
  return {
    server,
    guard,
    drain: (limitMs = 5_000, source) => (draining ??= drain(server, guard, { source, clock, limitMs })),
  }
}

/**
 * HTTP/2 on node:http2, within limits.
 *
 * @throws QpsError QPS_PORT_IN_USE, QPS_ADDRESS_UNAVAILABLE where it cannot listen there.
 * @example
 * await using server = await serveHttp2({ port: 0 }, (stream) => {
 *   stream.respond({ ':status': 200 })
 *   stream.end('hello')
 * })
 */
export async function serveHttp2(options: ServeHttp2Options, handler: Http2Handler): Promise<RunningHttp2> {
  const { host = '127.0.0.1', port } = options
  const { server, guard, drain: end } = createHttp2(options, handler)
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    guard[Symbol.dispose]()
    throw listenError(cause, { host, port })
  }
  const bound = server.address() as AddressInfo
  return {
    server,
    guard,
    port: bound.port,
    address: `${reachableHost(bound)}:${bound.port}`,
    drain: (limitMs) => end(limitMs),
    [Symbol.asyncDispose]: async () => void (await end(0)),
  }
}

/** Tells whoever subscribes of each stream that is over. */
const requestDone = channel(requestDoneChannel)

/** nginx's number for a request whose client left; no client ever sees it. */
const clientLeft = 499

function observe(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  done: ServeHttp2Options['onRequestDone'],
): void {
  const startMs = performance.now()
  stream.once('close', () => {
    const status = stream.aborted ? clientLeft : Number(stream.sentHeaders?.[':status'] ?? clientLeft)
    const seconds = (performance.now() - startMs) / 1000
    done?.(headers[':method'] ?? '', routePath(headers[':path'] ?? ''), status, seconds)
    if (requestDone.hasSubscribers) requestDone.publish({ status, seconds, count: 1 } satisfies RequestDone)
  })
}

/** INTERNAL_ERROR of RFC 9113 section 7. */
const internalError = 2

function report(error: unknown): void {
  process.stderr.write(`${JSON.stringify({ level: 'error', message: String(error) })}\n`)
}
