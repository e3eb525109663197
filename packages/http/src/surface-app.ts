import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '@qps/core'
import type { HttpLimits } from '@qps/http-contract'
import fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyServerFactory } from 'fastify'
import { answerErrors, answerNotFound } from './fastify-errors.ts'
import { addSurface } from './fastify-surface.ts'

/** Turns a request with too large a body away, in the place of its answer. */
export type RefuseBody = (request: IncomingMessage, response: ServerResponse) => void

export interface SurfaceAppOptions {
  /** Makes the server that the application runs on. */
  serverFactory: FastifyServerFactory
  limits: Pick<HttpLimits, 'bodyBytesMax' | 'sliceBytes'>
  clock: Clock
  refuseBody: RefuseBody
  /** Level of the log. Default `warn`; `silent` for none. */
  logLevel?: 'silent' | 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | undefined
  /** Where the log goes, a JSON line at a time. Default standard error. */
  logStream?: { write(line: string): void } | undefined
  /** Called with the pattern of the route of each request that has one. */
  onRoute?: ((request: IncomingMessage, response: ServerResponse, pattern: string) => void) | undefined
  /** Adds routes of one's own. */
  routes?: ((app: FastifyInstance) => void) | undefined
}

/**
 * A Fastify application that answers the surface of the contract, and its errors in the contract's shape, on whatever
 * server the factory makes: node:http behind its guard, or an engine of our own.
 *
 * @returns ready: no more routes can be added.
 */
export async function createSurfaceApp(options: SurfaceAppOptions): Promise<FastifyInstance> {
  const log = loggerOf(options)
  const app = fastify({
    serverFactory: options.serverFactory,
    // Whoever made the server answers these; a second listener must not answer again.
    clientErrorHandler: () => {},
    // See loggerOf: requests get the logger itself, no child of it.
    logger: false,
    childLoggerFactory: () => log,
    bodyLimit: options.limits.bodyBytesMax,
    exposeHeadRoutes: false,
    forceCloseConnections: false,
    return503OnClosing: false,
    // A path with a broken escape, or one longer than any route: no such path.
    frameworkErrors: (_error, _request, reply) => answerNotFound(reply),
  })
  app.log = log
  if (options.onRoute !== undefined) nameRoutes(app, options.onRoute)
  answerErrors(app, options.refuseBody)
  addSurface(app, options)
  options.routes?.(app)
  await app.ready()
  return app
}

/** One function per route, made when the route is. */
function nameRoutes(app: FastifyInstance, onRoute: NonNullable<SurfaceAppOptions['onRoute']>): void {
  app.addHook('onRoute', (route) => {
    const { url, onRequest = [] } = route
    route.onRequest = [
      (request, reply, next) => {
        onRoute(request.raw, reply.raw, url)
        next()
      },
      ...[onRequest].flat(),
    ]
  })
}

/**
 * Pino as Fastify sets it up, with its serializers. It is taken from an instance that is not used otherwise, because a
 * Fastify that owns a logger adds two listeners and a closure to every response and makes a child logger for each
 * request, for lines about requests that nobody here asks for.
 */
function loggerOf({ logLevel = 'warn', logStream = process.stderr }: SurfaceAppOptions): FastifyBaseLogger {
  return fastify({ logger: { level: logLevel, stream: logStream } }).log
}
