/**
 * Streams that we have ended while their requests were not over: until the client has read of it, it goes on sending on them,
 * and that is no fault (RFC 9113, section 5.1, "closed"). Bounded: the oldest is forgotten first.
 */
export class LateStreams {
  readonly #max: number
  readonly #ids = new Set<number>()

  /** @param max how many are remembered. */
  constructor(max: number) {
    this.#max = max
  }

  add(streamId: number): void {
    this.#ids.add(streamId)
    if (this.#ids.size <= this.#max) return
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest)
      return
    }
  }

  has(streamId: number): boolean {
    return this.#ids.has(streamId)
  }
}
