import { countFields } from '../cells.ts'
import type { Latencies } from '../latencies.ts'
import { type AdaptivePlan, adaptiveDefaults } from '../options.ts'
import { rateOf, type SlidingWindow } from '../sliding-window.ts'
import type { TripReason, TripRule } from './trip-rule.ts'

type ThresholdOptions = Pick<AdaptivePlan, 'thresholdMin' | 'thresholdMax' | 'rateQpsFull'>

/**
 * The error ratio from which on the adaptive design opens: the more is asked, the more errors it bears.
 *
 *   clamp(0.4, 0.65, 0.4 + 0.25 × min(qps / 1000, 1))
 *
 * @param rateQps at least 0. @returns thresholdMin to thresholdMax.
 */
export function adaptiveThreshold(
  rateQps: number,
  { thresholdMin, thresholdMax, rateQpsFull }: ThresholdOptions = adaptiveDefaults,
): number {
  return Math.min(thresholdMax, thresholdMin + (thresholdMax - thresholdMin) * Math.min(rateQps / rateQpsFull, 1))
}

/** Above the 95th percentile is one call in twenty. */
const slowRatioMax = 0.05
/** Where calls come thick, `run` measures one of so many; a power of two. */
const callsPerTimed = 8

/**
 * Opens at {@link adaptiveThreshold}, or where the 95th percentile of the durations is above `latencyMsP95Max`. That is
 * so exactly where more than one call in twenty is slower than that, so one more count per bucket decides it without
 * error; the histogram only tells how slow. Of durations too there must be `requestsMin`.
 */
export class AdaptiveRule implements TripRule {
  readonly #window: SlidingWindow
  readonly #latencies: Latencies
  readonly #plan: AdaptivePlan
  readonly #latencyMsMax: number
  #asked = 0

  constructor(window: SlidingWindow, latencies: Latencies, plan: AdaptivePlan) {
    this.#window = window
    this.#latencies = latencies
    this.#plan = plan
    this.#latencyMsMax = plan.latencyMsP95Max
  }

  timesNext(): boolean {
    this.#asked = (this.#asked + 1) & (callsPerTimed - 1)
    return this.#asked === 0 || !this.#window.isThick
  }

  succeeded(durationMs: number | undefined, nowMs: number | undefined): TripReason | undefined {
    this.#window.succeed(nowMs)
    return durationMs !== undefined && this.#time(durationMs) ? this.#slow(nowMs ?? this.#window.now()) : undefined
  }

  failed(durationMs: number | undefined, nowMs: number): TripReason | undefined {
    const window = this.#window
    window.count(countFields.failed, nowMs)
    const wasSlow = durationMs !== undefined && this.#time(durationMs)
    window.sum(nowMs)
    const requests = window.succeeded + window.failed
    if (requests >= this.#plan.requestsMin && window.failed >= this.thresholdAt(rateOf(window, nowMs)) * requests) {
      return 'errors'
    }
    return wasSlow ? this.#slow(nowMs) : undefined
  }

  isSlow(durationMs: number | undefined): boolean {
    return durationMs !== undefined && durationMs > this.#latencyMsMax
  }

  thresholdAt(rateQps: number): number {
    return adaptiveThreshold(rateQps, this.#plan)
  }

  latencyMsP95(fromMs: number, nowMs: number): number | undefined {
    return this.#latencies.percentile(0.95, fromMs, nowMs)
  }

  /** Keeps a duration. @returns whether it was a slow one. */
  #time(durationMs: number): boolean {
    const window = this.#window
    window.countKnown(countFields.timed)
    this.#latencies.record(durationMs, window.lookedMs)
    if (!(durationMs > this.#latencyMsMax)) return false
    window.countKnown(countFields.slow)
    return true
  }

  #slow(nowMs: number): TripReason | undefined {
    const window = this.#window
    window.sum(nowMs)
    return window.timed >= this.#plan.requestsMin && window.slow > slowRatioMax * window.timed ? 'slow' : undefined
  }
}
