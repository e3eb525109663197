import type { RequestListener, Server } from 'node:http'
import { QpsError } from '@qps/core'
import { type DrainReport, httpLimits } from '@qps/http-contract'
import { type NodeHandler, NodeHttpServer, type NodeServerOptions } from './node-http-server.ts'

/** Fastify and the engine, joined. */
export interface NodeServer {
  /** For `fastify({ serverFactory })`; for one application. */
  readonly serverFactory: (handler: RequestListener, options?: Record<string, unknown>) => Server
  /** The server that the factory has made. @throws QpsError QPS_USAGE before it has. */
  readonly server: NodeHttpServer
  /**
   * Ends serving without losing a request: kept-alive clients are told, what is in flight is answered, the rest is cut at
   * the limit. `app.close()` belongs behind it.
   *
   * @param limitMs default 5000.
   */
  drain(limitMs?: number): Promise<DrainReport>
}

/**
 * Lets Fastify, or whatever takes a `serverFactory` in the manner of `http.createServer`, run on the engine.
 *
 * Requests and responses look like Node's to a framework. They are not Node's: what is missing is in the table of the
 * package's README, under "Fastify".
 *
 * The engine's limits stand before the application. `bodyBytesMax` is the larger of its default and the application's
 * `bodyLimit`, so that Fastify gets to say 413 itself; a route with a larger `bodyLimit` of its own needs `limits`.
 *
 * @param options limits, observers and the backend, as for `serve`.
 * @example
 * const { serverFactory, drain } = nodeServer({ backend: 'auto' })
 * const app = fastify({ serverFactory })
 * app.get('/', () => ({ hello: 'world' }))
 * await app.listen({ port: 8080 })
 * await drain()
 * await app.close()
 */
export function nodeServer(options: NodeServerOptions = {}): NodeServer {
  let made: NodeHttpServer | undefined
  const server = (): NodeHttpServer => {
    if (made !== undefined) return made
    throw new QpsError('QPS_USAGE', 'there is no server yet: nobody has called serverFactory', {
      hint: 'pass serverFactory to fastify() first',
    })
  }
  return {
    serverFactory(handler, application = {}) {
      refuseUnsupported(application)
      if (made !== undefined) {
        throw new QpsError('QPS_USAGE', 'serverFactory was called twice', {
          hint: 'call nodeServer() for each application',
        })
      }
      const { bodyLimit } = application
      const bodyBytesMax = Math.max(httpLimits.bodyBytesMax, typeof bodyLimit === 'number' ? bodyLimit : 0)
      made = new NodeHttpServer(
        { ...options, limits: { bodyBytesMax, ...options.limits } },
        handler as unknown as NodeHandler,
      )
      return made as unknown as Server
    },
    get server() {
      return server()
    },
    drain: (limitMs) => server().drain(limitMs),
  }
}

function refuseUnsupported(application: Record<string, unknown>): void {
  for (const name of ['https', 'http2']) {
    if (!application[name]) continue
    throw new QpsError('QPS_USAGE', `the option ${name} needs a server that speaks it; this one speaks HTTP/1.1 only`, {
      hint: `leave ${name} out and terminate it in front, or leave serverFactory out`,
    })
  }
}
