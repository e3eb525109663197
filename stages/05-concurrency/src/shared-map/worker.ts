import { serve } from '@qps/http1'
import { createRegistry, requestMetrics, type RequestTally, runtimeTally, type RuntimeTally } from '@qps/metrics'
import type { MemberContext, MemberServer } from '@qps/workers'
import { commonRoutes, stageRouter } from '../server.ts'
import { type HeatTally, heatTally } from './heat.ts'
import { addShopRoutes, countersPath, sessionsPath } from './routes.ts'
import { attachShopMaps, disposeShopMaps, type ShopHandles } from './shop-maps.ts'

/** What a member is told: plain data. */
export interface WorkerData {
  handles: ShopHandles
  connectionsMax: number | undefined
  testHosts: string | undefined
}

/** What a member tells of itself, a few times a second. */
export interface MemberTally {
  requests: RequestTally
  runtime: RuntimeTally
  heat: HeatTally
}

export const shopRoutes: readonly string[] = [...commonRoutes, sessionsPath, countersPath]

/** One thread of the server: an engine and a listening socket of its own, and maps that are everybody's. */
export async function start({ host, port, reusePort, data }: MemberContext): Promise<MemberServer> {
  const { handles, connectionsMax, testHosts } = data as WorkerData
  const maps = attachShopMaps(handles)
  const metrics = requestMetrics(createRegistry(), { routes: shopRoutes, inFlight: () => 0 })
  const memory = runtimeTally()
  const heat = heatTally(maps)
  const router = addShopRoutes(
    stageRouter((name) => (name === 'test-hosts' ? testHosts : undefined)),
    maps,
  )
  const serving = await serve(
    {
      host,
      port,
      reusePort,
      limits: connectionsMax === undefined ? {} : { connectionsMax },
      onRequestDone: metrics.record,
      onRefused: metrics.refused,
    },
    router.handler,
  )
  return {
    url: serving.url,
    notes: { engine: serving.poller.reason },
    connections: () => serving.connections(),
    take: (): MemberTally => ({ requests: metrics.take(), runtime: memory.take(), heat: heat() }),
    drain: (limitMs) => serving.drain(limitMs).finally(() => disposeShopMaps(maps)),
  }
}
