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
  /** Whether somebody looks at durations: if not, `run` does not measure them. */
  protected abstract readonly timed: boolean
  readonly #plan: BreakerPlan
  readonly #hooks: Hooks

  constructor({ plan, hooks, cells, originMs }: Parts) {
    this.name = plan.name
    this.design = plan.design
    this.clock = hooks.clock
    this.random = hooks.random
    this.cells = cells
    this.originMs = originMs
    this.#plan = plan
    this.#hooks = hooks
  }

  abstract readonly state: BreakerState
  abstract tryAcquire(nowMs?: number): Ticket
  abstract success(ticket: Ticket, durationMs?: number, nowMs?: number): void
  abstract failure(ticket: Ticket, durationMs?: number, nowMs?: number): void
  abstract cancel(ticket: Ticket): void
  abstract retryAfterMs(): number
  abstract stats(): BreakerStats
  protected abstract refusal(): QpsError

  async run<T>(
    action: (signal: AbortSignal | undefined) => T | PromiseLike<T>,
    { signal }: RunOptions = noOptions,
  ): Promise<T> {
    if (signal !== undefined) signal.throwIfAborted()
    const startMs = this.timed ? this.clock.nowMs() : 0
    const ticket = this.timed ? this.tryAcquire(startMs) : this.tryAcquire()
    if (ticket === 0) throw this.refusal()
    let result: T
    try {
      result = await action(signal)
    } catch (error) {
      const { classifyError: classify = classifyError } = this.#hooks
      this.#judge(ticket, () => classify(error, signal), startMs)
      throw error
    }
    const { classifyResult } = this.#hooks
    if (classifyResult !== undefined) this.#judge(ticket, () => classifyResult(result), startMs)
    else if (this.timed) {
      const nowMs = this.clock.nowMs()
      this.success(ticket, nowMs - startMs, nowMs)
    } else this.success(ticket)
    return result
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

  /** A classification that throws has not found a success: the call failed, and the caller gets what was thrown. */
  #judge(ticket: Ticket, classify: () => Outcome, startMs: number): void {
    let outcome: Outcome = 'failure'
    try {
      outcome = classify()
    } finally {
      const nowMs = this.clock.nowMs()
      const durationMs = this.timed ? nowMs - startMs : 0
      if (outcome === 'cancelled') this.cancel(ticket)
      else if (outcome === 'success') this.success(ticket, durationMs, nowMs)
      else this.failure(ticket, durationMs, nowMs)
    }
  }
}
