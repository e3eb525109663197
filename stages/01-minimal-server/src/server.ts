import type { StartVariant } from '@qps/console'
import { createHardenedServer, listen, runStock, surfaceAround } from '@qps/http'
import { requestMetrics, runtimeMetrics } from '@qps/metrics'

/**
 * The article's first server: the standard library, one handler, nothing else.
 *
 * What is absent is the point. There is no timeout of our own, no cap on connections, no router and no measurement:
 * 500 clients that send one header a minute hold 500 sockets here, and the security tests show it.
 */
export const minimal: StartVariant = (at) =>
  runStock(
    // Around it: /echo, /plaintext, 404, 405 and the like, which every stage answers.
    surfaceAround((_request, response) => {
      const body = `{"status":"ok","ts":${Date.now()}}`
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
      response.end(body)
    }),
    at,
  )

/**
 * The same answers behind everything that a public address needs: a router (Fastify), the article's three timeouts
 * (reading 5 s, writing 10 s, idle 30 s), bounds on headers, bodies and connections, a guard that notices clients which
 * read or write too slowly, and a drain that loses no request.
 *
 * The bounds are data: `httpLimits` in `packages/http/src/limits.ts` names every one with its default and its reason.
 */
export const hardened: StartVariant = async (at) => {
  const { server, guard, drain } = await createHardenedServer()
  const url = await listen(server, at)
  return { url, connections: () => guard.connections, drain }
}

/**
 * `hardened`, and measured: latency by route, answers by status, refusals by reason, requests in flight, the event
 * loop's utilization and delay, the collector's pauses. Prometheus reads them from the admin port.
 *
 * The hot path records into plain memory; labels, strings and the Prometheus client come in only at a scrape.
 */
export const observed: StartVariant = async ({ host, port, registry }) => {
  const routes = ['/', '/echo', '/plaintext']
  const metrics = requestMetrics(registry, { routes, inFlight: () => guard.inFlight })
  const observers = runtimeMetrics(registry)
  const { server, guard, drain } = await createHardenedServer({
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
