import { checkInteger, invariant } from '@qps/core'
import { Freshness } from './development/freshness.ts'
import { type Frame, traceAbove } from './development/trace.ts'
import { type Leak, type LeakOptions, Watch } from './development/watch.ts'
import { WatchedLease } from './development/watched-lease.ts'
import { closedError, createError, dirtyError, exhaustedError, resetError, writtenError } from './errors.ts'
import { IdleStack } from './idle-stack.ts'
import type { Lease } from './lease.ts'
import { type ObjectPlan, type ObjectPoolOptions, planObjects, timeoutMsMax, type TrimOptions } from './options.ts'
import { type Home, PlainLease } from './plain-lease.ts'
import { releasesPerLook, Trimming } from './trimming.ts'
import { type WaitOptions, Waiters } from './waiters.ts'

/** What a pool holds now, and what it has done so far. */
export interface ObjectPoolStats {
  /** Objects that exist: `held` and `idle` together. */
  size: number
  held: number
  idle: number
  waiting: number
  acquired: number
  created: number
  /** Let go because nobody needed them. */
  trimmed: number
  /** Thrown away because `reset` failed, or they were dirty or written to. */
  discarded: number
  /** Callers who got QPS_POOL_EXHAUSTED, or nothing from `tryAcquire`. */
  rejected: number
  /** Leases that the collector freed before they were given back. */
  forgotten: number
}

/**
 * A bounded pool of objects that are made once and lent again and again.
 *
 *   acquire ──► idle? ──yes──► held ──release──► reset ──► a waiter? ──yes──► held
 *      │         no             ▲                  │             └─no──► idle ──idleMs──► let go
 *      ▼                        │                  └─ throws, or leaves it dirty ──► thrown away
 *    room? ──yes──► create ─────┘
 *      └─no──► grow, wait or reject
 *
 * - Never more than `sizeMax` objects (`sizeHardMax` with `grow`), and never one with two holders.
 * - `reset` runs at the release, so that nothing idle keeps anybody's data, and whoever broke it is told.
 * - First come, first served among those who wait.
 * - What is used last is lent first; what lies unused at the bottom for `idleMs` is let go, by `trim` or on the way of a
 *   release. There is no timer: a pool that nobody uses is trimmed only by whoever calls `trim`.
 *
 * acquire and release are O(1). For one thread: each thread makes its own pool, and a lease does not cross.
 *
 * @example
 * using pool = new ObjectPool({ create: () => ({ user: '' }), reset: (value) => void (value.user = '') })
 * using lease = pool.acquire()
 * lease.value.user = 'ada'
 */
export class ObjectPool<T> implements Disposable, Home<PlainLease<T>> {
  readonly name: string
  readonly #plan: ObjectPlan<T>
  readonly #create: () => T
  readonly #reset: ((value: T) => void) | undefined
  readonly #sizeMax: number
  readonly #inProduction: boolean
  readonly #idle: IdleStack<PlainLease<T>> = new IdleStack()
  readonly #waiters: Waiters
  readonly #trimming: Trimming
  /** Production: notices that a place was forgotten while it was held. Entered once per place, not per lease. */
  readonly #collector = new FinalizationRegistry<undefined>(() => this.#lose())
  readonly #watch: Watch<PlainLease<T>> | undefined
  readonly #freshness: Freshness<PlainLease<T>> | undefined
  /** Nothing to look at on the way: production, nobody may wait, nothing grows, not closed. */
  #simple: boolean
  /** And nothing to reset. */
  #bare: boolean
  #closed = false
  #size = 0
  #released = 0
  #created = 0
  #trimmed = 0
  #discarded = 0
  #rejected = 0
  #forgotten = 0

  /** @throws QpsError QPS_OPTION for an option out of its range. */
  constructor(options: ObjectPoolOptions<T>) {
    const plan = planObjects(options)
    const { name, clock, onLeak, carries } = plan
    this.name = name
    this.#plan = plan
    this.#create = plan.create
    this.#reset = plan.reset
    this.#sizeMax = plan.sizeMax
    this.#inProduction = plan.mode === 'production'
    this.#simple = this.#inProduction && plan.whenExhausted === 'reject'
    this.#bare = this.#simple && plan.reset === undefined
    this.#waiters = new Waiters(clock)
    this.#trimming = new Trimming(clock, plan.idleMs)
    if (this.#inProduction) return
    this.#watch = new Watch({ name, clock, onLeak, lose: () => this.#lose() })
    this.#freshness = carries === 'everything' ? undefined : new Freshness(carries)
  }

  /**
   * An object for the caller alone, at once. In production, where one is idle, nothing is allocated.
   *
   * @throws QpsError QPS_POOL_EXHAUSTED where the bound is reached (retryable, with `retryAfterMs`); QPS_POOL_CREATE where
   * `create` threw; QPS_POOL_CLOSED after the end; in development QPS_LEASE_WRITTEN where an idle object was changed.
   */
  acquire(): Lease<T> {
    if (this.#simple) {
      const slot = this.#idle.pop()
      if (slot !== undefined) {
        slot.held = true
        return slot
      }
    }
    return this.#acquireNow(this.acquire)
  }

  /**
   * As {@link acquire}, but undefined where the bound is reached: making an error costs more than lending an object, and
   * a server that is overloaded should not do it for each request.
   */
  tryAcquire(): Lease<T> | undefined {
    const lease = this.#takeNow(this.tryAcquire)
    if (lease === undefined) this.#rejected++
    return lease
  }

  /**
   * An object for the caller alone; with `whenExhausted: 'wait'` as soon as it is the caller's turn.
   *
   * @returns rejects as `acquire` throws; with QPS_POOL_EXHAUSTED also where `timeoutMs` passed or `waitersMax` wait already;
   * with the signal's reason where it aborted.
   */
  acquireAsync(options: WaitOptions = {}): Promise<Lease<T>> {
    return new Promise((resolve) => resolve(this.#acquireLater(options, this.acquireAsync)))
  }

  /**
   * Lets go of what nobody needed in the last `idleMs`; nothing where the last look is not so long ago. Call it from a
   * sweep that the process has anyway. O(idle).
   *
   * @returns how many objects.
   */
  trim({ all = false }: TrimOptions = {}): number {
    if (!this.#trimming.begin(all)) return 0
    const slots = this.#idle.takeBottom(all ? this.#idle.size : this.#idle.least)
    this.#idle.restart()
    for (const slot of slots) this.#letGo(slot)
    this.#trimmed += slots.length
    return slots.length
  }

  stats(): ObjectPoolStats {
    const idle = this.#idle.size
    const held = this.#size - idle
    return {
      size: this.#size,
      held,
      idle,
      waiting: this.#waiters.count,
      acquired: this.#released + held + this.#forgotten,
      created: this.#created,
      trimmed: this.#trimmed,
      discarded: this.#discarded,
      rejected: this.#rejected,
      forgotten: this.#forgotten,
    }
  }

  /** Leases that were forgotten, and with `heldMsMin` those that are held for so long. Empty in production. */
  leaks(options: LeakOptions = {}): Leak[] {
    return this.#watch?.leaks(options) ?? []
  }

  /** Looks at everything idle, in development. @throws QpsError QPS_LEASE_WRITTEN for the first that was changed. */
  verify(): void {
    for (const slot of this.#idle.values()) {
      const difference = this.#freshness?.difference(slot, slot.item)
      if (difference !== undefined) throw writtenError(this.name, difference, this.#watch?.lastOf(slot))
    }
  }

  /**
   * Ends the pool: what is idle is let go, whoever waits fails with QPS_POOL_CLOSED, what is held is let go when it comes
   * back. Again: nothing.
   *
   * @throws QpsError in development, when that is done: QPS_LEASE_WRITTEN as {@link verify}; QPS_LEASE_LEAKED where leases
   * are held or were forgotten, naming where they were acquired.
   */
  [Symbol.dispose](): void {
    if (this.#closed) return
    this.#closed = true
    this.#simple = this.#bare = false
    try {
      this.verify()
      this.#watch?.refuseLeaks()
    } finally {
      for (const slot of this.#idle.takeBottom(this.#idle.size)) this.#letGo(slot)
      this.#waiters.fail(closedError(this.name))
    }
  }

  /** For the leases of this pool, and for nobody else: give back by `release`. */
  giveBack(slot: PlainLease<T>): void {
    const released = ++this.#released
    if (this.#bare) this.#idle.push(slot)
    else this.#resetAndGive(slot)
    if ((released & (releasesPerLook - 1)) === 0) this.trim()
  }

  #resetAndGive(slot: PlainLease<T>): void {
    try {
      this.#reset?.(slot.item)
    } catch (error) {
      this.#discard(slot)
      throw resetError(this.name, error, this.#watch?.lastOf(slot))
    }
    if (this.#simple) this.#idle.push(slot)
    else this.#giveCarefully(slot)
  }

  #giveCarefully(slot: PlainLease<T>): void {
    const difference = this.#freshness?.difference(slot, slot.item)
    if (difference !== undefined) {
      this.#discard(slot)
      throw dirtyError(this.name, difference, this.#watch?.lastOf(slot))
    }
    if (this.#closed || this.#size > this.#sizeMax) this.#letGo(slot)
    else this.#idle.push(slot)
    this.#waiters.serve()
  }

  #acquireNow(above: Frame): Lease<T> {
    const lease = this.#takeNow(above)
    if (lease === undefined) throw this.#reject(`all ${this.#size} objects are lent`)
    return lease
  }

  #takeNow(above: Frame): Lease<T> | undefined {
    if (this.#closed) throw closedError(this.name)
    const slot = this.#take()
    return slot && this.#lend(slot, this.#traceAbove(above))
  }

  #acquireLater({ signal, timeoutMs }: WaitOptions, above: Frame): Lease<T> | Promise<Lease<T>> {
    const { waitTimeoutMs, waitersMax, whenExhausted } = this.#plan
    const waitMs = checkInteger('timeoutMs', timeoutMs ?? waitTimeoutMs, { min: 0, max: timeoutMsMax })
    signal?.throwIfAborted()
    if (whenExhausted !== 'wait') return this.#acquireNow(above)
    if (this.#closed) throw closedError(this.name)
    const trace = this.#traceAbove(above)
    const take = (): Lease<T> | undefined => {
      const slot = this.#take()
      return slot && this.#lend(slot, trace)
    }
    // Where others wait there is nothing to take: nobody is overtaken.
    const lease = take()
    if (lease !== undefined) return lease
    if (this.#waiters.count >= waitersMax) throw this.#reject(`${waitersMax} callers wait already`)
    const timedOut = (): Error => this.#reject(`nothing was given back in ${waitMs} ms`)
    return this.#waiters.wait(take, { signal, timeoutMs: waitMs }, timedOut)
  }

  /** An object that is nobody's: an idle one, or a new one where there is room. */
  #take(): PlainLease<T> | undefined {
    return this.#idle.pop() ?? this.#make()
  }

  #make(): PlainLease<T> | undefined {
    const { whenExhausted, sizeHardMax } = this.#plan
    if (this.#size >= (whenExhausted === 'grow' ? sizeHardMax : this.#sizeMax)) return undefined
    // Counted before it is made: create may itself ask this pool.
    this.#size++
    let item: T
    try {
      item = this.#create()
    } catch (error) {
      this.#size--
      throw createError(this.name, error)
    }
    this.#created++
    const slot = new PlainLease<T>(this, item)
    if (this.#inProduction) this.#collector.register(slot, undefined, slot)
    this.#freshness?.remember(slot, item)
    return slot
  }

  #lend(slot: PlainLease<T>, trace: string): Lease<T> {
    const watch = this.#watch
    const difference = this.#freshness?.difference(slot, slot.item)
    if (difference !== undefined) {
      this.#discard(slot)
      throw writtenError(this.name, difference, watch?.lastOf(slot))
    }
    slot.held = true
    return watch === undefined ? slot : new WatchedLease(watch.begin(slot, slot.generation, trace), watch)
  }

  #traceAbove(above: Frame): string {
    return this.#watch === undefined ? '' : traceAbove(above)
  }

  #reject(what: string): Error {
    this.#rejected++
    return exhaustedError(this.name, what + (this.#watch?.oldest() ?? ''), this.#plan.retryAfterMs)
  }

  /** Not fit for anybody; its place is free for a new one. */
  #discard(slot: PlainLease<T>): void {
    this.#discarded++
    this.#letGo(slot)
    this.#waiters.serve()
  }

  #letGo(slot: PlainLease<T>): void {
    this.#collector.unregister(slot)
    this.#size--
    invariant(this.#size >= 0, 'a pool lets go of more than it has')
  }

  /** A holder is gone without having given back: the object goes with it, its place is free. */
  #lose(): void {
    this.#forgotten++
    this.#size--
    this.#waiters.serve()
  }
}
