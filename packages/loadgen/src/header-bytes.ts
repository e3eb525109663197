/*
 * The few questions that the response parser has about header bytes, answered without decoding them. Each takes the bytes
 * from `start` up to and not including `end`, and is linear in them.
 */

/** The status of `HTTP/1.x NNN reason`, or -1 for any other line. The reason and the blank before it may be missing. */
export function statusOf(bytes: Uint8Array, start: number, end: number): number {
  // H T T P / 1 .
  const isHttp1 =
    end - start >= 12 &&
    bytes[start] === 0x48 &&
    bytes[start + 1] === 0x54 &&
    bytes[start + 2] === 0x54 &&
    bytes[start + 3] === 0x50 &&
    bytes[start + 4] === 0x2f &&
    bytes[start + 5] === 0x31 &&
    bytes[start + 6] === 0x2e
  const minor = bytes[start + 7]
  if (!isHttp1 || (minor !== 0x30 && minor !== 0x31) || bytes[start + 8] !== 0x20) return -1
  if (end - start > 12 && bytes[start + 12] !== 0x20) return -1
  const status = contentLengthOf(bytes, start + 9, start + 12)
  return status >= 100 ? status : -1
}

/** One to fifteen decimal digits as a number, which is then exact; -1 for anything else. */
export function contentLengthOf(bytes: Uint8Array, start: number, end: number): number {
  if (start === end || end - start > 15) return -1
  let length = 0
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30
    if (digit < 0 || digit > 9) return -1
    length = length * 10 + digit
  }
  return length
}

/** The size at the head of a chunk: one to twelve hexadecimal digits, then the end or an extension. -1 for anything else. */
export function hexSizeOf(bytes: Uint8Array, start: number, end: number): number {
  let size = 0
  let at = start
  for (; at < end; at++) {
    const digit = hexDigitOf(bytes[at]!)
    if (digit === -1) break
    size = size * 16 + digit
  }
  if (at === start || at - start > 12) return -1
  while (at < end && (bytes[at] === 0x20 || bytes[at] === 9)) at++
  return at === end || bytes[at] === 0x3b ? size : -1
}

function hexDigitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** @param lower what to compare with: ASCII letters in lower case, digits and hyphens only. */
export function equalsIgnoringCase(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  if (end - start !== lower.length) return false
  for (let at = 0; at < lower.length; at++) {
    const expected = lower[at]!
    const byte = bytes[start + at]!
    if (byte !== expected && (expected < 0x61 || (byte | 0x20) !== expected)) return false
  }
  return true
}

/** Does a comma-separated list contain this token? */
export function hasToken(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  for (let from = start; from <= end;) {
    let to = from
    while (to < end && bytes[to] !== 0x2c) to++
    let first = from
    let last = to
    while (first < last && (bytes[first] === 0x20 || bytes[first] === 9)) first++
    while (last > first && (bytes[last - 1] === 0x20 || bytes[last - 1] === 9)) last--
    if (equalsIgnoringCase(bytes, first, last, lower)) return true
    from = to + 1
  }
  return false
}
