import { LeakyBucket } from './leaky-bucket.ts'

/**
 * How often a client may reset streams: a {@link LeakyBucket}. A stream that is answered in order makes up for one.
 *
 * @example
 * const budget = new ResetBudget({ resetsMax: 30, resetsPerS: 10 }, clock.nowMs())
 * if (!budget.spend(clock.nowMs())) session.destroy()
 */
export class ResetBudget extends LeakyBucket {
  /** @param limits more than `resetsMax` is too many; `resetsPerS` of them are forgiven each second. */
  constructor({ resetsMax, resetsPerS }: { resetsMax: number; resetsPerS: number }, nowMs: number) {
    super(resetsMax, resetsPerS, nowMs)
  }

  /**
   * How many streams may be open as we count them. Ours outlive the protocol's by a moment, so while nothing was reset it is
   * for HTTP/2 to count; a client that resets has what it has reset counted as open.
   */
  openMax(streamsMax: number, nowMs: number): number {
    const recent = this.spent(nowMs)
    return recent < 1 ? 2 * streamsMax : streamsMax - recent
  }
}
