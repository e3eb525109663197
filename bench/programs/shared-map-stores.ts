import type { MessagePort } from 'node:worker_threads'
import { attachSharedMap, type MapHandle, type MapKind, type MapOperations, OwnerMap } from '@qps/shared-map'
import { writeBit } from './shared-map-sequence.ts'

/** The maps of 05-shared-map: the four in shared memory, a map of each thread's own, and one thread that has it and is asked. */
export const storeKinds = ['snapshot', 'locked', 'sharded', 'optimistic', 'local', 'owner'] as const
export type StoreKind = (typeof storeKinds)[number]

export const keyForms = ['string', 'integer'] as const
export type KeyForm = (typeof keyForms)[number]

/** What a thread needs in order to use the map; goes through `workerData`. Nothing: it makes a map of its own. */
export type StoreHandle = { map: MapHandle } | { owner: MessagePort } | undefined

/** A map with all keys in it, as a thread works with it. */
export interface Store {
  /** Does the operations from `from` to `to`: a read adds the value to the sum that is returned, a write sets `stamp`. */
  batch(operations: Int32Array, from: number, to: number, stamp: number): number | Promise<number>
  /** The value of a key, by its number. */
  value(key: number): number | undefined | Promise<number | undefined>
}

/** Of twelve bytes, or apart from each other by an odd number; as in the peers' programs. */
export function keysOf(form: KeyForm, entries: number): (string | number)[] {
  return form === 'integer'
    ? Array.from({ length: entries }, (_, key) => key * 7919)
    : Array.from({ length: entries }, (_, key) => flat(`key-${String(key).padStart(8, '0')}`))
}

/** A string in one piece: what was put together stays in parts until somebody looks at it as a whole, such as JSON does. */
function flat(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string
}

/** @param keys of {@link keysOf}; a map of the thread's own gets them now. */
export function attachStore(handle: StoreHandle, keys: readonly (string | number)[]): Store {
  if (handle === undefined) return mapStore(filled(new Map<string | number, number>(), keys), keys)
  if ('owner' in handle) return ownerStore(new OwnerMap<string | number, number>(handle.owner), keys)
  return mapStore(attachSharedMap(handle.map) as unknown as MapOperations<string | number, number>, keys)
}

/** Sets all keys: each has its number as its value. */
export function filled<Filled extends { set(key: string | number, value: number): unknown }>(
  map: Filled,
  keys: readonly (string | number)[],
): Filled {
  for (const [value, key] of keys.entries()) map.set(key, value)
  return map
}

export function isShared(kind: StoreKind): kind is MapKind {
  return kind !== 'local' && kind !== 'owner'
}

interface Gettable {
  get(key: string | number): number | undefined
  set(key: string | number, value: number): unknown
}

function mapStore(map: Gettable, keys: readonly (string | number)[]): Store {
  return {
    batch(operations, from, to, stamp) {
      let sum = 0
      for (let at = from; at < to; at++) {
        const operation = operations[at]!
        if (operation < 0) map.set(keys[operation ^ writeBit]!, stamp)
        else sum += map.get(keys[operation]!)!
      }
      return sum
    },
    value: (key) => map.get(keys[key]!),
  }
}

/** One operation at a time, as with the others: the thread waits for its answer. */
function ownerStore(map: OwnerMap<string | number, number>, keys: readonly (string | number)[]): Store {
  return {
    async batch(operations, from, to, stamp) {
      let sum = 0
      for (let at = from; at < to; at++) {
        const operation = operations[at]!
        if (operation < 0) await map.set(keys[operation ^ writeBit]!, stamp)
        else sum += (await map.get(keys[operation]!))!
      }
      return sum
    },
    value: (key) => map.get(keys[key]!),
  }
}
