import { countFields } from '../cells.ts'
import type { FixedPlan } from '../options.ts'
import type { SlidingWindow } from '../sliding-window.ts'
import type { TripReason, TripRule } from './trip-rule.ts'

/**
 * Opens where `errorRatioMax` of at least `requestsMin` calls in the window have failed. What many libraries do, and
 * what the article takes go-zero's breaker for.
 */
export class FixedRule implements TripRule {
  readonly #window: SlidingWindow
  readonly #requestsMin: number
  readonly #errorRatioMax: number

  constructor(window: SlidingWindow, { requestsMin, errorRatioMax }: FixedPlan) {
    this.#window = window
    this.#requestsMin = requestsMin
    this.#errorRatioMax = errorRatioMax
  }

  succeeded(_durationMs: number | undefined, nowMs: number | undefined): undefined {
    this.#window.succeed(nowMs)
  }

  failed(_durationMs: number | undefined, nowMs: number): TripReason | undefined {
    const window = this.#window
    window.count(countFields.failed, nowMs)
    window.sum(nowMs)
    const requests = window.succeeded + window.failed
    if (requests < this.#requestsMin || window.failed < this.#errorRatioMax * requests) return undefined
    return 'errors'
  }

  timesNext(): boolean {
    return false
  }

  isSlow(): boolean {
    return false
  }

  thresholdAt(): number {
    return this.#errorRatioMax
  }

  latencyMsP95(): undefined {
    return undefined
  }
}
