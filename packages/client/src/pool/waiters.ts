import type { Clock } from '@qps/core'

export interface WaitOptions {
  /** Ends the wait with the signal's reason. */
  signal?: AbortSignal
  /** Ends the wait at this instant of the pool's clock, in milliseconds. */
  deadlineMs?: number
}

interface Waiter<L> {
  resolve: (lease: L) => void
  reject: (reason: unknown) => void
  /** Releases the timer and the listener. */
  settle: () => void
}

/**
 * Callers in the order in which they came. A `Set` keeps that order and lets one that gives up leave from the middle in O(1).
 */
export class Waiters<L> {
  readonly #waiting = new Set<Waiter<L>>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#waiting.size
  }

  /** @param deadlineError makes the reason where `deadlineMs` passes. */
  wait({ signal, deadlineMs }: WaitOptions, deadlineError: () => Error): Promise<L> {
    const { promise, resolve, reject } = Promise.withResolvers<L>()
    const giveUp = (reason: unknown): void => {
      this.#leave(waiter)
      reject(reason)
    }
    const aborted = (): void => giveUp(signal?.reason)
    const timer =
      deadlineMs === undefined
        ? undefined
        : this.#clock.after(deadlineMs - this.#clock.nowMs(), () => giveUp(deadlineError()))
    const settle = (): void => {
      timer?.[Symbol.dispose]()
      signal?.removeEventListener('abort', aborted)
    }
    const waiter: Waiter<L> = { resolve, reject, settle }
    signal?.addEventListener('abort', aborted, { once: true })
    this.#waiting.add(waiter)
    return promise
  }

  /** Serves the caller that has waited longest; false where nobody waits. */
  serve(makeLease: () => L): boolean {
    const first = this.#first()
    if (!first) return false
    this.#leave(first)
    first.resolve(makeLease())
    return true
  }

  /** Tells the caller that has waited longest why it gets nothing; false where nobody waits. */
  fail(reason: unknown): boolean {
    const first = this.#first()
    if (!first) return false
    this.#leave(first)
    first.reject(reason)
    return true
  }

  #first(): Waiter<L> | undefined {
    for (const waiter of this.#waiting) return waiter
    return undefined
  }

  #leave(waiter: Waiter<L>): void {
    this.#waiting.delete(waiter)
    waiter.settle()
  }
}
