import type { Clock } from '@qps/core'

/** Releases between two looks at the clock, which costs more than a release does; a power of two. */
export const releasesPerLook = 256

/** When a pool looks for what nobody needed: no more often than every `idleMs`. */
export class Trimming {
  readonly #clock: Clock
  readonly #idleMs: number
  #lookedMs: number

  constructor(clock: Clock, idleMs: number) {
    this.#clock = clock
    this.#idleMs = idleMs
    this.#lookedMs = clock.nowMs()
  }

  /** True where it is time to look, or `now` says so; the next look counts from here. */
  begin(now: boolean): boolean {
    const nowMs = this.#clock.nowMs()
    if (!now && nowMs - this.#lookedMs < this.#idleMs) return false
    this.#lookedMs = nowMs
    return true
  }
}
