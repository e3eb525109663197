import type { StartVariant } from '@qps/console'
import { systemClock } from '@qps/core'
import { createSurfaceApp, httpLimits } from '@qps/http'
import { type NodeRequest, nodeServer } from '@qps/http1'
import { requestMetrics, runtimeMetrics } from '@qps/metrics'
import { routes } from './baseline.ts'

/**
 * The baseline's Fastify application, unchanged, with our engine under it instead of node:http. Only the `serverFactory`
 * is another; what Fastify itself costs stays.
 */
export const fastifyNetpoll: StartVariant = async ({ host, port, connectionsMax, registry }) => {
  const metrics = requestMetrics(registry, { routes, inFlight: () => engine.server.inFlight })
  const observers = runtimeMetrics(registry)
  const engine = nodeServer({
    ...(connectionsMax === undefined ? {} : { limits: { connectionsMax } }),
    onRequestDone: metrics.record,
    onRefused: metrics.refused,
  })
  const app = await createSurfaceApp({
    serverFactory: engine.serverFactory,
    limits: httpLimits,
    clock: systemClock,
    // The engine refuses such a body itself, before any of it is read.
    refuseBody: (request) => request.socket.destroy(),
    onRoute: (request, _response, pattern) => {
      ;(request as unknown as NodeRequest).route = pattern
    },
  })
  const url = await app.listen({ host, port })
  return {
    url,
    connections: () => engine.server.connections,
    drain: async (limitMs) => {
      const report = await engine.drain(limitMs)
      await app.close()
      observers[Symbol.dispose]()
      return report
    },
  }
}
