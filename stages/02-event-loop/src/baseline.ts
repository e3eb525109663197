import type { StartVariant } from '@qps/console'
import { createHardenedServer, listen } from '@qps/http'
import { requestMetrics, runtimeMetrics } from '@qps/metrics'

/** The routes that metrics know by name. */
export const routes: readonly string[] = ['/', '/echo', '/plaintext']

/** Stage 1's best: Fastify on node:http, hardened and observed. */
export const baseline: StartVariant = async ({ host, port, connectionsMax, registry }) => {
  const metrics = requestMetrics(registry, { routes, inFlight: () => guard.inFlight })
  const observers = runtimeMetrics(registry)
  const { server, guard, drain } = await createHardenedServer({
    ...(connectionsMax === undefined ? {} : { limits: { connectionsMax } }),
    onRequestDone: ({ method, route, status, seconds }) => metrics.record(method, route, status, seconds),
    onRefused: (reason) => metrics.refused(reason),
  })
  const url = await listen(server, { host, port })
  return {
    url,
    connections: () => guard.connections,
    drain: (limitMs) => drain(limitMs).finally(() => observers[Symbol.dispose]()),
  }
}
