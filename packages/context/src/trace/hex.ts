import type { Random } from '@qps/core'

const digits = '0123456789abcdef'
const bytes: readonly string[] = Array.from({ length: 256 }, (_, byte) => digits[byte >> 4]! + digits[byte & 15]!)

/** The character codes of the digits. */
const codes = Uint8Array.from(digits, (digit) => digit.charCodeAt(0))

/** An id: so many times 32 random bits, never all zero. */
export function randomHex(random: Random, words: number): string {
  let text = ''
  let any = 0
  for (let word = 0; word < words; word++) {
    const bits = (random() * 2 ** 32) >>> 0
    any |= bits
    text += String.fromCharCode(
      codes[bits >>> 28]!,
      codes[(bits >>> 24) & 15]!,
      codes[(bits >>> 20) & 15]!,
      codes[(bits >>> 16) & 15]!,
      codes[(bits >>> 12) & 15]!,
      codes[(bits >>> 8) & 15]!,
      codes[(bits >>> 4) & 15]!,
      codes[bits & 15]!,
    )
  }
  return any === 0 ? `${text.slice(1)}1` : text
}

/** A byte as two digits. */
export function hexOfByte(byte: number): string {
  return bytes[byte & 0xff]!
}

/** Bytes as digits. */
export function hexOfBytes(source: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) text += bytes[source[at]!]!
  return text
}

/** The value of a lowercase hexadecimal digit by its character code; -1 for any other character. */
export function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1
}

/** Whether `text` has lowercase hexadecimal digits from `start` to `end`, and not only zeroes. */
export function isId(text: string, start: number, end: number): boolean {
  let any = 0
  for (let at = start; at < end; at++) {
    const digit = hexDigit(text.charCodeAt(at))
    if (digit < 0) return false
    any |= digit
  }
  return any !== 0
}
