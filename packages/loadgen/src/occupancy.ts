/**
 * How many requests are in the system on average: the integral of their number over time, kept at every change. It
 * knows nothing of latencies, so that Little's law checks one against the other.
 */
export class Occupancy {
  #present = 0
  #integral = 0
  #changedMs = 0

  /** A request was intended at `intendedMs`, which the thread notices now. */
  arrived(intendedMs: number, nowMs: number): void {
    this.#moveTo(nowMs)
    this.#integral += nowMs - intendedMs
    this.#present++
  }

  /** @param count how many requests have left, answered or lost. */
  left(count: number, nowMs: number): void {
    this.#moveTo(nowMs)
    this.#present -= count
  }

  /** The integral up to now, in request-milliseconds: the difference of two over the time between is the mean. */
  integral(nowMs: number): number {
    this.#moveTo(nowMs)
    return this.#integral
  }

  /** Requests that have arrived and not left. */
  get present(): number {
    return this.#present
  }

  #moveTo(nowMs: number): void {
    this.#integral += this.#present * (nowMs - this.#changedMs)
    this.#changedMs = nowMs
  }
}
