import { invariant } from '@qps/core'
import { byteTable, equalsAscii, equalsIgnoringCase, findByte } from './ascii.ts'
import { latin1Text, utf8Text } from './decode.ts'
import { endError, malformedError, rangeError, tooLongError } from './errors.ts'
import type { InternTable } from './intern-table.ts'
import { LateText } from './late-text.ts'
import { parseDecimal, parseHex } from './parse-number.ts'

const nothing = new Uint8Array(0)
const decimalDigits = byteTable((byte) => byte >= 0x30 && byte <= 0x39)
const hexadecimalDigits = byteTable((byte) => /[0-9A-Fa-f]/.test(String.fromCharCode(byte)))

/**
 * A cursor over bytes. What it takes is a field: two offsets, of which a string, a number or a view is made when somebody
 * asks for one.
 *
 *   G E T   / i t e m s / 4 2   H T T P / …
 *          │                   │
 *          fieldStart          fieldEnd    at: behind the blank          end
 *
 * Methods that take move `at` and set the field, or throw and move nothing; `takeUntil` alone also says "not yet". Methods
 * that begin with `field` ask about the field, as often as one likes. Nothing is copied; the bytes are borrowed until the
 * next `reset`, and a field means whatever stands there. One reader serves any number of messages: none of this allocates,
 * but for the strings and views that are asked for.
 *
 * @example
 * const reader = new ByteReader(bytes)
 * while (reader.takeUntil(0x2c, 64)) if (reader.fieldIsIgnoringCase('gzip')) return true
 */
export class ByteReader {
  bytes: Uint8Array = nothing
  /** Where reading goes on. */
  at = 0
  /** Behind the last byte. */
  end = 0
  /** The field that was taken last: `bytes[fieldStart..fieldEnd)`. */
  fieldStart = 0
  fieldEnd = 0
  #start = 0

  /** @throws InvariantError where the range is not inside `bytes`. */
  constructor(bytes: Uint8Array = nothing, start = 0, end: number = bytes.length) {
    this.reset(bytes, start, end)
  }

  /**
   * Begins anew, with other bytes.
   *
   * @param bytes borrowed until the next reset.
   * @throws InvariantError where the range is not inside `bytes`.
   */
  reset(bytes: Uint8Array, start = 0, end: number = bytes.length): this {
    invariant(start >= 0 && start <= end && end <= bytes.length, 'a reader reads inside its bytes')
    this.bytes = bytes
    this.at = this.fieldStart = this.fieldEnd = this.#start = start
    this.end = end
    return this
  }

  /** Bytes that were not read yet. */
  get left(): number {
    return this.end - this.at
  }

  /** How many bytes were read: what errors call the position. */
  get position(): number {
    return this.at - this.#start
  }

  /** The next byte without taking it, or -1 at the end. */
  peek(): number {
    return this.at < this.end ? this.bytes[this.at]! : -1
  }

  /** Where a byte is next, or -1. Takes nothing. Linear in the distance. */
  find(byte: number): number {
    return findByte(this.bytes, this.at, this.end, byte)
  }

  /** Goes past the next byte if it is this one. @returns whether it was. */
  skipByte(byte: number): boolean {
    if (this.peek() !== byte) return false
    this.at++
    return true
  }

  /** Takes one byte, as a number. @throws QpsError QPS_BYTES_END. */
  takeByte(): number {
    this.take(1)
    return this.bytes[this.fieldStart]!
  }

  /** The next `count` bytes are the field. @throws QpsError QPS_BYTES_END where fewer are left. */
  take(count: number): void {
    invariant(Number.isInteger(count) && count >= 0, 'a whole number of bytes is taken')
    if (count > this.left)
      throw endError(count === 1 ? 'a byte is expected' : `${count} bytes are expected`, this.position, this.left)
    this.#field(this.at + count, this.at + count)
  }

  /** Everything up to the end is the field. */
  takeRest(): void {
    this.#field(this.end, this.end)
  }

  /**
   * What stands before the next `byte` is the field; reading goes on behind that byte. Linear in the field.
   *
   * @param bytesMax what a field may have, without the byte that ends it. Default: whatever is left.
   * @returns false where the byte is not there: nothing moved, and more input may have it. The next call looks again at what
   * this one looked at, which `bytesMax` bounds.
   * @throws QpsError QPS_BYTES_TOO_LONG where no further input can help.
   */
  takeUntil(byte: number, bytesMax: number = Infinity): boolean {
    const found = findByte(this.bytes, this.at, Math.min(this.end, this.at + bytesMax + 1), byte)
    if (found === -1) {
      if (this.left > bytesMax) throw tooLongError(this.position, bytesMax)
      return false
    }
    this.#field(found, found + 1)
    return true
  }

  /** The run of bytes that a table has is the field, even if it is empty. @param table see {@link byteTable}. @returns its length. */
  takeWhile(table: Uint8Array): number {
    let { at } = this
    while (at < this.end && table[this.bytes[at]!] === 1) at++
    this.#field(at, at)
    return at - this.fieldStart
  }

  /**
   * The run of decimal digits is the field. A caller whose input is incremental looks at `left` behind it: at the end, further
   * digits may come.
   *
   * @returns its value, 0..2^53-1.
   * @throws QpsError QPS_BYTES_MALFORMED where no digit is next, QPS_BYTES_RANGE above 2^53-1, QPS_BYTES_END at the end.
   */
  takeDecimal(): number {
    return this.#takeNumber('a decimal digit', decimalDigits, parseDecimal)
  }

  /** As {@link takeDecimal} with hexadecimal digits, in either case. */
  takeHex(): number {
    return this.#takeNumber('a hexadecimal digit', hexadecimalDigits, parseHex)
  }

  /** Is the field this word? @param word ASCII. */
  fieldIs(word: string): boolean {
    return equalsAscii(this.bytes, this.fieldStart, this.fieldEnd, word)
  }

  /** Is the field this word in any case? @param lower ASCII without capitals. */
  fieldIsIgnoringCase(lower: string): boolean {
    return equalsIgnoringCase(this.bytes, this.fieldStart, this.fieldEnd, lower)
  }

  /** The value of a field that is decimal digits and nothing else, or -1: see {@link parseDecimal}. */
  fieldDecimal(): number {
    return parseDecimal(this.bytes, this.fieldStart, this.fieldEnd)
  }

  /** The value of a field that is hexadecimal digits and nothing else, or -1: see {@link parseHex}. */
  fieldHex(): number {
    return parseHex(this.bytes, this.fieldStart, this.fieldEnd)
  }

  /** A new string, a character per byte. */
  fieldLatin1(): string {
    return latin1Text(this.bytes, this.fieldStart, this.fieldEnd)
  }

  /** A new string. */
  fieldUtf8(): string {
    return utf8Text(this.bytes, this.fieldStart, this.fieldEnd)
  }

  /** The string of a table, a character per byte: no new one where the table has it. */
  fieldInterned(table: InternTable): string {
    return table.get(this.bytes, this.fieldStart, this.fieldEnd)
  }

  /** The field for somebody who may ask for its text later: shares the memory, see there. */
  fieldLate(): LateText {
    return new LateText(this.bytes, this.fieldStart, this.fieldEnd)
  }

  /** The field's bytes, sharing the memory. */
  fieldView(): Uint8Array {
    return this.bytes.subarray(this.fieldStart, this.fieldEnd)
  }

  #field(fieldEnd: number, at: number): void {
    this.fieldStart = this.at
    this.fieldEnd = fieldEnd
    this.at = at
  }

  #takeNumber(wanted: string, digits: Uint8Array, parse: typeof parseDecimal): number {
    const { bytes, at, end } = this
    let behind = at
    while (behind < end && digits[bytes[behind]!] === 1) behind++
    if (behind === at) {
      if (at === end) throw endError(`${wanted} is expected`, this.position, 0)
      throw malformedError(`${wanted} is expected`, this.position, bytes, at, end)
    }
    const value = parse(bytes, at, behind)
    if (value === -1) throw rangeError(this.position, bytes, at, behind)
    this.#field(behind, behind)
    return value
  }
}
