import { equalsAscii, parseDecimal } from '@qps/bytes'

/** Digits of the largest id that a catalogue can have, which is below 2 to the power of 32. */
const digitsMax = 10

/** What {@link parseItemId} says of everything that is no id. */
export const malformedId = -1

/**
 * The number that an id stands for. An item has one address: no sign, no zeros in front, no exponent, no other digits than
 * those of ASCII. Looks at 11 characters at most, however long the text is, and makes nothing.
 *
 * @param text a segment of a path, percent-decoded.
 * @returns 0 to 9,999,999,999, or `malformedId`.
 * @example parseItemId('7') // 7
 * @example parseItemId('007') // -1
 */
export function parseItemId(text: string): number {
  const { length } = text
  if (length === 0 || length > digitsMax) return malformedId
  if (length > 1 && text.charCodeAt(0) === 48 /* 0 */) return malformedId
  let id = 0
  for (let index = 0; index < length; index++) {
    const digit = text.charCodeAt(index) - 48
    if (digit < 0 || digit > 9) return malformedId
    id = 10 * id + digit
  }
  return id
}

const prefix = '/items/'

/**
 * The same of a whole path, `/items/` and an id, as bytes: no string is made. An id that is percent-encoded is malformed
 * here; a router that decodes it may know better.
 *
 * @param bytes the path is `bytes[start..end)`.
 * @returns as `parseItemId`.
 */
export function parseItemPath(bytes: Uint8Array, start: number, end: number): number {
  const from = start + prefix.length
  const length = end - from
  if (length <= 0 || length > digitsMax) return malformedId
  if (!equalsAscii(bytes, start, from, prefix)) return malformedId
  return length > 1 && bytes[from] === 48 /* 0 */ ? malformedId : parseDecimal(bytes, from, end)
}
