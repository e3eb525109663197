const nothing = new Uint8Array(0)
/** The least that is made at once: many a head that is cut fits. */
const roomBytesMin = 512

/**
 * Input that waits until it can be parsed: what is left of a message that is cut, or of the next ones.
 *
 *   bytes   | parsed |  waits  |  room  |
 *           0      start      end
 *
 * It is copied in, because whoever received it takes its memory back, and parsed in place. Room is made by moving what waits
 * to the beginning, or into memory twice as large: the copying is linear in the bytes. It has no bound of its own: whoever
 * keeps stops reading, or refuses the message, before it is too much.
 */
export class Carry {
  /** Another one after each {@link keep}: read it then. */
  bytes: Uint8Array = nothing
  start = 0
  end = 0

  /** Bytes that wait. */
  get length(): number {
    return this.end - this.start
  }

  /** Copies `bytes[start..end)` behind what waits already. */
  keep(bytes: Uint8Array, start: number, end: number): void {
    const added = end - start
    if (this.end + added > this.bytes.length) this.#makeRoom(added)
    this.bytes.set(bytes.subarray(start, end), this.end)
    this.end += added
  }

  /** What stands before `at` is parsed. The memory stays, for the next message that is cut. */
  parsedTo(at: number): void {
    if (at === this.end) this.start = this.end = 0
    else this.start = at
  }

  /** Forgets what waits, and gives the memory away: whoever is at rest holds none. */
  drop(): void {
    this.bytes = nothing
    this.start = this.end = 0
  }

  #makeRoom(added: number): void {
    const { bytes, start, end, length } = this
    const needed = length + added
    const roomy = needed > bytes.length ? new Uint8Array(Math.max(roomBytesMin, 2 * needed)) : bytes
    roomy.set(bytes.subarray(start, end))
    this.bytes = roomy
    this.start = 0
    this.end = length
  }
}
