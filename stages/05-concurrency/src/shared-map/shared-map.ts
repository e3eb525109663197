import type { StartVariant } from '@qps/console'
import { siblingModule, systemClock } from '@qps/core'
import { requestMetrics, runtimeMetrics } from '@qps/metrics'
import { startGroup } from '@qps/workers'
import { ShardHeat } from './heat.ts'
import { createShopMaps, declareDead, disposeShopMaps, shareShopMaps, type ShopHandles } from './shop-maps.ts'
import { type MemberTally, shopRoutes, type WorkerData } from './worker.ts'

/** Sessions that nobody asks for any more are removed this often. */
const sweepMs = 5_000

/**
 * One server in several threads, whose state is none of theirs:
 *
 *     port 8080 ─┬─► thread 1: engine, router ──┐
 *                └─► thread 2: engine, router ──┼──► sessions, counters: memory that both read and write
 *                                               │
 *     port 9464 ───► main thread: metrics, heat ┘
 *
 * A thread that dies is replaced, and what it held in the maps is given free: its successor is somebody else to them.
 */
export const sharedMap: StartVariant = async ({ host, port, workers, connectionsMax, registry, given }) => {
  const maps = createShopMaps(given)
  const heat = new ShardHeat(maps)
  const holders = new Map<number, ShopHandles>()
  // Requests in flight are each member's own; the port shows those of all of them as counted a moment ago.
  const metrics = requestMetrics(registry, { routes: shopRoutes, inFlight: () => 0 })
  const observers = runtimeMetrics(registry)
  const sweeping = systemClock.every(sweepMs, () => void maps.sessions.sweep())
  const members = await startGroup({
    module: siblingModule(import.meta.url, './worker'),
    count: workers,
    kind: 'threads',
    host,
    port,
    dataOf(index): WorkerData {
      const handles = shareShopMaps(maps)
      holders.set(index, handles)
      return { handles, connectionsMax, testHosts: given('test-hosts') }
    },
    onGone(index) {
      const handles = holders.get(index)
      if (handles !== undefined && holders.delete(index)) declareDead(maps, handles)
    },
    onTally(tally) {
      const { requests, runtime, heat: met } = tally as MemberTally
      metrics.add(requests)
      observers.add(runtime)
      heat.add(met)
    },
  })
  return {
    url: members.url,
    notes: { ...members.notes, maps: maps.counters.kind },
    views: [heat.view],
    tries: [
      `curl -X PUT -d 'cart=7' ${members.url}/sessions/me && curl ${members.url}/sessions/me`,
      `curl -X POST ${members.url}/counters/visits`,
      `npm run load -- '${members.url}/counters/c[1-1000]' -m POST -d 5`,
    ],
    connections: () => members.connections(),
    async drain(limitMs) {
      const report = await members.drain(limitMs)
      sweeping[Symbol.dispose]()
      observers[Symbol.dispose]()
      disposeShopMaps(maps)
      return report
    },
  }
}
