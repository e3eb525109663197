import { checkInteger } from '@qps/core'
import { type ShelfStats, Shelves } from './buffers/shelves.ts'
import type { SizeClass, Slab } from './buffers/slab.ts'
import { firstForeign, poison } from './development/poison.ts'
import { type Frame, traceAbove } from './development/trace.ts'
import { type Leak, type LeakOptions, Watch } from './development/watch.ts'
import { WatchedBufferLease } from './development/watched-lease.ts'
import { closedError, exhaustedError, writtenError } from './errors.ts'
import type { BufferLease } from './lease.ts'
import { type BufferPlan, type BufferPoolOptions, planBuffers, timeoutMsMax, type TrimOptions } from './options.ts'
import { type Home, PlainBufferLease } from './plain-lease.ts'
import { releasesPerLook, Trimming } from './trimming.ts'
import { type WaitOptions, Waiters } from './waiters.ts'

/**
 * What a pool holds now (`bytesReserved` in slabs, `bytesHeld` by holders, `slabs`, `held`, `idle`, `waiting`), and what it
 * has done so far.
 */
export interface BufferPoolStats extends ShelfStats {
  waiting: number
  acquired: number
  /** Callers who got QPS_POOL_EXHAUSTED, or nothing from `tryAcquire`. */
  rejected: number
  /** Leases that the collector freed before they were given back. Their bytes stay reserved: a view may still exist. */
  forgotten: number
}

/**
 * A bounded pool of buffers, by size class. Buffers of one size are cut out of slabs, whose memory is injected.
 *
 *   acquire(700) ──► class 768 ──► idle? ──yes──► held ──release──► a waiter? ──yes──► held
 *                                   no             ▲                     └─no──► idle
 *                                   ▼              │                              │ whole slab idle for idleMs
 *                            room in a slab? ─yes──┤                              ▼
 *                                   no             │                            free
 *                                   ▼              │
 *                       room for a slab? ─yes──► allocate
 *                                   no ──► free slabs that are idle in other classes; else grow, wait or reject
 *
 * - Never more than `bytesMax` bytes in slabs (`bytesHardMax` with `grow`), and never a byte with two holders.
 * - First come, first served among those who wait, whatever they ask for; while somebody waits, `acquire` is rejected.
 * - What is used last is lent first. Slabs that nobody needed for `idleMs` are freed, by `trim` or on the way of a release;
 *   there is no timer.
 *
 * acquire and release are O(1). For one thread, as {@link BufferLease}s are: each thread makes its own pool.
 *
 * @example
 * using buffers = new BufferPool({ bytesMax: 1024 * 1024 })
 * using lease = buffers.acquire(700)
 * lease.bytes.length // 768
 */
export class BufferPool implements Disposable, Home<PlainBufferLease> {
  readonly name: string
  readonly #plan: BufferPlan
  readonly #inProduction: boolean
  readonly #clear: boolean
  readonly #shelves: Shelves
  readonly #waiters: Waiters
  readonly #trimming: Trimming
  /** Production: notices that a place was forgotten while it was held. Entered once per place, not per lease. */
  readonly #collector = new FinalizationRegistry<undefined>(() => void this.#forgotten++)
  readonly #watch: Watch<PlainBufferLease> | undefined
  /** Development with memory of our own: each buffer is alone in its ArrayBuffer, so that old views can be emptied. */
  readonly #isolated: boolean
  /** Nothing to look at on the way: production, nobody may wait, nothing grows, not closed. */
  #simple: boolean
  #closed = false
  #released = 0
  #rejected = 0
  #forgotten = 0

  /** @throws QpsError QPS_OPTION for an option out of its range. */
  constructor(options: BufferPoolOptions) {
    const plan = planBuffers(options)
    const { name, clock, onLeak } = plan
    this.name = name
    this.#plan = plan
    this.#clear = plan.clear
    this.#inProduction = plan.mode === 'production'
    this.#simple = this.#inProduction && plan.whenExhausted === 'reject'
    this.#isolated = !this.#inProduction && plan.allocate === undefined
    this.#shelves = new Shelves(plan, this.#isolated, {
      added: (slab, view) => this.#added(slab, view),
      removed: (slot) => void this.#collector.unregister(slot),
    })
    this.#waiters = new Waiters(clock)
    this.#trimming = new Trimming(clock, plan.idleMs)
    if (this.#inProduction) return
    this.#watch = new Watch({ name, clock, onLeak, lose: () => void this.#forgotten++ })
  }

  /**
   * A buffer of at least so many bytes for the caller alone, at once. Allocates nothing in production where one is idle.
   *
   * @param bytes 0 to the largest class.
   * @throws QpsError QPS_POOL_EXHAUSTED where the bound is reached or others wait (retryable, with `retryAfterMs`); QPS_OPTION
   * where `bytes` is out of range; QPS_POOL_CREATE where `allocate` failed; QPS_POOL_CLOSED after the end; in development
   * QPS_LEASE_WRITTEN where the buffer was written to since its last release.
   */
  acquire(bytes: number): BufferLease {
    const sizeClass = this.#shelves.classFor(bytes)
    if (this.#simple) {
      const slot = sizeClass.idle.pop()
      if (slot !== undefined) {
        slot.held = true
        slot.slab.held++
        return slot
      }
    }
    return this.#acquireNow(sizeClass, this.acquire)
  }

  /**
   * As {@link acquire}, but undefined where the bound is reached or others wait: making an error costs more than lending a
   * buffer, and a server that is overloaded should not do it for each request.
   */
  tryAcquire(bytes: number): BufferLease | undefined {
    const lease = this.#takeNow(this.#shelves.classFor(bytes), this.tryAcquire)
    if (lease === undefined) this.#rejected++
    return lease
  }

  /**
   * A buffer for the caller alone; with `whenExhausted: 'wait'` as soon as it is the caller's turn.
   *
   * @returns rejects as `acquire` throws; with QPS_POOL_EXHAUSTED also where `timeoutMs` passed or `waitersMax` wait already;
   * with the signal's reason where it aborted.
   */
  acquireAsync(bytes: number, options: WaitOptions = {}): Promise<BufferLease> {
    return new Promise((resolve) => resolve(this.#acquireLater(bytes, options, this.acquireAsync)))
  }

  /**
   * Frees slabs that nobody needed in the last `idleMs`; nothing where the last look is not so long ago. Call it from a
   * sweep that the process has anyway. O(idle log idle).
   *
   * @returns how many bytes.
   */
  trim({ all = false }: TrimOptions = {}): number {
    if (!this.#trimming.begin(all)) return 0
    const before = this.#shelves.bytesReserved
    this.#shelves.trim(all)
    return before - this.#shelves.bytesReserved
  }

  stats(): BufferPoolStats {
    const shelves = this.#shelves.stats()
    return {
      ...shelves,
      waiting: this.#waiters.count,
      acquired: this.#released + shelves.held,
      rejected: this.#rejected,
      forgotten: this.#forgotten,
    }
  }

  /** Leases that were forgotten, and with `heldMsMin` those that are held for so long. Empty in production. */
  leaks(options: LeakOptions = {}): Leak[] {
    return this.#watch?.leaks(options) ?? []
  }

  /** Looks at everything idle, in development. @throws QpsError QPS_LEASE_WRITTEN for the first that was written to. */
  verify(): void {
    if (this.#inProduction) return
    for (const slot of this.#shelves.idle()) this.#refuseWritten(slot)
  }

  /**
   * Ends the pool: idle slabs are freed, whoever waits fails with QPS_POOL_CLOSED, a slab in use is freed when its last
   * lease comes back. Again: nothing.
   *
   * @throws QpsError in development, when that is done: QPS_LEASE_WRITTEN as {@link verify}; QPS_LEASE_LEAKED where leases
   * are held or were forgotten, naming where they were acquired.
   */
  [Symbol.dispose](): void {
    if (this.#closed) return
    this.#closed = true
    this.#simple = false
    try {
      this.verify()
      this.#watch?.refuseLeaks()
    } finally {
      this.#shelves.close()
      this.#waiters.fail(closedError(this.name))
    }
  }

  /** For the leases of this pool, and for nobody else: give back by `release`. */
  giveBack(slot: PlainBufferLease): void {
    const { slab } = slot
    slab.held--
    if (this.#clear) slot.view.fill(0)
    if (this.#simple) slab.sizeClass.idle.push(slot)
    else this.#giveCarefully(slot, slab)
    if ((++this.#released & (releasesPerLook - 1)) === 0) this.trim()
  }

  #giveCarefully(slot: PlainBufferLease, slab: Slab): void {
    if (!this.#inProduction) poison(slot.view)
    if (slab.extra || this.#closed) this.#shelves.drop(slot)
    else slab.sizeClass.idle.push(slot)
    this.#waiters.serve()
  }

  #acquireNow(sizeClass: SizeClass, above: Frame): BufferLease {
    const lease = this.#takeNow(sizeClass, above)
    if (lease === undefined) throw this.#reject(this.#shortage(sizeClass))
    return lease
  }

  #takeNow(sizeClass: SizeClass, above: Frame): BufferLease | undefined {
    if (this.#closed) throw closedError(this.name)
    const slot = this.#waiters.count === 0 ? this.#shelves.take(sizeClass) : undefined
    return slot && this.#lend(slot, this.#traceAbove(above))
  }

  #acquireLater(bytes: number, { signal, timeoutMs }: WaitOptions, above: Frame): BufferLease | Promise<BufferLease> {
    const { waitTimeoutMs, waitersMax, whenExhausted } = this.#plan
    const sizeClass = this.#shelves.classFor(bytes)
    const waitMs = checkInteger('timeoutMs', timeoutMs ?? waitTimeoutMs, { min: 0, max: timeoutMsMax })
    signal?.throwIfAborted()
    if (whenExhausted !== 'wait') return this.#acquireNow(sizeClass, above)
    if (this.#closed) throw closedError(this.name)
    const trace = this.#traceAbove(above)
    const take = (): BufferLease | undefined => {
      const slot = this.#shelves.take(sizeClass)
      return slot && this.#lend(slot, trace)
    }
    const lease = this.#waiters.count === 0 ? take() : undefined
    if (lease !== undefined) return lease
    if (this.#waiters.count >= waitersMax) throw this.#reject(`${waitersMax} callers wait already`)
    const timedOut = (): Error => this.#reject(`nothing was given back in ${waitMs} ms; ${this.#shortage(sizeClass)}`)
    return this.#waiters.wait(take, { signal, timeoutMs: waitMs }, timedOut)
  }

  #added(slab: Slab, view: Uint8Array): PlainBufferLease {
    const slot = new PlainBufferLease(this, slab, view)
    if (this.#inProduction) this.#collector.register(slot, undefined, slot)
    else poison(view)
    return slot
  }

  #lend(slot: PlainBufferLease, trace: string): BufferLease {
    const watch = this.#watch
    if (watch !== undefined) this.#prepare(slot)
    slot.held = true
    slot.slab.held++
    return watch === undefined ? slot : new WatchedBufferLease(watch.begin(slot, slot.generation, trace), watch)
  }

  /** Development: nobody wrote to it, and nobody who had it before sees it from here on. */
  #prepare(slot: PlainBufferLease): void {
    try {
      this.#refuseWritten(slot)
    } catch (error) {
      poison(slot.view)
      slot.slab.sizeClass.idle.push(slot)
      throw error
    }
    if (this.#isolated) slot.view = slot.slab.moved()
    if (this.#clear) slot.view.fill(0)
  }

  #refuseWritten(slot: PlainBufferLease): void {
    const at = firstForeign(slot.view)
    if (at < 0) return
    throw writtenError(this.name, `byte ${at} is ${slot.view[at]}`, this.#watch?.lastOf(slot))
  }

  #traceAbove(above: Frame): string {
    return this.#watch === undefined ? '' : traceAbove(above)
  }

  #shortage({ bytes }: SizeClass): string {
    const { bytesMax } = this.#plan
    const why = this.#waiters.count > 0 ? `${this.#waiters.count} callers wait` : `of ${bytesMax} too few are free`
    return `no buffer of ${bytes} bytes: ${why}`
  }

  #reject(what: string): Error {
    this.#rejected++
    return exhaustedError(this.name, what + (this.#watch?.oldest() ?? ''), this.#plan.retryAfterMs)
  }
}
