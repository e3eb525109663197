import type { Clock } from '@qps/core'

/** What the stack must know of a connection. */
export interface Idler {
  /** Since when it is idle, on the pool's clock. */
  idleSinceMs: number
  /** When it is too old, whatever its use. */
  expiresMs: number
}

/**
 * Idle connections, last in, first out, with one timer for all of them: it is set to the earliest instant at which one of
 * them must go, and is left alone while that instant does not come nearer. The bottom has been idle for longest.
 */
export class IdleStack<S extends Idler> implements Disposable {
  readonly #clock: Clock
  readonly #idleTimeoutMs: number
  readonly #expire: (slot: S) => void
  readonly #stack: S[] = []
  #timer: Disposable | undefined
  #dueMs = Infinity

  /** @param expire is called with each one that was idle too long or grew too old; it has left the stack by then. */
  constructor(clock: Clock, idleTimeoutMs: number, expire: (slot: S) => void) {
    this.#clock = clock
    this.#idleTimeoutMs = idleTimeoutMs
    this.#expire = expire
  }

  get size(): number {
    return this.#stack.length
  }

  push(slot: S): void {
    this.#stack.push(slot)
    this.#arm(this.#dueOf(slot))
  }

  /** The one used last. Leaves the timer: a connection that is taken and given back at once must not cost two timers. */
  pop(): S | undefined {
    return this.#stack.pop()
  }

  /** The one idle for longest. */
  shift(): S | undefined {
    return this.#stack.shift()
  }

  remove(slot: S): void {
    const place = this.#stack.indexOf(slot)
    if (place >= 0) this.#stack.splice(place, 1)
  }

  /** Releases the timer; for the end of the pool. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    this.#dueMs = Infinity
  }

  #dueOf(slot: S): number {
    return Math.min(slot.idleSinceMs + this.#idleTimeoutMs, slot.expiresMs)
  }

  #arm(dueMs: number): void {
    if (dueMs >= this.#dueMs) return
    this.#timer?.[Symbol.dispose]()
    this.#dueMs = dueMs
    this.#timer = this.#clock.after(dueMs - this.#clock.nowMs(), () => this.#sweep())
  }

  #sweep(): void {
    this[Symbol.dispose]()
    // A timer may fire a fraction of a millisecond early; without this, it would be set again for that fraction.
    const nowMs = this.#clock.nowMs() + 1
    const due = this.#stack.filter((slot) => this.#dueOf(slot) <= nowMs)
    for (const slot of due) {
      this.remove(slot)
      this.#expire(slot)
    }
    for (const slot of this.#stack) this.#arm(this.#dueOf(slot))
  }
}
