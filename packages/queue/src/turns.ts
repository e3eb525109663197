import type { Clock } from '@qps/core'
import type { Bell } from './bell.ts'
import { waitersError } from './errors.ts'
import type { EndpointPlan } from './options.ts'

/** Tries to do what its caller waits for; true where the caller has its answer and leaves. */
export type Attempt = () => boolean

/** "Not yet", where any value may be an answer. */
export const notYet: unique symbol = Symbol('not yet')

/**
 * Promises of one thread that wait for the same bell, first come, first served. All of them together wait in shared memory once:
 * `Atomics.waitAsync` cannot be taken back, so that one which is left over by callers who gave up serves the next ones.
 */
export class Turns {
  readonly #bell: Bell
  readonly #ready: () => boolean
  readonly #hold: (() => Disposable) | undefined
  readonly #waitersMax: number
  readonly #queue = new Map<Attempt, (reason: unknown) => void>()
  #listening = false
  #serving = false
  #held: Disposable | undefined

  /** @param ready whether there is what somebody may wait for. */
  constructor(
    bell: Bell,
    ready: () => boolean,
    { hold, waitersMax }: Pick<EndpointPlan<never>, 'hold' | 'waitersMax'>,
  ) {
    this.#bell = bell
    this.#ready = ready
    this.#hold = hold
    this.#waitersMax = waitersMax
  }

  /** Callers that wait. */
  get count(): number {
    return this.#queue.size
  }

  /** Whether this attempt, or one that does not wait yet, would overtake nobody. */
  isFirst(attempt: Attempt | undefined): boolean {
    if (this.#queue.size === 0) return true
    const [first] = this.#queue.keys()
    return first === attempt
  }

  /** @throws QpsError QPS_CHANNEL_WAITERS where nobody more may wait. */
  checkRoom(): void {
    if (this.#queue.size >= this.#waitersMax) throw waitersError(this.#waitersMax)
  }

  /** Lets an attempt wait; it is tried at once. @param end rejects it. */
  add(attempt: Attempt, end: (reason: unknown) => void): void {
    this.#queue.set(attempt, end)
    this.#held ??= this.#hold?.()
    this.#listen()
  }

  /** Lets a caller go, with or without an answer. */
  remove(attempt: Attempt): void {
    this.#queue.delete(attempt)
    if (this.#queue.size > 0) return
    this.#held?.[Symbol.dispose]()
    this.#held = undefined
  }

  /** Serves callers from the first one on, until one must wait further. */
  serve(): void {
    if (this.#queue.size === 0 || this.#serving) return
    this.#serving = true
    try {
      for (const attempt of this.#queue.keys()) if (!attempt()) return
    } finally {
      this.#serving = false
    }
  }

  /** Rejects everybody, and lets go of shared memory. */
  fail(reason: unknown): void {
    for (const end of this.#queue.values()) end(reason)
    // It ends only when it is woken; the others that wake look and sleep on.
    if (this.#listening) this.#bell.wakeAll()
  }

  /** Sees to it that a ring is heard, in the order that {@link Bell} asks for. */
  #listen(): void {
    while (!this.#listening && this.#queue.size > 0) {
      const epoch = this.#bell.epoch
      this.#bell.register()
      this.serve()
      if (this.#queue.size === 0) return
      const rung = this.#bell.sleepAsync(epoch)
      if (rung === undefined) continue
      this.#listening = true
      void rung.then(() => this.#wake())
    }
  }

  #wake(): void {
    this.#listening = false
    this.serve()
    // Nobody here wants it any more: another thread may.
    if (this.#queue.size === 0 && this.#bell.asleep && this.#ready()) this.#bell.wake(1)
    this.#listen()
  }
}

/** A wait that is about to begin. */
export interface Wait {
  clock: Clock
  signal: AbortSignal | undefined
  /** Infinity: without end. 0: one attempt. */
  timeoutMs: number
  timedOut: () => Error
}

/**
 * Waits in one or several turns until `take` gives an answer, throws, or the wait is over. `take` is asked at least once, and
 * after its answer never again.
 *
 * @throws QpsError QPS_CHANNEL_WAITERS
 */
export function waitInTurn<R>(
  queues: readonly Turns[],
  take: (attempt: Attempt) => R | typeof notYet,
  { clock, signal, timeoutMs, timedOut }: Wait,
): Promise<R> {
  for (const turns of queues) turns.checkRoom()
  const { promise, resolve, reject } = Promise.withResolvers<R>()
  let over = false
  let timer: Disposable | undefined
  const leave = (): void => {
    over = true
    for (const turns of queues) turns.remove(attempt)
    timer?.[Symbol.dispose]()
    signal?.removeEventListener('abort', aborted)
  }
  const attempt: Attempt = () => {
    if (over) return true
    try {
      const result = take(attempt)
      if (result === notYet) return false
      resolve(result)
    } catch (error) {
      reject(error)
    }
    leave()
    return true
  }
  const end = (reason: unknown): void => {
    leave()
    reject(reason)
    // Whoever stood behind may have been held up by this one only.
    for (const turns of queues) turns.serve()
  }
  const aborted = (): void => end(signal?.reason)
  for (const turns of queues) if (!over) turns.add(attempt, end)
  // Behind the first attempt, so that an answer at once costs neither a listener nor a timer.
  if (over) return promise
  if (timeoutMs === 0) {
    end(timedOut())
    return promise
  }
  if (timeoutMs !== Infinity) timer = clock.after(timeoutMs, () => end(timedOut()))
  signal?.addEventListener('abort', aborted, { once: true })
  return promise
}
