import type { ServerCall } from './call.ts'

/**
 * A message larger than this is written in slices of this size, the next when the last was taken: only that makes
 * progress visible while the client takes it slowly. With `readerStallMs` this is the least rate at which it may read.
 */
export const sliceBytes: number = 64 * 1024

/** One large message on its way out. The slices are views: nothing is copied. */
export class SlicedWrite {
  readonly #call: ServerCall
  readonly #framed: Buffer
  /** Whether the stream ends with this message. */
  last: boolean
  readonly #done: () => void
  #at = 0

  constructor(call: ServerCall, framed: Buffer, last: boolean, done: () => void) {
    this.#call = call
    this.#framed = framed
    this.last = last
    this.#done = done
  }

  next(): void {
    const { stream } = this.#call
    if (stream.destroyed || stream.closed) return
    const end = Math.min(this.#at + sliceBytes, this.#framed.length)
    const slice = this.#framed.subarray(this.#at, end)
    this.#at = end
    stream.write(slice, () => this.#onTaken(end === this.#framed.length))
  }

  #onTaken(complete: boolean): void {
    this.#call.onTaken(!complete)
    if (!complete) return this.next()
    if (this.last) this.#call.stream.end()
    this.#done()
  }
}
