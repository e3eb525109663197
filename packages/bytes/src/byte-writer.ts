import { invariant } from '@qps/core'
import { checkPlace } from './place.ts'
import { decimalBytes, fixedBytes, hexBytes, writeDecimal, writeFixed, writeHex } from './write-number.ts'
import { jsonStringBytes, writeJsonString } from './write-json.ts'
import { latin1Bytes, utf8Bytes, writeLatin1, writeUtf8 } from './write-text.ts'

/**
 * Writes a message into a buffer that is there already, item by item: what would otherwise be concatenated, and encoded
 * afterwards.
 *
 *   target   │ somebody's │ {"id": │ 42 │ , │ … │  room  │
 *            0          start                  at
 *
 * The buffer is its bound. The first item that does not fit is not written, nor is any behind it, so that what is there is
 * always a beginning of the message; what follows is counted. `missing` then says how much larger a buffer has to be, and
 * the caller writes the message again into that one, or sends what is there first. Owns nothing and allocates nothing.
 *
 * @example
 * const writer = new ByteWriter(lease.bytes)
 * writer.latin1('{"id":').decimal(item.id).latin1(',"title":').json(item.title).byte(0x7d)
 * if (writer.missing === 0) socket.write(writer.written())
 */
export class ByteWriter {
  /** Where writing goes on. */
  at = 0
  /** Bytes of room that were not there: 0 while everything has fitted. */
  missing = 0
  #target: Uint8Array
  #start = 0

  /**
   * @param target the caller's; only `target[at..]` is written.
   * @throws InvariantError where `at` is no position of it.
   */
  constructor(target: Uint8Array, at = 0) {
    this.#target = target
    this.reset(target, at)
  }

  /** Begins anew, in this or another buffer. @throws InvariantError where `at` is no position of it. */
  reset(target: Uint8Array, at = 0): this {
    checkPlace(target, at)
    this.#target = target
    this.#start = this.at = at
    this.missing = 0
    return this
  }

  /** Bytes that still fit. */
  get room(): number {
    return this.#target.length - this.at
  }

  /** What was written since `reset`, sharing the memory. */
  written(): Uint8Array {
    return this.#target.subarray(this.#start, this.at)
  }

  /** Takes back what stands behind a position where writing was before. @throws InvariantError for another position. */
  rewindTo(at: number): this {
    invariant(Number.isInteger(at) && at >= this.#start && at <= this.at, 'writing goes back to where it has been')
    this.at = at
    this.missing = 0
    return this
  }

  /** One byte, of which the low eight bits are taken. */
  byte(byte: number): this {
    if (this.missing > 0 || this.room < 1) return this.#lack(1)
    this.#target[this.at] = byte
    return this.#moveTo(this.at + 1)
  }

  /** A copy of `source[start..end)`. @throws InvariantError where the range is not inside `source`. */
  bytes(source: Uint8Array, start = 0, end: number = source.length): this {
    invariant(start >= 0 && start <= end && end <= source.length, 'bytes are copied from inside their source')
    const length = end - start
    if (this.missing > 0 || this.room < length) return this.#lack(length)
    this.#target.set(length === source.length ? source : source.subarray(start, end), this.at)
    return this.#moveTo(this.at + length)
  }

  /** See {@link writeLatin1}. @throws QpsError QPS_BYTES_LATIN1. */
  latin1(text: string): this {
    const at = this.missing > 0 ? -1 : writeLatin1(this.#target, this.at, text)
    return at === -1 ? this.#lack(latin1Bytes(text)) : this.#moveTo(at)
  }

  /** See {@link writeUtf8}. */
  utf8(text: string): this {
    const at = this.missing > 0 ? -1 : writeUtf8(this.#target, this.at, text)
    return at === -1 ? this.#lack(utf8Bytes(text)) : this.#moveTo(at)
  }

  /** A string as JSON with its quotes: see {@link writeJsonString}. */
  json(text: string): this {
    const at = this.missing > 0 ? -1 : writeJsonString(this.#target, this.at, text)
    return at === -1 ? this.#lack(jsonStringBytes(text)) : this.#moveTo(at)
  }

  /** See {@link writeDecimal}. @throws InvariantError for what is no safe integer. */
  decimal(value: number): this {
    const at = this.missing > 0 ? -1 : writeDecimal(this.#target, this.at, value)
    return at === -1 ? this.#lack(decimalBytes(value)) : this.#moveTo(at)
  }

  /** See {@link writeFixed}. @throws InvariantError for units or places out of their range. */
  fixed(units: number, places = 2): this {
    const at = this.missing > 0 ? -1 : writeFixed(this.#target, this.at, units, places)
    return at === -1 ? this.#lack(fixedBytes(units, places)) : this.#moveTo(at)
  }

  /** See {@link writeHex}. @throws InvariantError for a value out of its range. */
  hex(value: number, digitsMin = 1): this {
    const at = this.missing > 0 ? -1 : writeHex(this.#target, this.at, value, digitsMin)
    return at === -1 ? this.#lack(hexBytes(value, digitsMin)) : this.#moveTo(at)
  }

  #moveTo(at: number): this {
    this.at = at
    return this
  }

  /** The room that is left is used up by the first item that does not fit; all that follows is missing as a whole. */
  #lack(bytes: number): this {
    this.missing += this.missing === 0 ? bytes - this.room : bytes
    return this
  }
}
