import { checkInteger, QpsError } from '@qps/core'
import type { Core } from './code/core.ts'
import { status } from './code/status.ts'
import { closedError, fullError, ownersError, takenError } from './errors.ts'
import type { MapHandle } from './handle.ts'
import { headBytes, mapAt, scratchAt, shardAt } from './layout.ts'
import { type MapParts, moveOwner } from './map-parts.ts'
import { recover } from './recovery.ts'
import type { KeyFormOf, MapKey, MapKind, MapValue, SharedMap, SharedMapStats, ValueFormOf } from './shared-map.ts'

/** What a function of {@link TableMap.change} returns in order to change nothing. */
export const unchanged: unique symbol = Symbol('unchanged')

/**
 * What maps of numbers and of bytes have in common: everything but the two calls that have to be fast.
 *
 * Keys and bytes travel to the core through the thread's scratch, so an operation encodes its key last before it calls.
 */
export abstract class TableMap<K extends MapKey, V extends MapValue> implements SharedMap<K, V> {
  readonly kind: MapKind
  readonly capacity: number
  readonly owner: number
  protected readonly parts: MapParts<K>
  protected readonly expires: boolean
  protected core: Core
  readonly #doubles: Float64Array
  #closed = false

  constructor(parts: MapParts<K>) {
    this.parts = parts
    this.kind = parts.kind
    this.capacity = parts.shape.capacity
    this.owner = parts.owner
    this.expires = parts.shape.ttlMs > 0
    this.core = parts.core
    this.#doubles = new Float64Array(parts.memory.buffer)
  }

  abstract get(key: K): V | undefined
  abstract set(key: K, value: V): void

  /** The value under the lock, of the key that was encoded last. */
  protected abstract peek(code: number): V | undefined
  /** The core's answer to putting a value under the lock. @throws QpsError QPS_MAP_VALUE. */
  protected abstract put(code: number, value: V): number
  protected abstract isSame(left: V | undefined, right: V | undefined): boolean
  /** The value of an entry under the lock. */
  protected abstract valueAt(head: number): V

  get size(): number {
    return Math.max(0, Atomics.load(this.parts.words, mapAt.total / 4))
  }

  has(key: K): boolean {
    const code = this.encode(key)
    const result = this.core.has(code)
    return result === status.busy ? this.readLocked(code) !== undefined : result === status.done
  }

  delete(key: K): boolean {
    return this.change(key, (value) => (value === undefined ? unchanged : undefined))
  }

  compareAndSet(key: K, expected: V | undefined, next: V | undefined): boolean {
    return this.change(key, (value) => (this.isSame(value, expected) ? next : unchanged))
  }

  update(key: K, change: (value: V | undefined) => V | undefined): V | undefined {
    let next: V | undefined
    this.change(key, (value) => (next = change(value)))
    return next
  }

  *entries(): IterableIterator<[K, V]> {
    for (let shard = 0; shard < this.parts.shape.shards; shard++) yield* this.#copyShard(shard)
  }

  sweep(): number {
    this.#checkOpen()
    if (!this.expires) return 0
    let removed = 0
    for (let shard = 0; shard < this.parts.shape.shards; shard++) {
      this.parts.locks.lockShard(shard)
      this.readClock()
      removed += this.core.expire()
      this.parts.locks.unlock()
    }
    return removed
  }

  stats(): SharedMapStats {
    const { shape, layout, locks, words, scratch } = this.parts
    const retries = (scratch + scratchAt.tail + layout.tailBytes + layout.cellBytes) / 4
    return {
      entries: this.size,
      capacity: this.capacity,
      bytes: layout.bytes,
      shards: Array.from({ length: shape.shards }, (_, shard) => ({
        entries: Atomics.load(words, locks.index(shard, shardAt.count)),
        readRetries: words[retries + shard]!,
        waits: locks.waits[shard]!,
      })),
    }
  }

  share(): MapHandle<KeyFormOf<K>, ValueFormOf<V>> {
    this.#checkOpen()
    const { kind, keyForm: keys, valueForm: values, memory, shape, words, layout, nowMs, wallMs } = this.parts
    for (let owner = 1; owner <= shape.ownersMax; owner++) {
      if (!moveOwner(words, layout, owner, 'free', 'reserved')) continue
      const handle: MapHandle = { kind, keys, values, memory, owner, shape, nowMs: nowMs(), wallMs: wallMs() }
      return handle as MapHandle<KeyFormOf<K>, ValueFormOf<V>>
    }
    throw ownersError(shape.ownersMax)
  }

  declareDead(owner: number): number {
    this.#checkOpen()
    checkInteger('owner', owner, { min: 1, max: this.parts.shape.ownersMax })
    if (owner === this.owner) throw new QpsError('QPS_OPTION', `owner ${owner} is the caller, which lives`)
    return recover(this.parts, owner)
  }

  [Symbol.dispose](): void {
    if (this.#closed) return
    this.#closed = true
    this.close(closedCore)
    moveOwner(this.parts.words, this.parts.layout, this.owner, 'attached', 'free')
  }

  /** Puts a core in the place of the present one. */
  protected close(core: Core): void {
    this.core = core
  }

  /** Ready for a call of the core with the key as it is: in which an entry may have expired. */
  protected prepare(key: K): void {
    this.parts.keys.check(key)
    if (this.expires) this.readClock()
  }

  /** Ready for a call of the core with what this gives. */
  protected encode(key: K): number {
    if (this.expires) this.readClock()
    return this.parts.keys.encode(key)
  }

  protected readClock(): void {
    this.#doubles[(this.parts.scratch + scratchAt.nowMs) / 8] = this.parts.nowMs()
  }

  /** A read for which the core wants the lock. */
  protected readLocked(code: number): V | undefined {
    const { locks } = this.parts
    locks.lockKey(code)
    try {
      return this.peek(code)
    } finally {
      if (this.kind === 'snapshot') this.#publishIfDue(this.core.held())
      locks.unlock()
    }
  }

  /** A write that met an obstacle: the lock, a full index, a full map. */
  protected setSlowly(key: K, value: V, result: number): void {
    if (result === status.lost) throw takenError(this.owner)
    // The lock is held, readers are inside: what follows takes it again, and waits for them.
    if (result === status.draining) this.parts.locks.unlock()
    this.change(key, () => value)
  }

  /**
   * Reads, decides and writes under the lock.
   *
   * @returns false where `decide` gave {@link unchanged}.
   */
  protected change(key: K, decide: (value: V | undefined) => V | undefined | typeof unchanged): boolean {
    for (let swept = false; ; swept = true) {
      const result = this.#changeOnce(key, decide)
      if (result !== status.full) return result === status.done
      if (swept || this.sweep() === 0) throw fullError(this.capacity)
    }
  }

  /** done, absent where nothing was to be changed, or full. */
  #changeOnce(key: K, decide: (value: V | undefined) => V | undefined | typeof unchanged): number {
    this.#checkOpen()
    const { locks } = this.parts
    const code = this.encode(key)
    locks.lockKey(code)
    try {
      const next = decide(this.peek(code))
      if (next === unchanged) return status.absent
      // `decide` may have read from this map, and so have used the scratch.
      this.encode(key)
      if (next === undefined) this.core.remove(code)
      else return this.#putHeld(code, next)
      return status.done
    } finally {
      locks.unlock()
    }
  }

  #putHeld(code: number, value: V): number {
    const result = this.put(code, value)
    if (result !== status.rebuild) return result
    this.core.rebuild()
    return this.put(code, value)
  }

  /** A snapshot that sends too many readers to the lock is replaced: as many as copying what is new costs. */
  #publishIfDue(shard: number): void {
    const { words, locks } = this.parts
    const at = (offset: number): number => locks.index(shard, offset)
    if (words[at(shardAt.amended)] === 0) return
    const misses = ++words[at(shardAt.misses)]!
    if (misses < words[at(shardAt.count)]!) return
    words[at(shardAt.misses)] = 0
    Atomics.add(words, at(shardAt.version), 1)
    Atomics.store(words, at(shardAt.amended), 0)
  }

  #copyShard(shard: number): [K, V][] {
    this.#checkOpen()
    const { words, locks, layout, keys } = this.parts
    const copied: [K, V][] = []
    locks.lockShard(shard)
    try {
      const first = layout.heads + shard * layout.entriesPerShard * headBytes
      const end = first + words[locks.index(shard, shardAt.fresh)]! * headBytes
      for (let head = first; head < end; head += headBytes) {
        if ((words[head / 4]! & 1) === 1 && !this.#isExpired(head)) copied.push([keys.decode(head), this.valueAt(head)])
      }
    } finally {
      locks.unlock()
    }
    return copied
  }

  #isExpired(head: number): boolean {
    if (!this.expires) return false
    const { expiries, heads } = this.parts.layout
    return this.#doubles[(expiries + (head - heads) / 4) / 8]! <= this.parts.nowMs()
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError()
  }
}

/** In the place of the core of a map that was disposed of. */
const closedCore = new Proxy({} as Core, {
  get: () => () => {
    throw closedError()
  },
})
