import type { MapKey, MapValue, SharedMap } from '@qps/shared-map'

/** What a map can do wrong. Who judges histories is tested with maps that do. */
export const mapFaults = ['lost-update', 'stale-read', 'torn-value', 'double-removal'] as const
export type MapFault = (typeof mapFaults)[number]

/** The methods that are recorded. */
export type MapMethods = Pick<SharedMap, 'get' | 'has' | 'set' | 'delete' | 'compareAndSet' | 'update'>

/** A right map, seen through a fault. */
export function faultyMap(map: SharedMap, fault: MapFault): MapMethods {
  const right: MapMethods = {
    get: (key) => map.get(key),
    has: (key) => map.has(key),
    set: (key, value) => map.set(key, value),
    delete: (key) => map.delete(key),
    compareAndSet: (key, expected, next) => map.compareAndSet(key, expected, next),
    update: (key, change) => map.update(key, change),
  }
  return { ...right, ...faults[fault](map) }
}

/** Lets other threads do something in between, on a machine with few cores, too. */
const pause = (): void => void Atomics.wait(cell, 0, 0, 0.01)
const cell = new Int32Array(new SharedArrayBuffer(4))

const faults: Readonly<Record<MapFault, (map: SharedMap) => Partial<MapMethods>>> = {
  /** Reads, then writes: what another thread wrote in between is lost. */
  'lost-update': (map) => ({
    update(key, change) {
      const next = change(map.get(key))
      pause()
      if (next !== undefined) map.set(key, next)
      return next
    },
  }),
  /** Every second read is answered from what this thread read before. */
  'stale-read': (map) => {
    const seen = new Map<MapKey, MapValue | undefined>()
    return {
      get(key) {
        if (seen.has(key)) {
          const value = seen.get(key)
          seen.delete(key)
          return value
        }
        const value = map.get(key)
        seen.set(key, value)
        return value
      },
    }
  },
  /** Writes a value in two steps, and the half of it is seen. */
  'torn-value': (map) => ({
    set(key, value) {
      map.set(key, typeof value === 'number' ? value + 1 : value.map((byte, at) => (at === 0 ? byte + 1 : byte)))
      pause()
      map.set(key, value)
    },
  }),
  /** Looks, then removes: two threads may both have seen what one of them removed. */
  'double-removal': (map) => ({
    delete(key) {
      const found = map.has(key)
      pause()
      map.delete(key)
      return found
    },
  }),
}
