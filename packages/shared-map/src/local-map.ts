import { checkInteger, checkNumber, type Clock, systemClock } from '@qps/core'
import { fullError, keyError, valueError } from './errors.ts'
import type { MapKey, MapOperations, MapValue, SharedMapStats } from './shared-map.ts'

export interface LocalMapOptions {
  /** Entries that fit, 1 to 4,194,304. */
  capacity: number
  /** Entries are gone `ttlMs` after they were last set, in milliseconds, above 0. Default: they stay. */
  expiry?: { ttlMs: number }
  /** Default the system's. Read for expiry only. */
  clock?: Clock
}

interface Entry<V> {
  value: V
  expiresMs: number
}

/**
 * JavaScript's own Map behind the interface of shared ones: every thread has another, and no thread sees what another sets.
 * The floor for the cost of a lookup, and the answer wherever sharing is not needed.
 */
export class LocalMap<K extends MapKey, V extends MapValue> implements MapOperations<K, V> {
  readonly capacity: number
  readonly #entries = new Map<K, Entry<V>>()
  readonly #ttlMs: number
  readonly #clock: Clock

  /** @throws QpsError QPS_OPTION. */
  constructor({ capacity, expiry, clock = systemClock }: LocalMapOptions) {
    this.capacity = checkInteger('capacity', capacity, { min: 1, max: 4_194_304 })
    this.#ttlMs = expiry === undefined ? Infinity : checkNumber('expiry.ttlMs', expiry.ttlMs, { min: Number.MIN_VALUE })
    this.#clock = clock
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: K): V | undefined {
    const entry = this.#live(key)
    return entry === undefined ? undefined : copyOf(entry.value)
  }

  has(key: K): boolean {
    return this.#live(key) !== undefined
  }

  set(key: K, value: V): void {
    const entry = this.#live(key)
    if (entry === undefined) return this.#insert(key, value)
    entry.value = checkValue(value)
    if (this.#ttlMs !== Infinity) entry.expiresMs = this.#expiresMs()
  }

  delete(key: K): boolean {
    return this.#live(key) !== undefined && this.#entries.delete(key)
  }

  compareAndSet(key: K, expected: V | undefined, next: V | undefined): boolean {
    if (!isSame(this.#live(key)?.value, expected)) return false
    if (next === undefined) this.#entries.delete(key)
    else this.set(key, next)
    return true
  }

  update(key: K, change: (value: V | undefined) => V | undefined): V | undefined {
    const next = change(this.get(key))
    if (next === undefined) this.#entries.delete(key)
    else this.set(key, next)
    return next
  }

  *entries(): IterableIterator<[K, V]> {
    const copied = [...this.#entries.keys()].flatMap((key): [K, V][] => {
      const value = this.get(key)
      return value === undefined ? [] : [[key, value]]
    })
    yield* copied
  }

  sweep(): number {
    const before = this.size
    for (const key of this.#entries.keys()) this.#live(key)
    return before - this.size
  }

  stats(): SharedMapStats {
    const shard = { entries: this.size, readRetries: 0, waits: 0 }
    return { entries: this.size, capacity: this.capacity, bytes: 0, shards: [shard] }
  }

  [Symbol.dispose](): void {
    this.#entries.clear()
  }

  #insert(key: K, value: V): void {
    if (typeof key !== 'string' && !Number.isSafeInteger(key)) throw keyError('a string or a safe integer', key)
    if (this.size >= this.capacity && this.sweep() === 0) throw fullError(this.capacity)
    this.#entries.set(key, { value: checkValue(value), expiresMs: this.#expiresMs() })
  }

  #expiresMs(): number {
    return this.#ttlMs === Infinity ? Infinity : this.#clock.nowMs() + this.#ttlMs
  }

  #live(key: K): Entry<V> | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || this.#ttlMs === Infinity || entry.expiresMs > this.#clock.nowMs()) return entry
    this.#entries.delete(key)
    return undefined
  }
}

/** Bytes belong to whoever has them: the map's are copies. */
const copyOf = <V extends MapValue>(value: V): V =>
  (typeof value === 'number' ? value : new Uint8Array(value as Uint8Array)) as V

function checkValue<V extends MapValue>(value: V): V {
  if (typeof value !== 'number' && !(value instanceof Uint8Array)) throw valueError('a number or a Uint8Array', value)
  return copyOf(value)
}

function isSame(left: MapValue | undefined, right: MapValue | undefined): boolean {
  if (!(left instanceof Uint8Array) || !(right instanceof Uint8Array)) return Object.is(left, right)
  return left.length === right.length && left.every((byte, index) => byte === right[index])
}
