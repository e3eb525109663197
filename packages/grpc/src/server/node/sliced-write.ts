import type { NodeCallStream } from './stream.ts'

/**
 * A message larger than this is written in slices of this size, the next when the last was taken: only that makes
 * progress visible while the client takes it slowly. With `readerStallMs` this is the least rate at which it may read.
 */
export const sliceBytes: number = 64 * 1024

/** One large message on its way out. The slices are views: nothing is copied. */
export class SlicedWrite {
  readonly #stream: NodeCallStream
  readonly #framed: Buffer
  /** Whether the stream ends with this message. */
  last = false
  readonly #done: () => void
  #at = 0

  constructor(stream: NodeCallStream, framed: Buffer, done: () => void) {
    this.#stream = stream
    this.#framed = framed
    this.#done = done
  }

  next(): void {
    if (this.#stream.closed) return
    const end = Math.min(this.#at + sliceBytes, this.#framed.length)
    const slice = this.#framed.subarray(this.#at, end)
    this.#at = end
    this.#stream.http2.write(slice, () => this.#onTaken(end === this.#framed.length))
  }

  #onTaken(complete: boolean): void {
    this.#stream.onTaken(!complete)
    if (!complete) return this.next()
    if (this.last) this.#stream.http2.end()
    this.#done()
  }
}
