import type { Arena } from '../sys/arena.ts'

/**
 * Memory that the kernel can send from without a copy of ours in between. It lies outside of the collector's heap, so it
 * stays in its place, and until it is released or the poller closes, it exists.
 *
 * **Who may write when.** While `leases` is above 0, bytes of it are queued, or the kernel sends from it: changing them
 * changes what the peer gets. A zero-copy send holds its lease until the kernel's notification, which comes when the peer
 * has acknowledged the bytes, or the connection is gone for the kernel too, long behind `onClose`.
 */
export class SendMemory implements Disposable {
  /** Empty behind `release`, as soon as no lease is left. */
  readonly bytes: Uint8Array
  /** Sends that are not over. */
  leases = 0
  /** Place in the table of registered buffers, or -1. */
  readonly place: number
  readonly arena: Arena
  #released = false
  readonly #onFree: (memory: SendMemory) => void

  /** @param onFree gives the arena and the place back. */
  constructor(arena: Arena, bytes: Uint8Array, place: number, onFree: (memory: SendMemory) => void) {
    this.arena = arena
    this.bytes = bytes
    this.place = place
    this.#onFree = onFree
  }

  get registered(): boolean {
    return this.place !== -1
  }

  /** `release` was called. */
  get released(): boolean {
    return this.#released
  }

  /** Gives the memory back: at once, or with the last lease. Calling it again is a no-op. */
  release(): void {
    if (this.#released) return
    this.#released = true
    if (this.leases === 0) this.#onFree(this)
  }

  /** A lease has come back. */
  letGo(): void {
    if (--this.leases === 0 && this.#released) this.#onFree(this)
  }

  [Symbol.dispose](): void {
    this.release()
  }
}
