import type { EngineLimits } from './limits.ts'

/**
 * How many frames a client may send that carry nothing: each takes one, time gives back, and so do requests. A leaky bucket,
 * O(1), whose time the caller brings. Frames that belong to answers, as window updates do, are not counted here: see
 * `SessionSender.returnsDue`.
 *
 * Row S10: floods of PING, SETTINGS, empty DATA and the like (CVE-2019-9512, -9515, -9518).
 */
export class FrameBudget {
  readonly #max: number
  readonly #perS: number
  #spent = 0
  #atMs: number

  constructor({ emptyFramesMax, emptyFramesPerS }: EngineLimits, nowMs: number) {
    this.#max = emptyFramesMax
    this.#perS = emptyFramesPerS
    this.#atMs = nowMs
  }

  /** One more. @returns false where it is one too many. */
  spend(nowMs: number): boolean {
    const forgiven = ((nowMs - this.#atMs) / 1000) * this.#perS
    this.#atMs = nowMs
    this.#spent = Math.max(0, this.#spent - forgiven) + 1
    return this.#spent <= this.#max
  }

  /** Something real has come, which so many such frames may belong to. */
  makeUp(frames: number): void {
    this.#spent = Math.max(0, this.#spent - frames)
  }
}
