/** What the ring asks of its entries. */
export interface Slotted {
  /** Requests that may be sent now. */
  readonly free: number
  /** True while in the ring; written by the ring only. */
  listed: boolean
}

/**
 * Connections with a free slot, the one that has waited longest first. Each is in it at most once, so that a ring as long as
 * there are connections never overflows; one that has lost its slots meanwhile is passed over when its turn comes.
 */
export class IdleRing<Entry extends Slotted> {
  readonly #entries: (Entry | undefined)[]
  #head = 0
  #length = 0

  /** @param capacity the number of connections. */
  constructor(capacity: number) {
    this.#entries = Array.from<Entry | undefined>({ length: capacity }).fill(undefined)
  }

  get length(): number {
    return this.#length
  }

  /** O(1); nothing happens where the entry is listed or has no free slot. */
  push(entry: Entry): void {
    if (entry.listed || entry.free === 0) return
    entry.listed = true
    this.#entries[(this.#head + this.#length) % this.#entries.length] = entry
    this.#length++
  }

  /** The entry that has waited longest, or undefined. */
  take(): Entry | undefined {
    while (this.#length > 0) {
      const entry = this.#entries[this.#head]!
      this.#head = (this.#head + 1) % this.#entries.length
      this.#length--
      entry.listed = false
      if (entry.free > 0) return entry
    }
    return undefined
  }
}
