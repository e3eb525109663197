import { systemClock } from '@qps/core'
import { BytesMap } from './bytes-map.ts'
import { handleError } from './errors.ts'
import type { MapHandle } from './handle.ts'
import { layoutOf } from './layout.ts'
import { makeMemory, makeParts, moveOwner } from './map-parts.ts'
import { NumberMap } from './number-map.ts'
import { type AttachOptions, planMap, type SharedMapOptions } from './options.ts'
import type { KeyForm, KeyOf, SharedMap, ValueForm, ValueOf } from './shared-map.ts'

/** The first owner: who makes the map. */
const maker = 1

/**
 * Makes a map in shared memory, empty. All memory is reserved at once and stays: what is never written is not resident.
 *
 * @throws QpsError QPS_OPTION for an option out of its range, or a map larger than 2 GiB.
 * @example
 * const counters = createSharedMap({ kind: 'optimistic', keys: 'string', values: 'number', capacity: 10_000 })
 * new Worker(file, { workerData: counters.share() })
 */
export function createSharedMap<K extends KeyForm, V extends ValueForm>(
  options: SharedMapOptions<K, V>,
): SharedMap<KeyOf<K>, ValueOf<V>> {
  const { kind, keys, values, shape, clock, random } = planMap(options)
  const layout = layoutOf(kind, keys, values, shape)
  const memory = makeMemory(layout, shape, random)
  moveOwner(new Int32Array(memory.buffer), layout, maker, 'free', 'attached')
  const [nowMs, wallMs] = [clock.nowMs(), clock.wallMs()]
  return makeMap({ kind, keys, values, shape, memory, owner: maker, nowMs, wallMs }, clock)
}

/**
 * A map that another thread made, in this one. Compiles the map's code: for the start of a thread, not for every request.
 *
 * @param handle from `share`; each is good for one thread.
 * @throws QpsError QPS_MAP_HANDLE where it was attached before, or its owner was declared dead.
 * @example const counters = attachSharedMap(workerData as MapHandle<'string', 'number'>)
 */
export function attachSharedMap<K extends KeyForm, V extends ValueForm>(
  handle: MapHandle<K, V>,
  options: AttachOptions = {},
): SharedMap<KeyOf<K>, ValueOf<V>> {
  const { kind, keys, values, shape, memory, owner } = handle
  const layout = layoutOf(kind, keys, values, shape)
  if (!moveOwner(new Int32Array(memory.buffer), layout, owner, 'reserved', 'attached')) throw handleError(owner)
  return makeMap(handle, options.clock ?? systemClock)
}

function makeMap<K extends KeyForm, V extends ValueForm>(
  handle: MapHandle<K, V>,
  clock: Parameters<typeof makeParts>[1],
): SharedMap<KeyOf<K>, ValueOf<V>> {
  const parts = makeParts<KeyOf<K>>(handle, clock)
  const map = handle.values === 'number' ? new NumberMap(parts) : new BytesMap(parts)
  return map as unknown as SharedMap<KeyOf<K>, ValueOf<V>>
}
