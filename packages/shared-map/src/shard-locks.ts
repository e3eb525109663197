import { type Clock, invariant } from '@qps/core'
import { status } from './code/status.ts'
import type { Core } from './code/core.ts'
import { lockError, takenError } from './errors.ts'
import type { MapShape } from './handle.ts'
import { apartBytes, contendedBit, type Layout, ownerAt, shardAt } from './layout.ts'

/** Times that a waiter is woken and finds the lock taken again, at most. */
export const roundsMax = 10_000

/**
 * What the core leaves undone where a lock is not free: sleeping until it is, with a bound, and naming who holds it.
 */
export class ShardLocks {
  readonly #core: Core
  readonly #words: Int32Array
  readonly #layout: Layout
  readonly #shape: MapShape
  readonly #owner: number
  readonly #clock: Clock
  readonly #waits: Int32Array

  constructor(core: Core, words: Int32Array, layout: Layout, shape: MapShape, owner: number, clock: Clock) {
    this.#core = core
    this.#words = words
    this.#layout = layout
    this.#shape = shape
    this.#owner = owner
    this.#clock = clock
    this.#waits = new Int32Array(shape.shards)
  }

  /** Takes the lock of the encoded key's shard. @throws QpsError QPS_MAP_LOCK_LOST. */
  lockKey(code: number): void {
    const result = this.#core.lock(code)
    if (result !== status.done) this.#wait(result, this.#core.shard(code), code)
  }

  /** @throws QpsError QPS_MAP_LOCK_LOST. */
  lockShard(shard: number): void {
    const result = this.#core.lockShard(shard)
    if (result !== status.done) this.#wait(result, shard, undefined)
  }

  /** @throws QpsError QPS_MAP_LOCK_LOST where somebody declared this thread dead. */
  unlock(): void {
    if (this.#core.unlock() === status.lost) throw takenError(this.#owner)
  }

  /** Waits until no reader is inside of the shard that this thread holds; gives the lock back where that takes too long. */
  drain(shard: number): void {
    if (this.isDrained(shard)) return
    this.#core.unlock()
    throw lockError(shard, this.#readerOf(shard), this.#shape.lockTimeoutMs)
  }

  /** The same, and the lock is kept in any case. False where a reader stays inside for `lockTimeoutMs`. */
  isDrained(shard: number): boolean {
    const at = this.index(shard, shardAt.readers)
    const startMs = this.#clock.nowMs()
    for (let round = 0; ; round++) {
      const readers = Atomics.load(this.#words, at)
      if (readers === 0) return true
      const leftMs = this.#leftMs(startMs, round)
      if (leftMs <= 0 || Atomics.wait(this.#words, at, readers, leftMs) === 'timed-out') return false
    }
  }

  /** Times that this thread slept, by shard. */
  get waits(): Int32Array {
    return this.#waits
  }

  /** Where a word of a shard stands among the map's words. */
  index(shard: number, offset: number): number {
    return (this.#layout.shards + shard * apartBytes + offset) / 4
  }

  #wait(first: number, shard: number, code: number | undefined): void {
    const startMs = this.#clock.nowMs()
    let result = first
    for (let round = 0; result !== status.done; round++) {
      invariant(result !== status.reentered, 'a map was used by the function that its update is calling')
      if (result === status.draining) return this.drain(shard)
      this.#sleep(shard, this.#leftMs(startMs, round))
      result = code === undefined ? this.#core.lockShard(shard) : this.#core.lock(code)
    }
  }

  /** Returns when the lock may be free. */
  #sleep(shard: number, leftMs: number): void {
    const at = this.index(shard, shardAt.lock)
    const seen = Atomics.load(this.#words, at)
    if (seen === 0) return
    const contended = seen | contendedBit
    if (seen !== contended && Atomics.compareExchange(this.#words, at, seen, contended) !== seen) return
    this.#waits[shard]!++
    if (leftMs > 0 && Atomics.wait(this.#words, at, contended, leftMs) !== 'timed-out') return
    throw lockError(shard, seen & ~contendedBit, this.#shape.lockTimeoutMs)
  }

  #leftMs(startMs: number, round: number): number {
    return round < roundsMax ? this.#shape.lockTimeoutMs - (this.#clock.nowMs() - startMs) : 0
  }

  /** Some owner that is noted as a reader of the shard, or 0. */
  #readerOf(shard: number): number {
    const header = this.#layout.shards + shard * apartBytes
    for (let owner = 1; owner <= this.#shape.ownersMax; owner++) {
      if (Atomics.load(this.#words, (this.#layout.owners + owner * apartBytes + ownerAt.reading) / 4) === header)
        return owner
    }
    return 0
  }
}
