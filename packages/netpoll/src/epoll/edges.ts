/**
 * What the edges of connections said and no call has refuted, by slot. An edge comes once, when something changes; so it
 * is remembered until a read or a write finds that it holds no longer.
 *
 *     EPOLLIN, EPOLLRDHUP … ──► readable ──► read until EAGAIN, or a short read
 *     EPOLLOUT ───────────────► writable ──► send until EAGAIN, or a short send
 *     EPOLLRDHUP, EPOLLHUP … ─► hung up: no further edge will tell of the FIN, so only a read that finds it ends readable
 */
export class Edges {
  readonly #readable: boolean[] = []
  readonly #writable: boolean[] = []
  readonly #hungUp: boolean[] = []

  /** A connection takes the slot. */
  start(slot: number, writable: boolean): void {
    this.#readable[slot] = false
    this.#writable[slot] = writable
    this.#hungUp[slot] = false
  }

  readable(slot: number): boolean {
    return this.#readable[slot]!
  }

  writable(slot: number): boolean {
    return this.#writable[slot]!
  }

  canRead(slot: number): void {
    this.#readable[slot] = true
  }

  canWrite(slot: number): void {
    this.#writable[slot] = true
  }

  /** The peer sends nothing more: there is an end to read, now or behind the bytes that are left. */
  hangUp(slot: number): void {
    this.#hungUp[slot] = true
  }

  /** Nothing is left to read, whatever was told before. */
  drained(slot: number): void {
    this.#readable[slot] = false
  }

  /**
   * A read brought less than there was room for: the kernel has no more, and will say so when it has. But a FIN that came
   * together with these bytes has been told of already.
   */
  readShort(slot: number): void {
    if (!this.#hungUp[slot]) this.#readable[slot] = false
  }

  /** The kernel takes nothing more, until it says so. */
  filled(slot: number): void {
    this.#writable[slot] = false
  }
}
