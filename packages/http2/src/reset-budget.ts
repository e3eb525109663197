/**
 * How often a client may reset streams: each takes one, time gives back, and so does a stream that is answered in order. A
 * leaky bucket, O(1), whose time the caller brings.
 *
 * @example
 * const budget = new ResetBudget({ resetsMax: 30, resetsPerS: 10 }, clock.nowMs())
 * if (!budget.spend(clock.nowMs())) session.destroy()
 */
export class ResetBudget {
  readonly #resetsMax: number
  readonly #resetsPerS: number
  #spent = 0
  #atMs: number

  /** @param limits more than `resetsMax` is too many; `resetsPerS` of them are forgiven each second. */
  constructor({ resetsMax, resetsPerS }: { resetsMax: number; resetsPerS: number }, nowMs: number) {
    this.#resetsMax = resetsMax
    this.#resetsPerS = resetsPerS
    this.#atMs = nowMs
  }

  /** One more. @returns false where it is one too many. */
  spend(nowMs: number): boolean {
    this.#spent = this.#recent(nowMs) + 1
    return this.#spent <= this.#resetsMax
  }

  /** A stream was answered: that makes up for one. */
  makeUp(): void {
    this.#spent = Math.max(0, this.#spent - 1)
  }

  /**
   * How many streams may be open as we count them. Ours outlive the protocol's by a moment, so while nothing was reset it is
   * for HTTP/2 to count; a client that resets has what it has reset counted as open.
   */
  openMax(streamsMax: number, nowMs: number): number {
    const recent = this.#recent(nowMs)
    return recent < 1 ? 2 * streamsMax : streamsMax - recent
  }

  #recent(nowMs: number): number {
    if (this.#spent === 0) {
      this.#atMs = nowMs
      return 0
    }
    this.#spent = Math.max(0, this.#spent - ((nowMs - this.#atMs) / 1000) * this.#resetsPerS)
    this.#atMs = nowMs
    return this.#spent
  }
}
