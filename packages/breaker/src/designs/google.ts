import { invariant, type QpsError } from '@qps/core'
import { BaseBreaker, type Parts } from '../base-breaker.ts'
import type { BreakerState, BreakerStats, Ticket } from '../breaker.ts'
import { countFields, header } from '../cells.ts'
import { openError } from '../errors.ts'
import type { GooglePlan } from '../options.ts'
import { rateOf, type SlidingWindow } from '../sliding-window.ts'

/** All calls have the same: there are no phases that a ticket could be too late for. */
const ticket: Ticket = 2

/**
 * Client-side throttling: no circuit that is open or closed, but a chance of being refused which grows with what the
 * other side turns away.
 *
 *   max(0, (requests − protection − k × accepts) / (requests + 1))
 *
 * Requests are those of the window that ended or were refused, accepts those that succeeded. With `k` 1.5, a third of
 * what is sent may fail before anything is refused; when the other side is down, about one call in two seconds still
 * passes, whatever the rate is, and the first success lets more of them pass. Nothing can get stuck.
 *
 * Sources: Google, Site Reliability Engineering, chapter 21, "Client-Side Throttling"; go-zero,
 * core/breaker/googlebreaker.go, for the numbers and for `kMin`, `forcePassMs` and `easing`.
 */
export class GoogleBreaker extends BaseBreaker {
  readonly #plan: GooglePlan
  readonly #window: SlidingWindow
  readonly #protection: number
  #refusing = false
  #lastRefusedMs = 0
  #spells = 0

  constructor(parts: Parts<GooglePlan>, window: SlidingWindow) {
    super(parts)
    this.#plan = parts.plan
    this.#window = window
    this.#protection = parts.plan.protection
  }

  get state(): BreakerState {
    return this.#refusing ? 'half-open' : 'closed'
  }

  tryAcquire(nowMs?: number): Ticket {
    // As of the last answer, without the clock: since then the window has only lost calls. In doubt, the slow way looks
    // again.
    if (!this.#refusing && this.#isCalm()) return ticket
    return this.#draw(nowMs ?? this.clock.nowMs())
  }

  success(given: Ticket, _durationMs?: number, nowMs?: number): void {
    invariant(given === ticket, 'a call that was refused has no outcome')
    this.#window.succeed(nowMs)
  }

  failure(given: Ticket, _durationMs?: number, nowMs: number = this.clock.nowMs()): void {
    invariant(given === ticket, 'a call that was refused has no outcome')
    this.#window.count(countFields.failed, nowMs)
  }

  cancel(given: Ticket): void {
    invariant(given === ticket, 'a call that was refused has no outcome')
    this.#window.count(countFields.cancelled, this.clock.nowMs())
  }

  retryAfterMs(): number {
    return this.#ratioAt(this.clock.nowMs()) > 0 ? this.#plan.bucketMs : 0
  }

  stats(): BreakerStats {
    const nowMs = this.clock.nowMs()
    const refusedRatio = this.#ratioAt(nowMs)
    const { succeeded, failed, refused, cancelled } = this.#window
    return {
      design: this.design,
      state: this.state,
      succeeded,
      failed,
      refused,
      cancelled,
      timed: 0,
      slow: 0,
      errorRatio: failed === 0 ? 0 : failed / (succeeded + failed),
      threshold: undefined,
      rateQps: rateOf(this.#window, nowMs),
      refusedRatio,
      latencyMsP95: undefined,
      opened: this.#spells,
      late: 0,
    }
  }

  protected timesNext(): boolean {
    return false
  }

  protected refusal(): QpsError {
    const percent = Math.round(this.#ratioAt(this.clock.nowMs()) * 100)
    return openError(this.name, `${percent} % of the calls are refused at the moment`, this.#plan.bucketMs)
  }

  /** Whether nothing is refused as of the last answer, however little `k` may be at the moment. */
  #isCalm(): boolean {
    const window = this.#window
    // Most calls find so little trouble that no number of successes matters.
    if (window.troubleKnown() <= this.#protection) return true
    window.sumKnown()
    return window.succeeded + window.failed + window.refused - this.#protection <= this.#plan.kMin * window.succeeded
  }

  /** The chance to be refused, 0..1. */
  #ratioAt(nowMs: number): number {
    const window = this.#window
    window.sum(nowMs)
    const { k, kMin, protection, easing, buckets } = this.#plan
    const { succeeded, failed, refused, failingBuckets, workingBuckets } = window
    const weight = k - ((k - kMin) * failingBuckets) / buckets
    const requests = succeeded + failed + refused
    const ratio = Math.max(0, (requests - protection - weight * succeeded) / (requests + 1))
    return easing ? (ratio * (buckets - workingBuckets)) / buckets : ratio
  }

  #draw(nowMs: number): Ticket {
    const ratio = this.#ratioAt(nowMs)
    if (ratio <= 0) {
      this.#mayBeOver(nowMs)
      return ticket
    }
    const tick = this.tickAt(nowMs)
    if (!this.#isForced(tick) && this.random() < ratio) {
      this.#window.count(countFields.refused, nowMs)
      this.#refuse(nowMs)
      return 0
    }
    Atomics.store(this.cells, header.passed, tick)
    return ticket
  }

  /** Whether it is time that one call passes; of several threads one gets it. */
  #isForced(tick: number): boolean {
    const passed = Atomics.load(this.cells, header.passed)
    if (((tick - passed) | 0) < this.#plan.forcePassMs) return false
    return Atomics.compareExchange(this.cells, header.passed, passed, tick) === passed
  }

  #refuse(nowMs: number): void {
    this.#lastRefusedMs = nowMs
    if (this.#refusing) return
    this.#refusing = true
    this.#spells++
    this.changed('closed', 'half-open', 'errors', 0)
  }

  /** A bucket's time after the last refusal, so that a ratio about 0 is not told of again and again. */
  #mayBeOver(nowMs: number): void {
    if (!this.#refusing || nowMs - this.#lastRefusedMs < this.#plan.bucketMs) return
    this.#refusing = false
    this.changed('half-open', 'closed', 'recovered', 0)
  }
}
