import type { Drawing, StageView } from '@qps/console'
import type { SharedMap, ShardStats } from '@qps/shared-map'
import type { ShopMaps } from './shop-maps.ts'

/** What threads had to do twice or to wait for, shard by shard, since the last time it was asked. */
export type HeatTally = Readonly<Record<keyof ShopMaps, readonly number[]>>

/** A thread's side: it knows only of itself. @returns a function whose every result begins where the one before ended. */
export function heatTally(maps: ShopMaps): () => HeatTally {
  const sessions = sinceLast(() => maps.sessions.stats().shards)
  const counters = sinceLast(() => maps.counters.stats().shards)
  return () => ({ sessions: sessions(), counters: counters() })
}

function sinceLast(shards: () => readonly ShardStats[]): () => number[] {
  let before: number[] = []
  return () => {
    const now = shards().map(({ readRetries, waits }) => readRetries + waits)
    const taken = now.map((count, shard) => count - (before[shard] ?? 0))
    before = now
    return taken
  }
}

/** All threads together. */
export class ShardHeat {
  readonly #maps: ShopMaps
  readonly #collisions: Record<keyof ShopMaps, number[]> = { sessions: [], counters: [] }

  constructor(maps: ShopMaps) {
    this.#maps = maps
  }

  add(tally: HeatTally): void {
    for (const name of ['sessions', 'counters'] as const) {
      const sums = this.#collisions[name]
      for (const [shard, count] of tally[name].entries()) sums[shard] = (sums[shard] ?? 0) + count
    }
  }

  /** Shards as rows: how full each is as the bar's length, how often threads met in it as its color. */
  readonly view: StageView = {
    name: 'shards',
    key: 's',
    title: "The shards' heat",
    draw: (query) => {
      const name = query.get('map') === 'sessions' ? 'sessions' : 'counters'
      return drawShards(name, this.#maps[name], this.#collisions[name])
    },
  }
}

function drawShards(name: string, map: SharedMap, collisions: readonly number[]): Drawing {
  const { shards, entries, capacity, bytes } = map.stats()
  const fullest = Math.max(1, ...shards.map((shard) => shard.entries))
  const hottest = Math.max(1, ...collisions)
  return {
    caption: `${name}, ${map.kind}: ${entries} of ${capacity} entries in ${Math.round(bytes / 1024)} KiB (?map=sessions or counters)`,
    rows: shards.map((shard, index) => {
      const met = collisions[index] ?? 0
      return {
        label: `shard ${index}`,
        start: 0,
        end: shard.entries / fullest,
        note: `${shard.entries} entries, ${met} collisions`,
        heat: met / hottest,
      }
    }),
  }
}
