/** A head longer than this is parsed anew each time: comparing it would be no cheaper. */
const headBytesMax = 1024

/**
 * The last head that was found right, and what it said. A server that is loaded with one request over and over answers with
 * the same head over and over, the Date apart: where every byte is as before, so is every conclusion.
 *
 * Compares four bytes at a time, at any alignment.
 */
export class SameHead {
  /** Bytes of the head, its empty line included; 0 where there is none. */
  length = 0
  status = 0
  contentLength = 0
  keepAlive = true
  readonly #head = new Uint8Array(headBytesMax)
  readonly #words = new DataView(this.#head.buffer)
  /** Views of the memory that was looked at last: a transport reads into the same again and again. */
  #memory: ArrayBufferLike = this.#head.buffer
  #view: DataView = this.#words

  keep(bytes: Uint8Array, start: number, end: number): void {
    this.length = end - start > headBytesMax ? 0 : end - start
    if (this.length > 0) this.#head.set(bytes.subarray(start, end))
  }

  /** Do these bytes begin with the very same head? */
  begins(bytes: Uint8Array, start: number, end: number): boolean {
    const { length } = this
    if (length === 0 || end - start < length) return false
    if (bytes.buffer !== this.#memory) {
      this.#memory = bytes.buffer
      this.#view = new DataView(bytes.buffer)
    }
    const words = this.#words
    const view = this.#view
    const offset = bytes.byteOffset + start
    let at = 0
    for (; at + 4 <= length; at += 4) if (view.getInt32(offset + at) !== words.getInt32(at)) return false
    for (; at < length; at++) if (view.getUint8(offset + at) !== words.getUint8(at)) return false
    return true
  }
}
