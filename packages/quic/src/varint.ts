/*
 * Variable-length integers: RFC 9000, section 16. The first two bits say how many bytes there are, 1, 2, 4 or 8; the rest is
 * the number, most significant byte first.
 */

/** The largest that 8 bytes hold, rounded: numbers from 2^53 on are not exact here, and nothing depends on their last bits. */
export const varintMax: number = 2 ** 62 - 1

/** Bytes that an integer has which begins with this byte. */
export function varintBytes(first: number): 1 | 2 | 4 | 8 {
  return (1 << (first >>> 6)) as 1 | 2 | 4 | 8
}

/** @param at where it begins; all of its {@link varintBytes} must be there. */
export function readVarint(bytes: Uint8Array, at: number): number {
  const count = varintBytes(bytes[at]!)
  let value = bytes[at]! & 0x3f
  for (let index = 1; index < count; index++) value = value * 256 + bytes[at + index]!
  return value
}

/** Bytes that {@link writeVarint} writes. */
export function varintLength(value: number): 1 | 2 | 4 | 8 {
  if (value < 64) return 1
  if (value < 16_384) return 2
  return value < 2 ** 30 ? 4 : 8
}

/** Writes the shortest form. @param value an integer, 0..2^53-1. @returns where it ends. */
export function writeVarint(value: number, out: Uint8Array, at: number): number {
  const count = varintLength(value)
  let rest = value
  for (let index = count - 1; index >= 0; index--) {
    out[at + index] = rest % 256
    rest = Math.floor(rest / 256)
  }
  out[at]! |= Math.log2(count) << 6
  return at + count
}
