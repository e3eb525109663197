import { checkInteger } from '@qps/core'
import { protocolDefaults } from '../protocol.ts'
import { DynamicTable, entryOverheadBytes, type TableEntry } from './dynamic-table.ts'
import { isFieldName, isFieldValue } from './field-rules.ts'
import { decodedBytesMax, decodeHuffman } from './huffman.ts'
import { staticTable } from './static-table.ts'

/** Bytes of a header list as RFC 9113, section 6.5.2, counts them: names, values and 32 for each field. */
export const headerListBytesMax: number = 16 * 1024
/** The largest table that a decoder may be asked to keep. */
export const headerTableBytesMax: number = 64 * 1024
/** RFC 7541, section 5.1, asks for a limit: so many bytes behind the prefix, which is more than any honest number here. */
const integerBytesMax = 4

/** Takes a field of the header list; called in the order of the list, only during `decode`. */
export type FieldSink = (name: string, value: string) => void

export interface HpackDecoderOptions {
  /** The SETTINGS_HEADER_TABLE_SIZE that we announced: 0..65,536 bytes, default 4096. */
  headerTableBytes?: number
  /** Fields beyond so many bytes of list are dropped, and `overflow` says so: 0..2^31-1, default 16,384. */
  headerListBytes?: number
}

const entriesOfStaticTable: readonly TableEntry[] = staticTable.map(([name, value]) => entryOf(name, value, true))

/**
 * Decodes the header blocks of one direction of a connection, in the order in which they arrive: each may change the table
 * that the next one refers to. Linear in the block, whatever it refers to: fields beyond the bound of the list are counted
 * and not handed over. A field that comes by index makes no string.
 *
 * `failure` is a compression error, which ends the connection (RFC 9113, section 4.3). `overflow` and `malformed` are the
 * message's fault alone: the table is in step, and the connection can go on.
 *
 * @example
 * const fields = new Map<string, string>()
 * decoder.decode(block, 0, block.length, (name, value) => fields.set(name, value))
 * if (decoder.failure !== undefined) connection.close(errorCode.compressionError)
 * Sources: RFC 7541, sections 3 to 6.
 */
export class HpackDecoder {
  /** Why the block, and with it the connection, is lost; once set, nothing more is decoded. */
  failure: string | undefined
  /** The last block's list was longer than `headerListBytes`: it was handed over in part. */
  overflow = false
  /** The last block had a name or a value that HTTP does not allow (RFC 9113, section 8.2.1). */
  malformed = false

  readonly #table: DynamicTable
  readonly #tableBytesMax: number
  readonly #listBytesMax: number
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0
  #end = 0
  #listBytes = 0
  #resizes = 0
  /** A string while it is decoded: `#text` bytes from 0 to `#textEnd`. */
  #text: Buffer = Buffer.alloc(256)
  #textEnd = 0

  /** @throws QpsError QPS_OPTION for a bound out of its range. */
  constructor(options: HpackDecoderOptions = {}) {
    const { headerTableBytes = protocolDefaults.headerTableBytes, headerListBytes = headerListBytesMax } = options
    this.#tableBytesMax = checkInteger('headerTableBytes', headerTableBytes, { min: 0, max: headerTableBytesMax })
    this.#listBytesMax = checkInteger('headerListBytes', headerListBytes, { min: 0, max: 0x7fff_ffff })
    this.#table = new DynamicTable(this.#tableBytesMax)
  }

  /** How often the table has changed: a block that did not change it, sent again, means the same until this does. */
  get tableChanges(): number {
    return this.#table.changes
  }

  /** @param bytes a whole block, from `start` up to and not including `end`; only read during the call. */
  decode(bytes: Uint8Array, start: number, end: number, field: FieldSink): void {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
    this.#listBytes = 0
    this.#resizes = 0
    this.overflow = false
    this.malformed = false
    while (this.#at < end && this.failure === undefined) this.#representation(bytes[this.#at]!, field)
  }

  /** The first bits say what it is: RFC 7541, section 6. */
  #representation(first: number, field: FieldSink): void {
    if (first >= 0x80) {
      const index = this.#integer(0x7f)
      const entry = this.#entryAt(index)
      if (entry !== undefined) this.#emit(entry, field)
    } else if (first >= 0x40) {
      const entry = this.#literal(0x3f)
      if (entry === undefined) return
      this.#table.add(entry)
      this.#emit(entry, field)
    } else if (first >= 0x20) this.#resize()
    else {
      // Without indexing, or never to be indexed: whoever does not forward need not know which.
      const entry = this.#literal(0x0f)
      if (entry !== undefined) this.#emit(entry, field)
    }
  }

  #emit(entry: TableEntry, field: FieldSink): void {
    this.#listBytes += entry.bytes
    if (!entry.wellFormed) this.malformed = true
    if (this.#listBytes > this.#listBytesMax) this.overflow = true
    else field(entry.name, entry.value)
  }

  #entryAt(index: number): TableEntry | undefined {
    if (this.failure !== undefined) return undefined
    const statics = entriesOfStaticTable.length
    const entry =
      index > statics ? this.#table.get(index - statics - 1) : index > 0 ? entriesOfStaticTable[index - 1] : undefined
    if (entry === undefined) this.#fail(`index ${index}, which no table has`)
    return entry
  }

  /** A name, by index or spelled out, and a value. */
  #literal(prefixMask: number): TableEntry | undefined {
    const index = this.#integer(prefixMask)
    const known = index === 0 ? undefined : this.#entryAt(index)
    if (this.failure !== undefined) return undefined
    let name = known?.name ?? ''
    let wellFormed = known?.wellFormed ?? true
    if (known === undefined) {
      if (!this.#string()) return undefined
      name = this.#text.toString('latin1', 0, this.#textEnd)
      wellFormed = isFieldName(this.#text, 0, this.#textEnd)
    }
    if (!this.#string()) return undefined
    const value = this.#text.toString('latin1', 0, this.#textEnd)
    return entryOf(name, value, wellFormed && isFieldValue(this.#text, 0, this.#textEnd))
  }

  /** RFC 7541, sections 4.2 and 6.3: in front of a block's fields, at most twice, and never beyond what we announced. */
  #resize(): void {
    this.#resizes++
    if (this.#listBytes > 0) return this.#fail('a change of the table behind a field')
    if (this.#resizes > 2) return this.#fail('more than two changes of the table')
    const bytes = this.#integer(0x1f)
    if (this.failure !== undefined) return
    if (bytes > this.#tableBytesMax) return this.#fail(`a table of ${bytes} bytes, more than was allowed`)
    this.#table.resize(bytes)
  }

  /** RFC 7541, section 5.1. */
  #integer(prefixMask: number): number {
    let value = this.#bytes[this.#at++]! & prefixMask
    if (value < prefixMask) return value
    for (let shift = 0; shift < 7 * integerBytesMax; shift += 7) {
      if (this.#at === this.#end) {
        this.#fail('a number that is cut')
        return 0
      }
      const byte = this.#bytes[this.#at++]!
      value += (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    this.#fail(`a number of more than ${integerBytesMax} further bytes`)
    return 0
  }

  /** Reads a string into `#text`. @returns false where it cannot be. */
  #string(): boolean {
    if (this.#at === this.#end) return this.#refuse('a field that is cut')
    const coded = this.#bytes[this.#at]! >= 0x80
    const length = this.#integer(0x7f)
    if (this.failure !== undefined) return false
    const start = this.#at
    const end = start + length
    if (end > this.#end) return this.#refuse('a string longer than its block')
    this.#at = end
    this.#ensureText(coded ? decodedBytesMax(length) : length)
    if (coded) this.#textEnd = decodeHuffman(this.#bytes, start, end, this.#text, 0)
    else {
      this.#text.set(this.#bytes.subarray(start, end))
      this.#textEnd = length
    }
    return this.#textEnd >= 0 || this.#refuse('a string that is not Huffman-coded as it says')
  }

  /** A string is part of a block, so that a block's bound is its bound. */
  #ensureText(bytes: number): void {
    if (bytes > this.#text.length) this.#text = Buffer.alloc(2 * bytes)
  }

  #refuse(what: string): false {
    this.#fail(what)
    return false
  }

  #fail(what: string): void {
    this.failure ??= what
  }
}

function entryOf(name: string, value: string, wellFormed: boolean): TableEntry {
  return { name, value, bytes: name.length + value.length + entryOverheadBytes, wellFormed }
}
