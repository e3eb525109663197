import { type Clock, invariant, messageOf, QpsError } from '@qps/core'
import { IdleStack } from './idle-stack.ts'
import { Lease } from './lease.ts'
import { type ConnectionPoolOptions, planPool } from './options.ts'
import { type WaitOptions, Waiters } from './waiters.ts'

/** A place in the pool: at most `connectionsMax` of them exist. */
interface Slot<T> {
  state: 'connecting' | 'idle' | 'busy' | 'closed'
  connection: T | undefined
  /** Not handed out from this instant on. */
  expiresMs: number
  idleSinceMs: number
  /** Ends the attempt to connect. */
  attempt: AbortController
}

/** What a pool holds now and what it has done so far. */
export interface PoolStats {
  connecting: number
  idle: number
  busy: number
  waiting: number
  /** Connections that came to be. */
  opened: number
  /** Leases of a connection that had served before. */
  reused: number
  connectFailures: number
}

/**
 * A bounded pool of connections of any kind. Sockets are injected, so that every transition can be tested without one.
 *
 *   acquire ──► idle? ──yes──► busy ──release──► a waiter? ──yes──► busy
 *      │         no             │  └─discard──► closed  └─no──► idle ──idleTimeoutMs, lifetimeMs──► closed
 *      ▼                        ▲
 *   waiter ──► connecting ──────┘ (or idle, if a release was quicker)
 *
 * - Never more than `connectionsMax` connections; never more than `waitersMax` waiters.
 * - Never hands out a connection that is closed, expired, or leased to somebody else.
 * - First come, first served: whatever becomes free goes to the caller that has waited longest. A failed attempt to
 *   connect is told to that caller too, and the next attempt starts while others wait.
 * - Idle connections are reused last in, first out. Few connections stay hot, with warm congestion windows, and those
 *   beyond the need grow idle and are closed; first in, first out would keep every connection of a past peak alive.
 *
 * acquire and release are O(1) amortized. One timer per pool, none per connection. For one thread.
 *
 * @example
 * await using pool = new ConnectionPool({ connect: openSocket, close: (socket) => socket.destroy() })
 * using lease = await pool.acquire({ signal })
 * lease.connection.write(bytes)
 */
export class ConnectionPool<T> implements AsyncDisposable {
  readonly #options: Required<ConnectionPoolOptions<T>>
  readonly #clock: Clock
  readonly #slots = new Set<Slot<T>>()
  readonly #byConnection = new Map<T, Slot<T>>()
  readonly #idle: IdleStack<Slot<T>>
  readonly #waiters: Waiters<Lease<T>>
  readonly #closings = new Set<Promise<void>>()
  readonly #leaseOwner = { returned: (slot: Slot<T>, usable: boolean): void => this.#returned(slot, usable) }
  readonly #drained = Promise.withResolvers<void>()
  #connecting = 0
  #opened = 0
  #reused = 0
  #connectFailures = 0
  #closed = false

  /** @throws QpsError QPS_OPTION for an option out of its range. */
  constructor(options: ConnectionPoolOptions<T>) {
    this.#options = planPool(options)
    this.#clock = this.#options.clock
    this.#waiters = new Waiters(this.#clock)
    this.#idle = new IdleStack(this.#clock, this.#options.idleTimeoutMs, (slot) => this.#end(slot))
  }

  /**
   * A connection for the caller alone. At once where one is idle; else it waits, and a connection is opened if the maximum
   * allows.
   *
   * @throws QpsError QPS_POOL_CLOSED after `close`; QPS_POOL_BUSY where `waitersMax` callers wait already (retryable);
   * QPS_POOL_DEADLINE where the deadline passed (retryable); QPS_POOL_CONNECT where connecting failed (retryable, with the
   * cause). The signal's own reason where it aborted.
   */
  acquire(options: WaitOptions = {}): Promise<Lease<T>> {
    if (options.signal?.aborted) return Promise.reject(options.signal.reason as Error)
    if (this.#closed) return Promise.reject(closedError())
    const lease = this.tryAcquire()
    if (lease) return Promise.resolve(lease)
    if (this.#waiters.size >= this.#options.waitersMax) return Promise.reject(this.#busyError())
    const waiting = this.#waiters.wait(options, deadlineError)
    this.#grow()
    return waiting
  }

  /** An idle connection, or undefined where none is: nothing is opened and nobody waits. */
  tryAcquire(): Lease<T> | undefined {
    for (let slot = this.#idle.pop(); slot; slot = this.#idle.pop()) {
      if (this.#isFresh(slot) && this.#clock.nowMs() - slot.idleSinceMs < this.#options.idleTimeoutMs) {
        this.#reused++
        return this.#lease(slot)
      }
      this.#end(slot)
    }
    return undefined
  }

  /**
   * The connection was ended by its peer: it is not handed out again. Harmless for one that the pool does not know, or no
   * longer.
   */
  lost(connection: T): void {
    const slot = this.#byConnection.get(connection)
    if (!slot) return
    if (slot.state === 'idle') {
      this.#idle.remove(slot)
      this.#end(slot)
    } else {
      slot.expiresMs = -Infinity
    }
  }

  get stats(): PoolStats {
    const idle = this.#idle.size
    return {
      connecting: this.#connecting,
      idle,
      busy: this.#slots.size - this.#connecting - idle,
      waiting: this.#waiters.size,
      opened: this.#opened,
      reused: this.#reused,
      connectFailures: this.#connectFailures,
    }
  }

  /**
   * Ends the pool: waiters fail with QPS_POOL_CLOSED, idle connections are closed, attempts to connect are aborted, and a
   * busy connection is closed when its holder gives it back. Resolves when every connection is closed. May be called again.
   *
   * @param options.force closes busy connections now, under their holders' hands.
   */
  async close(options: { force?: boolean } = {}): Promise<void> {
    this.#closed = true
    while (this.#waiters.fail(closedError()));
    for (const slot of this.#slots) {
      if (slot.state === 'busy' && !options.force) continue
      if (slot.state === 'idle') this.#idle.remove(slot)
      this.#end(slot)
    }
    this.#idle[Symbol.dispose]()
    this.#checkDrained()
    await this.#drained.promise
    await Promise.all(this.#closings)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #returned(slot: Slot<T>, usable: boolean): void {
    if (slot.state === 'closed') return
    invariant(slot.state === 'busy', `a lease came back to a slot that is ${slot.state}`)
    if (this.#closed || !usable || !this.#isFresh(slot)) {
      this.#end(slot)
      this.#grow()
    } else {
      this.#offer(slot, true)
    }
  }

  /** One attempt for each waiter that no attempt is under way for, as far as the maximum allows. */
  #grow(): void {
    while (!this.#closed && this.#connecting < this.#waiters.size && this.#slots.size < this.#options.connectionsMax) {
      this.#connect()
    }
  }

  #connect(): void {
    const attempt = new AbortController()
    const slot: Slot<T> = { state: 'connecting', connection: undefined, expiresMs: 0, idleSinceMs: 0, attempt }
    this.#slots.add(slot)
    this.#connecting++
    const timer = this.#clock.after(this.#options.connectTimeoutMs, () => this.#timeOut(slot))
    const attempted = new Promise<T>((resolve) => resolve(this.#options.connect(attempt.signal)))
    void attempted
      .finally(() => timer[Symbol.dispose]())
      .then(
        (connection) => this.#connected(slot, connection),
        (error: unknown) => this.#failed(slot, connectError(error)),
      )
  }

  #connected(slot: Slot<T>, connection: T): void {
    if (slot.state === 'closed') return this.#closeConnection(connection)
    const { lifetimeMs, lifetimeJitterRatio, random } = this.#options
    slot.connection = connection
    slot.expiresMs = this.#clock.nowMs() + lifetimeMs * (1 - lifetimeJitterRatio * random())
    this.#byConnection.set(connection, slot)
    this.#connecting--
    this.#opened++
    slot.state = 'busy'
    this.#offer(slot, false)
  }

  #timeOut(slot: Slot<T>): void {
    const { connectTimeoutMs } = this.#options
    const reason = new QpsError('QPS_POOL_CONNECT', `connecting took longer than ${connectTimeoutMs} ms`, {
      retryable: true,
      hint: 'is the peer reachable and accepting? raise connectTimeoutMs if it is only far away',
    })
    slot.attempt.abort(reason)
    this.#failed(slot, reason)
  }

  #failed(slot: Slot<T>, reason: QpsError): void {
    if (slot.state === 'closed') return
    this.#connectFailures++
    this.#end(slot)
    this.#waiters.fail(reason)
    this.#grow()
  }

  /** A usable connection that nobody holds: to a waiter, else to the idle ones. */
  #offer(slot: Slot<T>, served: boolean): void {
    const handed = this.#waiters.serve(() => {
      if (served) this.#reused++
      return this.#lease(slot)
    })
    if (handed) return
    slot.state = 'idle'
    slot.idleSinceMs = this.#clock.nowMs()
    this.#idle.push(slot)
    if (this.#idle.size > this.#options.idleMax) this.#end(this.#idle.shift()!)
  }

  #lease(slot: Slot<T>): Lease<T> {
    slot.state = 'busy'
    return new Lease(slot.connection!, slot, this.#leaseOwner)
  }

  #isFresh(slot: Slot<T>): boolean {
    return this.#clock.nowMs() < slot.expiresMs
  }

  /** The end of a slot in any state. An idle one has left the stack already. */
  #end(slot: Slot<T>): void {
    if (slot.state === 'connecting') {
      this.#connecting--
      slot.attempt.abort(closedError())
    }
    slot.state = 'closed'
    this.#slots.delete(slot)
    if (slot.connection !== undefined) {
      this.#byConnection.delete(slot.connection)
      this.#closeConnection(slot.connection)
    }
    this.#checkDrained()
  }

  #closeConnection(connection: T): void {
    const closing = (async () => this.#options.close(connection))()
      .catch(() => {})
      .finally(() => this.#closings.delete(closing))
    this.#closings.add(closing)
  }

  #checkDrained(): void {
    if (this.#closed && this.#slots.size === 0) this.#drained.resolve()
  }

  #busyError(): QpsError {
    const { waitersMax, connectionsMax } = this.#options
    return new QpsError('QPS_POOL_BUSY', `${waitersMax} callers wait for ${connectionsMax} connections already`, {
      retryable: true,
      hint: 'shed load before this point, or raise connectionsMax if the peer has room',
    })
  }
}

function closedError(): QpsError {
  return new QpsError('QPS_POOL_CLOSED', 'the pool is closed', { hint: 'acquire before close, or make a new pool' })
}

function deadlineError(): QpsError {
  return new QpsError('QPS_POOL_DEADLINE', 'no connection became free before the deadline', {
    retryable: true,
    hint: 'connections are held for too long, or connectionsMax is too small for the load (Little: rate × holding time)',
  })
}

function connectError(error: unknown): QpsError {
  if (error instanceof QpsError) return error
  return new QpsError('QPS_POOL_CONNECT', `no connection: ${messageOf(error)}`, { retryable: true, cause: error })
}
