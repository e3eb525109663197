import { invariant } from '@qps/core'

/*
 * Each question is about `bytes[start..end)`, is linear in that range, allocates nothing and decodes nothing. Ranges are
 * not checked here: these are the inner loops. {@link ByteReader} checks them once, when it is given its bytes.
 */

/**
 * The first position of a byte, or -1.
 *
 * A loop on purpose: `Uint8Array.indexOf` has no end, so that in a slab it would run on through everybody else's bytes, and
 * a `subarray` to stop it would be an object per question.
 */
export function findByte(bytes: Uint8Array, start: number, end: number, byte: number): number {
  for (let at = start; at < end; at++) if (bytes[at] === byte) return at
  return -1
}

/** Are these bytes this word? @param word ASCII; a character outside it equals no byte above 0x7f but its Latin-1 one. */
export function equalsAscii(bytes: Uint8Array, start: number, end: number, word: string): boolean {
  const { length } = word
  if (end - start !== length) return false
  for (let index = 0; index < length; index++) if (bytes[start + index] !== word.charCodeAt(index)) return false
  return true
}

/**
 * Are these bytes this word in any case? Exact for any bytes: only A to Z are folded, so that `@` and a backquote, which
 * differ in the same bit as `A` and `a` do, stay different.
 *
 * @param lower ASCII without capitals.
 */
export function equalsIgnoringCase(bytes: Uint8Array, start: number, end: number, lower: string): boolean {
  const { length } = lower
  if (end - start !== length) return false
  for (let index = 0; index < length; index++) {
    const byte = bytes[start + index]!
    const folded = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
    if (folded !== lower.charCodeAt(index)) return false
  }
  return true
}

/** Is every byte below 0x80, so that Latin-1, UTF-8 and ASCII mean the same by it? */
export function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at]! >= 0x80) return false
  return true
}

/**
 * A table of 256 entries with 1 at each byte that `includes` says yes to, for {@link ByteReader.takeWhile}: an inner loop
 * then asks with one load.
 *
 * @example const digits = byteTable((byte) => byte >= 0x30 && byte <= 0x39)
 */
export function byteTable(includes: (byte: number) => boolean): Uint8Array {
  const table = Uint8Array.from({ length: 256 }, (_, byte) => Number(includes(byte)))
  invariant(table.includes(1), 'a table of bytes includes at least one')
  return table
}
