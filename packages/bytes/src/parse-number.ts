/*
 * Numbers as text protocols write them: digits and nothing else, over `bytes[start..end)`. -1 for anything else, for no
 * digit at all, and for what a number does not hold exactly: a length that is rounded is a length that two readers
 * understand differently.
 */

/** The value of a hexadecimal digit plus one; 0 for every other byte. */
const hexDigit: Uint8Array = Uint8Array.from(
  { length: 256 },
  (_, byte) => '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase()) + 1,
)

/**
 * Decimal digits as a number: the grammar of Content-Length.
 *
 * @returns 0..2^53-1, or -1.
 * @example parseDecimal(bytes, start, end) // 1024 for the bytes "1024", -1 for "", "+1", " 1", "1e3", "9007199254740992"
 * Source: RFC 9110, section 8.6.
 */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1
  let value = 0
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
    if (value > Number.MAX_SAFE_INTEGER) return -1
  }
  return value
}

/**
 * Hexadecimal digits, in either case, as a number: the grammar of a chunk's size.
 *
 * @returns 0..2^53-1, or -1.
 * Source: RFC 9112, section 7.1.
 */
export function parseHex(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1
  let value = 0
  for (let at = start; at < end; at++) {
    const digit = hexDigit[bytes[at]!]!
    if (digit === 0) return -1
    value = value * 16 + (digit - 1)
    if (value > Number.MAX_SAFE_INTEGER) return -1
  }
  return value
}
