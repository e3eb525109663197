import type { Server } from 'node:http'
import { type Clock, type Random, systemClock } from '@qps/core'
import fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { drain } from './drain.ts'
import type { RefusalReason } from './errors.ts'
import { answerErrors, answerNotFound } from './fastify-errors.ts'
import { addSurface } from './fastify-surface.ts'
import { Guard } from './guard.ts'
import { guardedServer, nameRoutes, type RequestInfo } from './guarded-server.ts'
import { type HttpLimits, httpLimits } from './limits.ts'
import { type ListenAt, listen } from './listen.ts'
import type { DrainReport, RunningServer } from './running.ts'

export interface HardenedOptions {
  /** Limits that differ from {@link httpLimits}. */
  limits?: Partial<HttpLimits>
  /** Level of the log. Default `warn`; `silent` for none. */
  logLevel?: 'silent' | 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
  /** Where the log goes, a JSON line at a time. Default standard error. */
  logStream?: { write(line: string): void }
  /** Called once for each answered request. Nothing is measured without it. */
  onRequestDone?: (info: RequestInfo) => void
  /** Called once for each request or connection turned away. */
  onRefused?: (reason: RefusalReason) => void
  clock?: Clock
  /** Jitter of Retry-After. Default `Math.random`. */
  random?: Random
}

export interface HardenedServer {
  /** For routes of one's own, to be added before `listen`. Those of the surface are there already. */
  app: FastifyInstance
  server: Server
  guard: Guard
  /** Makes Fastify ready and listens. */
  listen(at: ListenAt): Promise<RunningServer>
  /** Ends serving as {@link drain} does, then closes `app`. @param limitMs default 5000. */
  drain(limitMs?: number): Promise<DrainReport>
}

/**
 * A Fastify server with every limit of {@link HttpLimits}, answering the surface of the contract.
 *
 * Two layers stand before Fastify: the {@link Guard} watches connections, and a front filter looks at each request
 * before the router does. Listen through this object, not through Fastify, which knows of neither.
 *
 * Cost per request on top of Fastify: one pass over the header fields and one 'close' listener on the response. No timer,
 * no closure, and no clock reading unless `onRequestDone` is given.
 *
 * @example
 * const hardened = createHardenedServer({ logLevel: 'silent' })
 * const running = await hardened.listen({ host: '127.0.0.1', port: 0 })
 * console.log(running.url)
 * await running.drain()
 */
export function createHardenedServer(options: HardenedOptions = {}): HardenedServer {
  const { clock = systemClock, random = Math.random, onRefused, onRequestDone } = options
  const limits: HttpLimits = { ...httpLimits, ...options.limits }
  const guard = new Guard({ limits, clock, random, onRefused })
  const log = loggerOf(options)
  let server!: Server
  const app = fastify({
    serverFactory: (router) => (server = guardedServer(router, guard, clock, onRequestDone)),
    // The guard answers these; a second listener must not answer again.
    clientErrorHandler: () => {},
    // See loggerOf: requests get the logger itself, no child of it.
    logger: false,
    childLoggerFactory: () => log,
    bodyLimit: limits.bodyBytesMax,
    exposeHeadRoutes: false,
    forceCloseConnections: false,
    return503OnClosing: false,
    // A path with a broken escape, or one longer than any route: no such path.
    frameworkErrors: (_error, _request, reply) => answerNotFound(reply),
  })
  app.log = log
  if (onRequestDone !== undefined) nameRoutes(app)
  answerErrors(app, guard)
  addSurface(app, guard, clock)
  const end = async (limitMs = 5_000): Promise<DrainReport> => {
    const report = await drain(server, guard, { limitMs, clock })
    await app.close()
    return report
  }
  return {
    app,
    server,
    guard,
    drain: end,
    async listen(at) {
      await app.ready()
      return { url: await listen(server, at), connections: () => guard.connections, drain: end }
    },
  }
}

/**
 * Pino as Fastify sets it up, with its serializers. It is taken from an instance that is not used otherwise, because a
 * Fastify that owns a logger adds two listeners and a closure to every response and makes a child logger for each
 * request, for lines about requests that nobody here asks for.
 */
function loggerOf({ logLevel = 'warn', logStream = process.stderr }: HardenedOptions): FastifyBaseLogger {
  return fastify({ logger: { level: logLevel, stream: logStream } }).log
}
