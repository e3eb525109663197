import { addressByte, blank, colon, comma, hostByte, questionMark, slash, tab } from './character-classes.ts'

/*
 * What the parser asks about bytes of a head, answered without decoding them. Each question is about the bytes from
 * `start` up to and not including `end`, is linear in them and allocates nothing.
 */

/**
 * Is this the word, in any case?
 *
 * @param bytes of a token or a field value that was checked: without control characters, setting bit 5 changes upper-case
 * letters to lower-case ones and nothing into a letter, digit or hyphen that is none.
 * @param lower lower-case ASCII letters, digits and hyphens.
 */
export function equalsIgnoringCase(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  const { length } = lower
  if (end - start !== length) return false
  for (let index = 0; index < length; index++) if ((bytes[start + index]! | 0x20) !== lower[index]) return false
  return true
}

/** Has the comma-separated list this member, in any case (RFC 9110 section 5.6.1)? */
export function listHas(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  let memberStart = start
  for (let at = start; at <= end; at++) {
    if (at < end && bytes[at] !== comma) continue
    const from = skipBlanks(bytes, memberStart, at)
    if (equalsIgnoringCase(bytes, from, trimBlanks(bytes, from, at), lower)) return true
    memberStart = at + 1
  }
  return false
}

/** The first position that is neither blank nor tab, or `end`. */
export function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && (bytes[at] === blank || bytes[at] === tab)) at++
  return at
}

/** The position behind the last byte that is neither blank nor tab, or `start`. */
export function trimBlanks(bytes: Uint8Array, start: number, end: number): number {
  let at = end
  while (at > start && (bytes[at - 1] === blank || bytes[at - 1] === tab)) at--
  return at
}

/**
 * Is this a host and perhaps a port: a registered name, an IPv4 address or an IPv6 address in brackets (RFC 9110
 * section 7.2, RFC 3986 section 3.2.2)? The same grammar as `isValidHost` of @qps/http-contract, over bytes.
 */
export function isHost(bytes: Uint8Array, start: number, end: number): boolean {
  const isBracketed = start < end && bytes[start] === 0x5b /* [ */
  let at = isBracketed ? start + 1 : start
  const table = isBracketed ? addressByte : hostByte
  while (at < end && table[bytes[at]!] === 1) at++
  if (isBracketed) {
    if (at === end || at - start < 3 || bytes[at] !== 0x5d /* ] */) return false
    at++
  }
  if (at === start) return false
  return at === end || (bytes[at] === colon && isPort(bytes, at + 1, end))
}

/** At most five digits; none is fine as well (RFC 3986 section 3.2.3). */
function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > 5) return false
  for (let at = start; at < end; at++) if (bytes[at]! < 0x30 || bytes[at]! > 0x39) return false
  return true
}

/**
 * Is this the front of an absolute-form target, `scheme://host:port` and what follows (RFC 9112 section 3.2.2)? The
 * scheme has letters only, as `node:http` wants it. User information is refused: RFC 9110 section 4.2.4.
 */
export function isAbsoluteTarget(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start
  while (at < end && isLetter(bytes[at]!)) at++
  if (at === start || end - at < 3 || bytes[at] !== colon || bytes[at + 1] !== slash || bytes[at + 2] !== slash) {
    return false
  }
  const hostStart = at + 3
  let hostEnd = hostStart
  while (hostEnd < end && bytes[hostEnd] !== slash && bytes[hostEnd] !== questionMark) hostEnd++
  return isHost(bytes, hostStart, hostEnd)
}

export function isLetter(byte: number): boolean {
  const lowered = byte | 0x20
  return lowered >= 0x61 && lowered <= 0x7a
}
