import type { Connection } from '@qps/netpoll'
import type { BufferLease } from '@qps/pool'

/**
 * Leases whose bytes a connection still has. An answer's bytes are lent to the connection until they are sent, so the lease
 * must outlive the handler, and ends when the kernel has taken the last of them or the connection is closed:
 *
 *     acquire ─► write ─► end(bytes) ─► lend ───── taken? ─── no ──┐
 *                                               ▲    │ yes         │
 *                                               │    ▼             │
 *                                               │  released        │
 *                                               └── the next look ◄┘
 *
 * Nobody is called when bytes are taken, so whoever needs a buffer looks first. A look costs two comparisons; each call of
 * `takeBack` makes as many as it is told, and goes on where the last one stopped, so that a reader that takes nothing
 * stands in nobody's way.
 */
export class LentBuffers {
  /** Places below `#count` are in use. They are kept when it falls: a list that shrinks and grows again is garbage. */
  readonly #leases: (BufferLease | undefined)[] = []
  readonly #outputs: (Connection | undefined)[] = []
  /** What `bytesSent` is when the answer was taken. */
  readonly #takenAt: number[] = []
  #count = 0
  /** Where the next look begins. */
  #hand = 0

  /** Leases that are lent now. */
  get count(): number {
    return this.#count
  }

  /**
   * Notes a lease whose bytes were just written to `output`, as the last of what it has to send.
   *
   * @param lease released by `takeBack`, and by nobody else.
   */
  lend(lease: BufferLease, output: Connection): void {
    const place = this.#count++
    this.#leases[place] = lease
    this.#outputs[place] = output
    this.#takenAt[place] = output.bytesSent + output.pendingBytes
  }

  /**
   * Releases what was taken, among the next `looks` leases.
   *
   * @returns how many were released.
   */
  takeBack(looks: number): number {
    const before = this.#count
    for (let left = Math.min(looks, before); left > 0; left--) {
      if (this.#hand >= this.#count) this.#hand = 0
      const place = this.#hand
      const output = this.#outputs[place]!
      if (output.open && output.bytesSent < this.#takenAt[place]!) this.#hand++
      else this.#release(place)
    }
    return before - this.#count
  }

  /** The last one moves to the free place, and is looked at next. */
  #release(place: number): void {
    const lease = this.#leases[place]!
    const last = --this.#count
    this.#leases[place] = this.#leases[last]
    this.#outputs[place] = this.#outputs[last]
    this.#takenAt[place] = this.#takenAt[last]!
    this.#leases[last] = this.#outputs[last] = undefined
    lease.release()
  }
}
