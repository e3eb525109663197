import type { VariantContext } from '@qps/console'
import { attachSharedMap, createSharedMap, type MapHandle, type MapKind, type SharedMap } from '@qps/shared-map'
import { checkChoice } from '../choice.ts'

/** A session's content; a longer one is answered 413. */
export const sessionBytesMax = 512
/** Keys of both maps: what may stand in a path. */
export const keyBytesMax = 64
/** A session that nobody has written to for so long is gone. */
export const sessionTtlMs = 1_800_000
/** Entries of each of the two maps. Memory for all of them is taken at the start. */
const capacityDefault = 16_384

/** Options of the stage that only this variant has. */
export const mapOptions = {
  map: {
    type: 'string',
    value: 'KIND',
    variant: 'shared-map',
    help: 'how the maps are kept consistent: optimistic (default), sharded, locked, snapshot',
  },
  capacity: {
    type: 'integer',
    value: 'N',
    min: 16,
    max: 1_000_000,
    variant: 'shared-map',
    help: 'entries that each map has room for; default 16384',
  },
} as const

/** The memory that all threads of the server have in common. */
export interface ShopMaps {
  sessions: SharedMap<string, Uint8Array>
  counters: SharedMap<string, number>
}

/** What one more thread needs in order to have them too. Plain data, for one thread each. */
export interface ShopHandles {
  sessions: MapHandle
  counters: MapHandle
}

const kinds: readonly MapKind[] = ['optimistic', 'sharded', 'locked', 'snapshot']

/** @throws QpsError QPS_USAGE for another kind than there is. */
export function createShopMaps(given: VariantContext['given']): ShopMaps {
  const kind = checkChoice('map', given('map'), kinds, 'optimistic')
  const capacity = Number(given('capacity') ?? capacityDefault)
  return {
    sessions: createSharedMap({
      kind,
      keys: 'string',
      values: 'bytes',
      capacity,
      keyBytesMax,
      valueBytesMax: sessionBytesMax,
      expiry: { ttlMs: sessionTtlMs },
    }),
    counters: createSharedMap({ kind, keys: 'string', values: 'number', capacity, keyBytesMax }),
  }
}

export function shareShopMaps({ sessions, counters }: ShopMaps): ShopHandles {
  return { sessions: sessions.share(), counters: counters.share() }
}

export function attachShopMaps({ sessions, counters }: ShopHandles): ShopMaps {
  return {
    sessions: attachSharedMap(sessions) as SharedMap<string, Uint8Array>,
    counters: attachSharedMap(counters) as SharedMap<string, number>,
  }
}

/** A thread is gone: what it was writing is undone or completed, and its locks are open again. */
export function declareDead(maps: ShopMaps, { sessions, counters }: ShopHandles): void {
  maps.sessions.declareDead(sessions.owner)
  maps.counters.declareDead(counters.owner)
}

export function disposeShopMaps({ sessions, counters }: ShopMaps): void {
  sessions[Symbol.dispose]()
  counters[Symbol.dispose]()
}
