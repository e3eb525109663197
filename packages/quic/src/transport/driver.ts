import type { Clock } from '@qps/core'
import type { QuicLimits } from '../limits.ts'
import { DatagramPool } from './datagram-pool.ts'
import type { QuicConnection } from './quic-connection.ts'

/**
 * Gives connections their turns. All datagrams that one poll of the event loop brought are taken in first; then each
 * connection that they concern has one turn, so that what they ask is answered, acknowledged and sent together.
 *
 * ONE timer for all connections: each stores when it is due, and the timer is set to the earliest. Storing is O(1); a timer
 * that fires looks at every connection.
 */
export class Driver implements Disposable {
  /** Shared by all sockets of this driver. */
  readonly pool: DatagramPool
  readonly #clock: Clock
  readonly #connections = new Set<QuicConnection>()
  #awake = new Set<QuicConnection>()
  #waiting = new Set<QuicConnection>()
  #immediate: NodeJS.Immediate | undefined
  #timer: Disposable | undefined
  #timerDueMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock, { datagramBytesMax, datagramsUnderWayMax }: QuicLimits) {
    this.#clock = clock
    this.pool = new DatagramPool(datagramBytesMax, datagramsUnderWayMax)
  }

  get nowMs(): number {
    return this.#clock.nowMs()
  }

  add(connection: QuicConnection): void {
    this.#connections.add(connection)
  }

  remove(connection: QuicConnection): void {
    this.#connections.delete(connection)
    this.#awake.delete(connection)
    this.#waiting.delete(connection)
  }

  /** The connection has a turn soon. */
  wake(connection: QuicConnection): void {
    if (!this.#connections.has(connection)) return
    this.#awake.add(connection)
    this.#immediate ??= setImmediate(() => this.#run())
  }

  /** It has a turn when the kernel has taken a datagram. */
  wakeWhenSent(connection: QuicConnection): void {
    this.#waiting.add(connection)
    this.pool.whenRoom(() => {
      const waiting = this.#waiting
      this.#waiting = new Set()
      for (const each of waiting) this.wake(each)
    })
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    clearImmediate(this.#immediate)
    this.#connections.clear()
    this.#awake.clear()
    this.#waiting.clear()
  }

  #run(): void {
    this.#immediate = undefined
    const awake = this.#awake
    this.#awake = new Set()
    for (const connection of awake) {
      connection.turn()
      if (connection.dueMs < this.#timerDueMs && this.#connections.has(connection)) this.#setTimer(connection.dueMs)
    }
  }

  #setTimer(dueMs: number): void {
    this.#timer?.[Symbol.dispose]()
    this.#timerDueMs = dueMs
    // A timer is exact to a millisecond; one that comes early finds nothing due.
    this.#timer = this.#clock.after(Math.max(1, Math.ceil(dueMs - this.nowMs)), () => this.#onTimer())
  }

  #onTimer(): void {
    this.#timer = undefined
    this.#timerDueMs = Number.POSITIVE_INFINITY
    const nowMs = this.nowMs
    let nextMs = Number.POSITIVE_INFINITY
    for (const connection of this.#connections) {
      if (connection.dueMs <= nowMs) {
        connection.expire()
      } else if (connection.dueMs < nextMs) nextMs = connection.dueMs
    }
    if (nextMs !== Number.POSITIVE_INFINITY) this.#setTimer(nextMs)
  }
}
