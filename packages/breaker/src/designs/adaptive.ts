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

/**
 * Opens at {@link adaptiveThreshold}, or where the 95th percentile of the durations is above `latencyMsP95Max`. That is so exactly
 * where more than one call in twenty is slower than that, so one more count per bucket decides it without error; the histogram only tells
 * how slow.
 */
export class AdaptiveRule implements TripRule {
  readonly timed = true
  readonly #window: SlidingWindow
  readonly #latencies: Latencies
  readonly #plan: AdaptivePlan
  readonly #latencyMsMax: number

  constructor(window: SlidingWindow, latencies: Latencies, plan: AdaptivePlan) {
    this.#window = window
    this.#latencies = latencies
    this.#plan = plan
    this.#latencyMsMax = plan.latencyMsP95Max
  }

  succeeded(durationMs: number, nowMs: number | undefined): TripReason | undefined {
    this.#window.succeed(nowMs)
    this.#latencies.record(durationMs, this.#window.lookedMs)
    return durationMs > this.#latencyMsMax ? this.#slow(nowMs ?? this.#window.now()) : undefined
  }

  failed(durationMs: number, nowMs: number): TripReason | undefined {
    const window = this.#window
    window.count(countFields.failed, nowMs)
    this.#latencies.record(durationMs, nowMs)
    if (durationMs > this.#latencyMsMax) window.count(countFields.slow, nowMs)
    const requests = this.#requestsAt(nowMs)
    if (requests < this.#plan.requestsMin) return undefined
    if (window.failed >= this.thresholdAt(rateOf(window, nowMs)) * requests) return 'errors'
    return window.slow > slowRatioMax * requests ? 'slow' : undefined
  }

  isSlow(durationMs: number): boolean {
    return durationMs > this.#latencyMsMax
  }

  thresholdAt(rateQps: number): number {
    return adaptiveThreshold(rateQps, this.#plan)
  }

  latencyMsP95(fromMs: number, nowMs: number): number | undefined {
    return this.#latencies.percentile(0.95, fromMs, nowMs)
  }

  #slow(nowMs: number): TripReason | undefined {
    this.#window.count(countFields.slow, nowMs)
    const requests = this.#requestsAt(nowMs)
    return requests >= this.#plan.requestsMin && this.#window.slow > slowRatioMax * requests ? 'slow' : undefined
  }

  #requestsAt(nowMs: number): number {
    this.#window.sum(nowMs)
    return this.#window.succeeded + this.#window.failed
  }
}
