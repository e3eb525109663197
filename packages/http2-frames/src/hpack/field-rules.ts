/*
 * Which names and values HTTP/2 allows, asked of bytes. Linear, and asked once per field that comes as a literal: what comes
 * by index has been asked before. Source: RFC 9113, section 8.2.1.
 */

/** Visible ASCII without capitals and without a colon, save one in front, which makes a pseudo-header field. Not empty. */
export function isFieldName(bytes: Uint8Array, start: number, end: number): boolean {
  const from = bytes[start] === 0x3a ? start + 1 : start
  for (let at = from; at < end; at++) {
    const byte = bytes[at]!
    if (byte <= 0x20 || byte >= 0x7f || byte === 0x3a || (byte >= 0x41 && byte <= 0x5a)) return false
  }
  return from < end
}

/** No NUL, no line ends, no blank at either end. May be empty. */
export function isFieldValue(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (byte === 0 || byte === 0x0a || byte === 0x0d) return false
  }
  return start === end || (!isBlank(bytes[start]!) && !isBlank(bytes[end - 1]!))
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09
}
