import { checkInteger, invariant } from '@qps/core'
import { partsDefaults, type PartsOptions } from './options.ts'
import { checkPlace } from './place.ts'

/**
 * Slices that leave together, in order, without having been joined: what a vectored write takes.
 *
 *   head (prepared)    digits     body (cached)
 *   ████████████░░░    ░░██░      ░░░░████████░░      memory of three owners
 *   └── part 0 ──┘     part 1         part 2
 *
 * Bounded in slices and in bytes, and made for being used again: `add`, hand over, `clear`. Slices that follow one another in
 * the same bytes become one. The bytes are shared until `clear` or {@link Parts.consume} lets go of them: they must not
 * change before they have left, and all of the memory they lie in stays alive as long.
 *
 * @example
 * const parts = new Parts()
 * if (!parts.add(head) || !parts.add(cache, at, at + length)) refuse()
 * socket.writev(parts.views())
 * parts.clear()
 */
export class Parts {
  readonly #countMax: number
  readonly #bytesMax: number
  readonly #sources: (Uint8Array | undefined)[]
  /** Two per part: start and end. Doubles, because a buffer may be longer than 2^31. */
  readonly #ranges: Float64Array
  #count = 0
  #byteLength = 0

  /** @throws QpsError QPS_OPTION for an option out of its range. */
  constructor(options: PartsOptions = {}) {
    const { partsMax = partsDefaults.partsMax, partsBytesMax = partsDefaults.partsBytesMax } = options
    this.#countMax = checkInteger('partsMax', partsMax, { min: 1, max: 1024 })
    this.#bytesMax = checkInteger('partsBytesMax', partsBytesMax, { min: 1, max: 0x7fff_ffff })
    this.#sources = Array.from({ length: this.#countMax }, () => undefined)
    this.#ranges = new Float64Array(2 * this.#countMax)
  }

  /** Slices. */
  get count(): number {
    return this.#count
  }

  /** Bytes of all slices. */
  get byteLength(): number {
    return this.#byteLength
  }

  /**
   * Adds `bytes[start..end)`, shared. An empty slice is no part.
   *
   * @returns false where it would be one slice or one byte too many: nothing is added, and what is there can leave first.
   * @throws InvariantError where the range is not inside `bytes`.
   */
  add(bytes: Uint8Array, start = 0, end: number = bytes.length): boolean {
    invariant(start >= 0 && start <= end && end <= bytes.length, 'a part lies inside its bytes')
    if (start === end) return true
    if (this.#byteLength + end - start > this.#bytesMax) return false
    const last = this.#count - 1
    if (last >= 0 && this.#sources[last] === bytes && this.#ranges[2 * last + 1] === start) {
      this.#ranges[2 * last + 1] = end
    } else {
      if (this.#count === this.#countMax) return false
      this.#sources[this.#count] = bytes
      this.#ranges[2 * this.#count] = start
      this.#ranges[2 * this.#count + 1] = end
      this.#count++
    }
    this.#byteLength += end - start
    return true
  }

  /** The bytes in which a part lies, from {@link startOf} to {@link endOf}. @throws InvariantError for no part. */
  bytesOf(index: number): Uint8Array {
    this.#check(index)
    return this.#sources[index]!
  }

  /** @throws InvariantError for no part. */
  startOf(index: number): number {
    this.#check(index)
    return this.#ranges[2 * index]!
  }

  /** @throws InvariantError for no part. */
  endOf(index: number): number {
    this.#check(index)
    return this.#ranges[2 * index + 1]!
  }

  /** A view per part, sharing the memory, for a writer that takes a list. */
  views(): Uint8Array[] {
    return Array.from({ length: this.#count }, (_, index) =>
      this.#sources[index]!.subarray(this.#ranges[2 * index], this.#ranges[2 * index + 1]),
    )
  }

  /**
   * Joins them after all, where somebody needs one piece.
   *
   * @returns the position behind them, or -1 where they do not fit, and then nothing is written.
   * @throws InvariantError where `at` is no position of `target`.
   */
  copyTo(target: Uint8Array, at = 0): number {
    checkPlace(target, at)
    if (at + this.#byteLength > target.length) return -1
    let to = at
    for (const view of this.views()) {
      target.set(view, to)
      to += view.length
    }
    return to
  }

  /**
   * Takes so many bytes off the front: what a write has taken. Slices that have left entirely are let go of.
   *
   * @throws InvariantError for more bytes than there are.
   */
  consume(bytes: number): void {
    invariant(Number.isInteger(bytes) && bytes >= 0 && bytes <= this.#byteLength, 'what is there can be consumed')
    let left = bytes
    let gone = 0
    while (left > 0) {
      const length = this.#ranges[2 * gone + 1]! - this.#ranges[2 * gone]!
      if (left < length) {
        this.#ranges[2 * gone]! += left
        break
      }
      left -= length
      gone++
    }
    this.#byteLength -= bytes
    if (gone === 0) return
    this.#sources.copyWithin(0, gone, this.#count)
    this.#ranges.copyWithin(0, 2 * gone, 2 * this.#count)
    this.#sources.fill(undefined, this.#count - gone, this.#count)
    this.#count -= gone
  }

  /** Lets go of all slices. */
  clear(): void {
    this.#sources.fill(undefined, 0, this.#count)
    this.#count = this.#byteLength = 0
  }

  #check(index: number): void {
    invariant(Number.isInteger(index) && index >= 0 && index < this.#count, 'there is a part of this index')
  }
}
