/**
 * How often somebody may do what is allowed now and then: each time takes one, time gives back, and so does what makes up for
 * it. O(1); the caller brings the time.
 *
 * @example
 * const bucket = new LeakyBucket(100, 10, clock.nowMs())
 * if (!bucket.spend(clock.nowMs())) session.destroy()
 */
export class LeakyBucket {
  readonly #max: number
  readonly #perS: number
  #spent = 0
  #atMs: number

  /** @param max more than so many is too many. @param perS so many are forgiven each second. */
  constructor(max: number, perS: number, nowMs: number) {
    this.#max = max
    this.#perS = perS
    this.#atMs = nowMs
  }

  /** One more. @returns false where it is one too many. */
  spend(nowMs: number): boolean {
    this.#spent = this.spent(nowMs) + 1
    return this.#spent <= this.#max
  }

  /** Something was done that so many may belong to. */
  makeUp(count = 1): void {
    this.#spent = Math.max(0, this.#spent - count)
  }

  /** What is not forgiven by now. */
  spent(nowMs: number): number {
    if (this.#spent > 0) this.#spent = Math.max(0, this.#spent - ((nowMs - this.#atMs) / 1000) * this.#perS)
    this.#atMs = nowMs
    return this.#spent
  }
}
