import type { StageServer, VariantContext } from '@qps/console'
import { contractRouter, type Router, serve } from '@qps/http1'
import { requestMetrics, runtimeMetrics } from '@qps/metrics'
import { postTest, testPath } from './trace-test.ts'

/** The routes that metrics know by name, in every variant. */
export const commonRoutes: readonly string[] = ['/', '/echo', '/plaintext', testPath]

/** Options that all variants have. */
export const commonOptions = {
  'test-hosts': {
    type: 'string',
    value: 'LIST',
    help: 'hosts beside loopback that POST /test may be sent to, separated by commas',
  },
} as const

/** The surface of the contract, and `POST /test`, which shows what of a trace is handed on. */
export function stageRouter(given: VariantContext['given']): Router {
  const hosts = (given('test-hosts') ?? '').split(',').filter((host) => host !== '')
  return contractRouter().post(testPath, postTest(hosts))
}

/**
 * What all variants stand on: our HTTP/1.1 with its limits, metrics and drain. What a variant adds are routes, and what is behind
 * them:
 *
 *     baseline      nothing
 *     context       four other processes, over HTTP, gRPC and messages, within one deadline and one trace
 *     shared-map    memory that all threads of the server read and write
 *     worker-pool   threads that compute, behind a queue with a bound and a policy
 *
 * @param routes of the router, beside {@link commonRoutes}.
 */
export async function serveStage(
  { host, port, connectionsMax, registry }: VariantContext,
  router: Router,
  routes: readonly string[] = [],
): Promise<StageServer> {
  const metrics = requestMetrics(registry, {
    routes: [...commonRoutes, ...routes],
    inFlight: () => serving.server.inFlight,
  })
  const observers = runtimeMetrics(registry)
  const options = {
    host,
    port,
    limits: connectionsMax === undefined ? {} : { connectionsMax },
    onRequestDone: metrics.record,
    onRefused: metrics.refused,
  }
  const serving = await serve(options, router.handler).catch((error: unknown) => {
    observers[Symbol.dispose]()
    throw error
  })
  return {
    url: serving.url,
    notes: { engine: serving.poller.reason },
    connections: () => serving.connections(),
    drain: (limitMs) => serving.drain(limitMs).finally(() => observers[Symbol.dispose]()),
  }
}
