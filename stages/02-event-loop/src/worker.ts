import { createHardenedServer, listen } from '@qps/http'
import { contractRouter, serve } from '@qps/http1'
import { createRegistry, requestMetrics, runtimeTally } from '@qps/metrics'
import type { MemberContext, MemberServer } from '@qps/workers'
import { routes } from './baseline.ts'
import type { MemberTally, WorkerData } from './server.ts'

/** One member of a group: the same server as alone, except that its figures go to where the admin port is. */
export async function start({ host, port, reusePort, data }: MemberContext): Promise<MemberServer> {
  const { variant, connectionsMax } = data as WorkerData
  const metrics = requestMetrics(createRegistry(), { routes, inFlight: () => 0 })
  const memory = runtimeTally()
  const take = (): MemberTally => ({ requests: metrics.take(), runtime: memory.take() })
  const limits = connectionsMax === undefined ? {} : { connectionsMax }
  const onRefused = metrics.refused
  if (variant === 'baseline') {
    const { server, guard, drain } = await createHardenedServer({
      limits,
      onRefused,
      onRequestDone: ({ method, route, status, seconds }) => metrics.record(method, route, status, seconds),
    })
    const url = await listen(server, { host, port, reusePort })
    return { url, connections: () => guard.connections, take, drain }
  }
  const serving = await serve(
    { host, port, reusePort, backend: variant, limits, onRefused, onRequestDone: metrics.record },
    contractRouter().handler,
  )
  return {
    url: serving.url,
    notes: { engine: serving.poller.reason },
    connections: () => serving.connections(),
    take,
    drain: (limitMs) => serving.drain(limitMs),
  }
}
