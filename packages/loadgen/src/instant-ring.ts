/**
 * A bounded queue of instants without any allocation per entry: one Float64Array, whose length is a power of two so that
 * an index wraps by a mask.
 *
 *   instants  | 7.1 | 7.2 | 7.3 |     |     |     |     | 7.0 |
 *                             length = 4                  └ head
 */
export class InstantRing {
  readonly #instants: Float64Array
  readonly #mask: number
  #head = 0
  #length = 0

  /** @param capacity at least this many instants fit; rounded up to a power of two. */
  constructor(capacity: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(1, capacity)))
    this.#instants = new Float64Array(size)
    this.#mask = size - 1
  }

  get length(): number {
    return this.#length
  }

  /** @returns false where the ring is full; the instant is then not kept. */
  push(instantMs: number): boolean {
    if (this.#length > this.#mask) return false
    this.#instants[(this.#head + this.#length) & this.#mask] = instantMs
    this.#length++
    return true
  }

  /** Removes and returns the oldest; only where length is at least 1. */
  shift(): number {
    const instantMs = this.#instants[this.#head]!
    this.#head = (this.#head + 1) & this.#mask
    this.#length--
    return instantMs
  }

  clear(): void {
    this.#length = 0
  }
}
