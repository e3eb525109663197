import type { Clock, QpsError, Random } from '@qps/core'
import type { Breaker, BreakerState, BreakerStats, ChangeReason, Outcome, RunOptions, Ticket } from './breaker.ts'
import { classifyError } from './classification.ts'
import { localError } from './errors.ts'
import type { BreakerHandle } from './handle.ts'
import type { BreakerPlan, Design, Hooks } from './options.ts'

/** What a breaker is made of: its plan, its thread's own things, and its cells with their beginning in time. */
export interface Parts<P extends BreakerPlan = BreakerPlan> {
  plan: P
  hooks: Hooks
  cells: Int32Array
  originMs: number
}

const noOptions: RunOptions = {}

/** What all designs do alike: run a call and judge it, tell of changes, share. */
export abstract class BaseBreaker implements Breaker {
  readonly name: string
  readonly design: Design
  protected readonly clock: Clock
  protected readonly random: Random
  protected readonly cells: Int32Array
  protected readonly originMs: number
  readonly #plan: BreakerPlan
  readonly #hooks: Hooks
  readonly #classifyResult: Hooks['classifyResult']

  constructor({ plan, hooks, cells, originMs }: Parts) {
    this.name = plan.name
    this.design = plan.design
    this.clock = hooks.clock
    this.random = hooks.random
    this.cells = cells
    this.originMs = originMs
    this.#plan = plan
    this.#hooks = hooks
    this.#classifyResult = hooks.classifyResult
  }

  abstract readonly state: BreakerState
  abstract tryAcquire(nowMs?: number): Ticket
  abstract success(ticket: Ticket, durationMs?: number, nowMs?: number): void
  abstract failure(ticket: Ticket, durationMs?: number, nowMs?: number): void
  abstract cancel(ticket: Ticket): void
  abstract retryAfterMs(): number
  abstract stats(): BreakerStats
  protected abstract refusal(): QpsError
  /** Whether somebody looks at the duration of the next call: if not, `run` does not measure it. */
  protected abstract timesNext(): boolean

  // Not an async function: this and its try would cost more than all else here, see scenario 06-breaker.
  run<T>(
    action: (signal: AbortSignal | undefined) => T | PromiseLike<T>,
    { signal }: RunOptions = noOptions,
  ): Promise<T> {
    let ticket: Ticket = 0
    let startMs: number | undefined
    let result: T | PromiseLike<T>
    try {
      if (signal !== undefined) signal.throwIfAborted()
      ticket = this.tryAcquire()
      if (ticket === 0) throw this.refusal()
      startMs = this.timesNext() ? this.clock.nowMs() : undefined
      result = action(signal)
    } catch (error) {
      return Promise.reject(ticket === 0 ? error : this.#threw(ticket, error, signal, startMs))
    }
    return Promise.resolve(result).then(
      (value) => this.#gave(ticket, value, startMs),
      (error: unknown) => {
        throw this.#threw(ticket, error, signal, startMs)
      },
    )
  }

  share(): BreakerHandle {
    const { buffer } = this.cells
    if (!(buffer instanceof SharedArrayBuffer)) throw localError(this.name)
    return { plan: this.#plan, memory: buffer, originMs: this.originMs, sharedMs: this.clock.nowMs() }
  }

  /** Tells of a change that this thread has made or found. */
  protected changed(from: BreakerState, to: BreakerState, reason: ChangeReason, openMs: number): void {
    this.#hooks.onChange?.({ name: this.name, from, to, reason, openMs })
  }

  /** The 32-bit tick of an instant, see cells.ts. */
  protected tickAt(instantMs: number): number {
    return Math.floor(instantMs - this.originMs) | 0
  }

  /** Judges what an action gave, and gives it. A classification that throws has not found a success. */
  #gave<T>(ticket: Ticket, value: T, startMs: number | undefined): T {
    const classify = this.#classifyResult
    if (classify === undefined && startMs === undefined) {
      this.success(ticket)
      return value
    }
    let outcome: Outcome = 'failure'
    try {
      outcome = classify === undefined ? 'success' : classify(value)
    } finally {
      this.#settle(ticket, outcome, startMs)
    }
    return value
  }

  /** Judges what an action threw. @returns what the caller is to get: that, or what the classification threw. */
  #threw(ticket: Ticket, error: unknown, signal: AbortSignal | undefined, startMs: number | undefined): unknown {
    let outcome: Outcome = 'failure'
    let told = error
    try {
      outcome = (this.#hooks.classifyError ?? classifyError)(error, signal)
    } catch (thrown) {
      told = thrown
    }
    this.#settle(ticket, outcome, startMs)
    return told
  }

  #settle(ticket: Ticket, outcome: Outcome, startMs: number | undefined): void {
    const nowMs = this.clock.nowMs()
    const durationMs = startMs === undefined ? undefined : nowMs - startMs
    if (outcome === 'cancelled') this.cancel(ticket)
    else if (outcome === 'success') this.success(ticket, durationMs, nowMs)
    else this.failure(ticket, durationMs, nowMs)
  }
}
