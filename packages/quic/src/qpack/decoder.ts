import { decodedBytesMax, decodeHuffman } from '@qps/http2-frames'
import { errorCode } from '../h3/codes.ts'
import { Http3Failure } from '../h3/failure.ts'
import { type Field, staticTable } from './static-table.ts'

/** A field counts for its name, its value and this many bytes: RFC 9114, section 4.2.2. */
const fieldOverheadBytes = 32
/** RFC 9204, section 4.1.1, asks for a limit: so many bytes behind the prefix, which is more than any honest number here. */
const integerBytesMax = 4

export interface DecodedFields {
  /** In their order; those beyond a bound are left out. */
  fields: Field[]
  /** The section was longer than `bytesMax`, or had more fields than `fieldsMax`. */
  overflow: false | 'bytes' | 'fields'
}

/**
 * Decodes a field section that refers to the static table alone, as it must where the dynamic table has no bytes. Linear in
 * the section; names and values are not judged here.
 *
 * @param section a whole one.
 * @param bytesMax names, values and 32 for each field.
 * @throws Http3Failure QPACK_DECOMPRESSION_FAILED: the connection is lost.
 * Sources: RFC 9204, section 4.5; RFC 7541, section 5.
 */
export function decodeFields(section: Uint8Array, bytesMax: number, fieldsMax: number): DecodedFields {
  const reader = new SectionReader(section)
  reader.prefix()
  const decoded: DecodedFields = { fields: [], overflow: false }
  let bytes = 0
  while (!reader.isAtEnd) {
    const field = reader.field()
    bytes += field[0].length + field[1].length + fieldOverheadBytes
    if (bytes > bytesMax) decoded.overflow ||= 'bytes'
    else if (decoded.fields.length === fieldsMax) decoded.overflow ||= 'fields'
    else decoded.fields.push(field)
  }
  return decoded
}

class SectionReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** RFC 9204, section 4.5.1: a section that needs entries of the dynamic table needs what there is not. */
  prefix(): void {
    if (this.#integer(0xff) !== 0) throw failed('a section that refers to the dynamic table, which has no bytes')
    this.#integer(0x7f)
  }

  field(): Field {
    const first = this.#peek()
    if (first >= 0x80) {
      if ((first & 0x40) === 0) throw failed('an index into the dynamic table')
      return entryAt(this.#integer(0x3f))
    }
    if (first >= 0x40) {
      if ((first & 0x10) === 0) throw failed('a name in the dynamic table')
      return [entryAt(this.#integer(0x0f))[0], this.#string(0x80, 0x7f)]
    }
    if (first < 0x20) throw failed('an index behind the base, where there is nothing')
    return [this.#string(0x08, 0x07), this.#string(0x80, 0x7f)]
  }

  #peek(): number {
    if (this.isAtEnd) throw failed('a section that is cut')
    return this.#bytes[this.#at]!
  }

  #integer(prefixMask: number): number {
    let value = this.#peek() & prefixMask
    this.#at++
    if (value < prefixMask) return value
    for (let shift = 0; shift < 7 * integerBytesMax; shift += 7) {
      const byte = this.#peek()
      this.#at++
      value += (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw failed(`a number of more than ${integerBytesMax} further bytes`)
  }

  /** @param codedFlag the bit that says that the string is Huffman-coded. */
  #string(codedFlag: number, prefixMask: number): string {
    const isCoded = (this.#peek() & codedFlag) !== 0
    const length = this.#integer(prefixMask)
    const start = this.#at
    const end = start + length
    if (end > this.#bytes.length) throw failed('a string longer than its section')
    this.#at = end
    if (!isCoded) return Buffer.from(this.#bytes.subarray(start, end)).toString('latin1')
    const text = Buffer.allocUnsafe(decodedBytesMax(length))
    const textEnd = decodeHuffman(this.#bytes, start, end, text, 0)
    if (textEnd === -1) throw failed('a string that is not Huffman-coded as it says')
    return text.toString('latin1', 0, textEnd)
  }
}

function entryAt(index: number): Field {
  const entry = staticTable[index]
  if (entry === undefined) throw failed(`index ${index}, which the static table does not have`)
  return entry
}

function failed(what: string): Http3Failure {
  return new Http3Failure(errorCode.qpackDecompressionFailed, what)
}
