/**
 * Buffers for datagrams, each with one user at a time: whoever writes it, then the socket until the kernel has taken it. Bounded:
 * where all are under way nobody makes another datagram.
 */
export class DatagramPool {
  readonly #free: Buffer[] = []
  readonly #bytes: number
  readonly #max: number
  #leased = 0
  #onRoom: (() => void) | undefined

  /** @param bytes of each buffer. @param max leased at once. */
  constructor(bytes: number, max: number) {
    this.#bytes = bytes
    this.#max = max
  }

  get hasRoom(): boolean {
    return this.#leased < this.#max
  }

  /** Contents are left over from earlier datagrams: send only what was written. */
  lease(): Buffer {
    this.#leased++
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bytes)
  }

  release(buffer: Buffer): void {
    this.#leased--
    this.#free.push(buffer)
    const onRoom = this.#onRoom
    this.#onRoom = undefined
    onRoom?.()
  }

  /** Calls once, at the next release. A later call replaces the callback. */
  whenRoom(callback: () => void): void {
    this.#onRoom = callback
  }
}
