/** The most that quiet times save up: retries for as many requests as one minute of light traffic has. */
const balanceMax = 100

/**
 * How many retries a client may make: a share of its requests, so that a failing server sees at most `1 + ratio` times the
 * load, however many callers retry. A token bucket without a clock: each request earns `ratio`, each retry costs 1.
 *
 * @example const budget = new RetryBudget({ ratio: 0.1, reserve: 10 }) // one retry in ten requests, ten in advance
 */
export class RetryBudget {
  readonly #ratio: number
  #balance: number

  /** @param options.ratio retries per request, 0..1. @param options.reserve retries in advance, 0 to 100. */
  constructor({ ratio, reserve }: { ratio: number; reserve: number }) {
    this.#ratio = ratio
    this.#balance = Math.min(reserve, balanceMax)
  }

  /** A request was made (not a retry). */
  earn(): void {
    this.#balance = Math.min(balanceMax, this.#balance + this.#ratio)
  }

  /** Takes the cost of one retry; false, and nothing taken, where the budget does not allow it. */
  spend(): boolean {
    // Ten times a tenth is less than one in floating point.
    if (this.#balance < 1 - 1e-9) return false
    this.#balance -= 1
    return true
  }
}
