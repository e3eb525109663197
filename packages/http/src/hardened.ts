import type { Server } from 'node:http'
import { type Clock, type Random, systemClock } from '@qps/core'
import {
  type ConnectionSource,
  type DrainReport,
  httpLimits,
  type HttpLimits,
  type RefusalReason,
} from '@qps/http-contract'
import type { FastifyInstance } from 'fastify'
import { drain } from './drain.ts'
import { Guard } from './guard.ts'
import { guardedServer, nameRoute, type RequestInfo } from './guarded-server.ts'
import { createSurfaceApp } from './surface-app.ts'

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
  /** Adds routes of one's own; those of the surface are there already. */
  routes?: (app: FastifyInstance) => void
  clock?: Clock
  /** Jitter of Retry-After. Default `Math.random`. */
  random?: Random
}

export interface HardenedServer {
  /** Ready: no more routes can be added. */
  app: FastifyInstance
  /** To be given to `listen`. */
  server: Server
  guard: Guard
  /**
   * Ends serving as {@link drain} does, then closes `app`.
   *
   * @param limitMs default 5000.
   * @param source where connections come from, if `server` does not listen itself.
   */
  drain(limitMs?: number, source?: ConnectionSource): Promise<DrainReport>
}

/**
 * A Fastify server with every limit of {@link HttpLimits}, answering the surface of the contract.
 *
 * Two layers stand before Fastify: the {@link Guard} watches connections, and a front filter looks at each request
 * before the router does. Let `listen` make it listen, not Fastify, which knows of neither.
 *
 * Cost per request on top of Fastify: one pass over the header fields and one 'close' listener on the response. No timer,
 * no closure, and no clock reading unless `onRequestDone` is given.
 *
 * @example
 * const { server, drain } = await createHardenedServer()
 * const url = await listen(server, { host: '127.0.0.1', port: 8080 })
 * await drain()
 */
export async function createHardenedServer(options: HardenedOptions = {}): Promise<HardenedServer> {
  const { clock = systemClock, random = Math.random, onRefused, onRequestDone } = options
  const limits: HttpLimits = { ...httpLimits, ...options.limits }
  const guard = new Guard({ limits, clock, random, onRefused })
  let server!: Server
  const app = await createSurfaceApp({
    serverFactory: (router) => (server = guardedServer(router, guard, clock, onRequestDone)),
    limits,
    clock,
    logLevel: options.logLevel,
    logStream: options.logStream,
    routes: options.routes,
    refuseBody: (request, response) => guard.refuse(request.socket, 'body', response),
    onRoute: onRequestDone && nameRoute,
  })
  return {
    app,
    server,
    guard,
    async drain(limitMs = 5_000, source) {
      const report = await drain(server, guard, { limitMs, clock, source })
      await app.close()
      return report
    },
  }
}
