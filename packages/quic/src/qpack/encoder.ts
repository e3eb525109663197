import { encodeHuffman, huffmanBytes } from '@qps/http2-frames'
import { type Field, staticTable } from './static-table.ts'

export type { Field } from './static-table.ts'

/** First index of each field and of each name in the static table. */
const fieldIndices = new Map<string, number>()
const nameIndices = new Map<string, number>()
staticTable.forEach(([name, value], index) => {
  fieldIndices.set(keyOf(name, value), index)
  if (!nameIndices.has(name)) nameIndices.set(name, index)
})

/** Room that {@link encodeFields} needs at most. */
export function fieldsBytesMax(fields: readonly Field[]): number {
  return fields.reduce((sum, [name, value]) => sum + name.length + value.length + 16, 2)
}

/**
 * Encodes a field section with the static table and literals alone: the same fields are always the same bytes, whatever was
 * sent before, and a section is decoded when it arrives, whatever was lost. The price is bytes: nothing is ever remembered.
 *
 *   | required insert count: 0 | base: 0 | field | field | …
 *
 * @param fields in this order; names in lower case, strings of Latin-1.
 * @param out has room for {@link fieldsBytesMax} from `at` on.
 * @returns where the section ends.
 * Sources: RFC 9204, sections 4.5.1, 4.5.2, 4.5.4 and 4.5.6.
 */
export function encodeFields(fields: readonly Field[], out: Uint8Array, at: number): number {
  let to = at
  out[to++] = 0
  out[to++] = 0
  for (const [name, value] of fields) {
    const index = fieldIndices.get(keyOf(name, value))
    if (index !== undefined) {
      to = writeInteger(0xc0, 0x3f, index, out, to)
      continue
    }
    const nameIndex = nameIndices.get(name)
    if (nameIndex === undefined) to = writeString(0x20, 0x08, 0x07, name, out, to)
    else to = writeInteger(0x50, 0x0f, nameIndex, out, to)
    to = writeString(0, 0x80, 0x7f, value, out, to)
  }
  return to
}

/** RFC 7541, section 5.1: what does not fit into the prefix follows in groups of seven bits, the lowest first. */
function writeInteger(flags: number, prefixMask: number, value: number, out: Uint8Array, at: number): number {
  if (value < prefixMask) {
    out[at] = flags | value
    return at + 1
  }
  let to = at
  out[to++] = flags | prefixMask
  let rest = value - prefixMask
  for (; rest >= 0x80; rest >>>= 7) out[to++] = (rest & 0x7f) | 0x80
  out[to++] = rest
  return to
}

/** By Huffman where that is shorter. @param codedFlag the bit that says so. */
function writeString(
  flags: number,
  codedFlag: number,
  prefixMask: number,
  text: string,
  out: Uint8Array,
  at: number,
): number {
  const bytes = Buffer.from(text, 'latin1')
  const codedBytes = huffmanBytes(bytes)
  if (codedBytes < bytes.length) {
    return encodeHuffman(bytes, out, writeInteger(flags | codedFlag, prefixMask, codedBytes, out, at))
  }
  const to = writeInteger(flags, prefixMask, bytes.length, out, at)
  out.set(bytes, to)
  return to + bytes.length
}

/** No name and no value holds a line feed. */
function keyOf(name: string, value: string): string {
  return `${name}\n${value}`
}
