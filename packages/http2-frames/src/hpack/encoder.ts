import { checkInteger, invariant } from '@qps/core'
import { protocolDefaults } from '../protocol.ts'
import { headerTableBytesMax } from './decoder.ts'
import { DynamicTable, entryOverheadBytes } from './dynamic-table.ts'
import { encodeHuffman, huffmanBytes } from './huffman.ts'
import { type HeaderField, staticTable } from './static-table.ts'

export interface HpackEncoderOptions {
  /** Bytes of table that we use at most, whatever the peer allows: 0..65,536, default 4096. */
  headerTableBytes?: number
  /** True codes a string by Huffman where that is shorter; default true. */
  huffman?: boolean
}

/** First index of each field and of each name in the static table, whose first index is 1. */
const staticFields = new Map<string, number>()
const staticNames = new Map<string, number>()
staticTable.forEach(([name, value], at) => {
  staticFields.set(keyOf(name, value), at + 1)
  if (!staticNames.has(name)) staticNames.set(name, at + 1)
})

/**
 * Encodes the header lists of one direction of a connection, in the order in which they are sent. A field that a table
 * holds becomes its index; another one is spelled out and added to the table, unless it would fill more than half of it.
 * So a list that is sent twice has only indices the second time, and the third time the same bytes as the second.
 *
 * Nothing is kept from the table for being secret: a name or a value that a stranger chooses must not share a
 * connection with one that he may not learn (RFC 7541, section 7.1).
 *
 * Sources: RFC 7541, sections 2 to 6.
 */
export class HpackEncoder {
  readonly #table: DynamicTable
  readonly #bytesLimit: number
  readonly #huffman: boolean
  /** Numbers of entries, in the order in which they were added, by field and by name. */
  readonly #fields = new Map<string, number>()
  readonly #names = new Map<string, number>()
  /** The smallest table since the last block; undefined where it has not changed. */
  #smallest: number | undefined
  #sizesWritten = 0
  #out: Uint8Array = new Uint8Array(0)
  #at = 0

  /** @throws QpsError QPS_OPTION for a bound out of its range. */
  constructor({ headerTableBytes = protocolDefaults.headerTableBytes, huffman = true }: HpackEncoderOptions = {}) {
    this.#bytesLimit = checkInteger('headerTableBytes', headerTableBytes, { min: 0, max: headerTableBytesMax })
    this.#huffman = huffman
    this.#table = new DynamicTable(
      Math.max(this.#bytesLimit, protocolDefaults.headerTableBytes),
      ({ name, value }, number) => {
        if (this.#fields.get(keyOf(name, value)) === number) this.#fields.delete(keyOf(name, value))
        if (this.#names.get(name) === number) this.#names.delete(name)
      },
    )
    this.resize(protocolDefaults.headerTableBytes)
  }

  /** How often the table has changed: a list whose block did not change it has the same block until this does. */
  get tableChanges(): number {
    return this.#table.changes + this.#sizesWritten
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE has arrived: the next block says what becomes of it (RFC 7541, section 4.2). */
  resize(peerBytesMax: number): void {
    const bytes = Math.min(peerBytesMax, this.#bytesLimit)
    if (bytes === this.#table.bytesMax) return
    this.#table.resize(bytes)
    this.#smallest = Math.min(this.#smallest ?? bytes, bytes)
  }

  /** Room that {@link encode} needs at most. */
  static blockBytesMax(fields: readonly HeaderField[]): number {
    return fields.reduce((sum, [name, value]) => sum + name.length + value.length + 16, 16)
  }

  /**
   * @param fields in this order; names in lower case, strings of Latin-1.
   * @param out has room for {@link HpackEncoder.blockBytesMax} from `at` on.
   * @returns where the block ends.
   */
  encode(fields: readonly HeaderField[], out: Uint8Array, at: number): number {
    invariant(out.length - at >= HpackEncoder.blockBytesMax(fields), 'a header block needs room in its buffer')
    this.#out = out
    this.#at = at
    this.#writeSizes()
    for (const [name, value] of fields) this.#field(name, value)
    return this.#at
  }

  /** The smallest size first, if the table has shrunk and grown since: whatever it evicted must be evicted there too. */
  #writeSizes(): void {
    if (this.#smallest === undefined) return
    const bytes = this.#table.bytesMax
    if (this.#smallest < bytes) this.#integer(0x20, 0x1f, this.#smallest)
    this.#integer(0x20, 0x1f, bytes)
    this.#smallest = undefined
    this.#sizesWritten++
  }

  #field(name: string, value: string): void {
    const key = keyOf(name, value)
    const index = staticFields.get(key) ?? this.#indexOf(this.#fields.get(key))
    if (index !== undefined) return this.#integer(0x80, 0x7f, index)
    const nameIndex = staticNames.get(name) ?? this.#indexOf(this.#names.get(name)) ?? 0
    const bytes = name.length + value.length + entryOverheadBytes
    const indexed = bytes <= this.#table.bytesMax / 2
    if (indexed) this.#integer(0x40, 0x3f, nameIndex)
    else this.#integer(0, 0x0f, nameIndex)
    if (nameIndex === 0) this.#string(name)
    this.#string(value)
    if (!indexed) return
    this.#table.add({ name, value, bytes, wellFormed: true })
    this.#fields.set(key, this.#table.added - 1)
    this.#names.set(name, this.#table.added - 1)
  }

  #indexOf(number: number | undefined): number | undefined {
    return number === undefined ? undefined : staticTable.length + this.#table.added - number
  }

  /** RFC 7541, section 5.1: what does not fit into the prefix follows in groups of seven bits, the lowest first. */
  #integer(flags: number, prefixMask: number, value: number): void {
    if (value < prefixMask) {
      this.#out[this.#at++] = flags | value
      return
    }
    this.#out[this.#at++] = flags | prefixMask
    let rest = value - prefixMask
    for (; rest >= 0x80; rest >>>= 7) this.#out[this.#at++] = (rest & 0x7f) | 0x80
    this.#out[this.#at++] = rest
  }

  #string(text: string): void {
    const bytes = Buffer.from(text, 'latin1')
    const codedBytes = this.#huffman ? huffmanBytes(bytes) : bytes.length
    if (codedBytes < bytes.length) {
      this.#integer(0x80, 0x7f, codedBytes)
      this.#at = encodeHuffman(bytes, this.#out, this.#at)
    } else {
      this.#integer(0, 0x7f, bytes.length)
      this.#out.set(bytes, this.#at)
      this.#at += bytes.length
    }
  }
}

/** No name and no value holds a line feed. */
function keyOf(name: string, value: string): string {
  return `${name}\n${value}`
}
