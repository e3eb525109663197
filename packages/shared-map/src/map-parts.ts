import type { Clock, Random } from '@qps/core'
import { type Core, makeCore } from './code/core.ts'
import type { MapHandle, MapShape } from './handle.ts'
import { IntegerKeys } from './keys/integer-keys.ts'
import type { KeyCodec } from './keys/key-codec.ts'
import { StringKeys } from './keys/string-keys.ts'
import { apartBytes, type Layout, layoutOf, ownerAt, ownerStates, shardAt } from './layout.ts'
import { ShardLocks } from './shard-locks.ts'
import type { KeyForm, MapKey, MapKind, ValueForm } from './shared-map.ts'
import { engine, pageBytes, type SharedMemory } from './wasm/engine.ts'

/** What a thread's object of a map is made of. */
export interface MapParts<K extends MapKey> {
  readonly kind: MapKind
  readonly keyForm: KeyForm
  readonly valueForm: ValueForm
  readonly shape: MapShape
  readonly layout: Layout
  readonly memory: SharedMemory
  readonly words: Int32Array
  readonly owner: number
  /** Where this thread's scratch begins, in bytes. */
  readonly scratch: number
  readonly keys: KeyCodec<K>
  readonly core: Core
  readonly locks: ShardLocks
  /** The map's time: the same in all threads. */
  readonly nowMs: () => number
  readonly wallMs: () => number
}

/** Memory for a map, with its secret; all zeroes otherwise, but for the first spare cells. */
export function makeMemory(layout: Layout, shape: MapShape, random: Random): SharedMemory {
  const pages = layout.bytes / pageBytes
  const memory = new engine.Memory({ initial: pages, maximum: pages, shared: true })
  const words = new Int32Array(memory.buffer)
  for (let index = 0; index < 2 * layout.secretWords; index++) {
    words[layout.secret / 4 + index] = Math.floor(random() * 2 ** 32)
  }
  for (let shard = 0; shard < shape.shards; shard++) {
    const spare = shard * (layout.entriesPerShard + 1) + layout.entriesPerShard
    words[(layout.shards + shard * apartBytes + shardAt.spareCell) / 4] = spare
  }
  return memory
}

/** The parts for the thread that has this handle, whose owner is attached already. */
export function makeParts<K extends MapKey>(handle: MapHandle, clock: Clock): MapParts<K> {
  const { kind, keys: keyForm, values: valueForm, shape, memory, owner } = handle
  const layout = layoutOf(kind, keyForm, valueForm, shape)
  const words = new Int32Array(memory.buffer)
  const scratch = layout.scratch + owner * layout.scratchBytes
  // Whoever had this number before left its counters there.
  words.fill(0, scratch / 4, (scratch + layout.scratchBytes) / 4)
  const secret = new BigUint64Array(memory.buffer, layout.secret, layout.secretWords)
  const core = makeCore({ kind, keys: keyForm, values: valueForm, shape, layout, owner, scratch, secret }, memory)
  const keys =
    core.encode === undefined
      ? new IntegerKeys(words)
      : new StringKeys(core.encode, words, layout, scratch, shape.keyBytesMax)
  // Clocks of threads start at different instants: the two times of the handle say where this one stands, once.
  const offsetMs = handle.nowMs + (clock.wallMs() - handle.wallMs) - clock.nowMs()
  return {
    kind,
    keyForm,
    valueForm,
    shape,
    layout,
    memory,
    words,
    owner,
    scratch,
    keys: keys as unknown as KeyCodec<K>,
    core,
    locks: new ShardLocks(core, words, layout, shape, owner, clock),
    nowMs: () => clock.nowMs() + offsetMs,
    wallMs: () => clock.wallMs(),
  }
}

/** Index of an owner's state among the map's words. */
export const ownerIndex = (layout: Layout, owner: number): number =>
  (layout.owners + owner * apartBytes + ownerAt.state) / 4

/** Takes an owner from one state to another; false where it is in a third. */
export function moveOwner(
  words: Int32Array,
  layout: Layout,
  owner: number,
  from: keyof typeof ownerStates,
  to: keyof typeof ownerStates,
): boolean {
  const index = ownerIndex(layout, owner)
  return Atomics.compareExchange(words, index, ownerStates[from], ownerStates[to]) === ownerStates[from]
}
