import type { Clock } from '@qps/core'

export interface WaitOptions {
  /** Ends the wait with the signal's reason. */
  signal?: AbortSignal
  /** Waits for so long at most, in milliseconds, 0 to 2^31 - 1. Default: the pool's `waitTimeoutMs`. */
  timeoutMs?: number
}

/** Takes what its caller waits for, if it is there; true where the caller has its answer and leaves. */
type Attempt = () => boolean

/**
 * Callers in the order in which they came, each with an attempt to take what it waits for. Only the first one's counts: one
 * who asks for much is not overtaken for ever by those who ask for little.
 *
 * A `Map` keeps the order and lets one that gives up leave from the middle in O(1).
 */
export class Waiters {
  /** How many wait. */
  count = 0
  readonly #queue = new Map<Attempt, (reason: unknown) => void>()
  readonly #clock: Clock
  #serving = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * @param take what the caller waits for, or undefined where it is not there yet; what it throws ends the wait.
   * @param timedOut makes the reason where the time is over.
   */
  wait<L>(
    take: () => L | undefined,
    { signal, timeoutMs }: { signal: AbortSignal | undefined; timeoutMs: number },
    timedOut: () => Error,
  ): Promise<L> {
    const { promise, resolve, reject } = Promise.withResolvers<L>()
    const leave = (): void => {
      this.#queue.delete(attempt)
      this.count = this.#queue.size
      timer[Symbol.dispose]()
      signal?.removeEventListener('abort', aborted)
    }
    const attempt: Attempt = () => {
      try {
        const lease = take()
        if (lease === undefined) return false
        resolve(lease)
      } catch (error) {
        reject(error)
      }
      leave()
      return true
    }
    const giveUp = (reason: unknown): void => {
      leave()
      reject(reason)
      // Whoever stood behind may have been held up by this one only.
      this.serve()
    }
    const aborted = (): void => giveUp(signal?.reason)
    const timer = this.#clock.after(timeoutMs, () => giveUp(timedOut()))
    signal?.addEventListener('abort', aborted, { once: true })
    this.#queue.set(attempt, (reason) => {
      leave()
      reject(reason)
    })
    this.count = this.#queue.size
    return promise
  }

  /** Serves callers from the first one on, until one must wait further. */
  serve(): void {
    // What an attempt makes may itself give something back, which the loop below finds.
    if (this.#serving) return
    this.#serving = true
    try {
      for (const attempt of this.#queue.keys()) if (!attempt()) return
    } finally {
      this.#serving = false
    }
  }

  /** Tells all of them why they get nothing. */
  fail(reason: Error): void {
    for (const end of this.#queue.values()) end(reason)
  }
}
