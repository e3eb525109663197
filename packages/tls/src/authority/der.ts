import { invariant } from '@qps/core'

/**
 * As much of DER as a certificate needs. An element is a tag, the length of its content, the content; each function here
 * returns one element, complete. DER allows one form for each value: the shortest.
 *
 * Source: ITU-T X.690 (02/2021). Section numbers below are its.
 */
const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  // Bit 6 says that the content is made of elements (8.1.2.5).
  sequence: 0x30,
  set: 0x31,
} as const

/** 8.1.3: up to 127 the length itself, above it the number of its bytes with bit 8 set, then those bytes. */
export function element(tag: number, ...content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body])
  const length = bigEndian(body.length)
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, body])
}

/** 8.9: its parts in this order. */
export function sequence(...parts: Uint8Array[]): Buffer {
  return element(tags.sequence, ...parts)
}

/** 8.12, of one part: with more, DER would ask for an order (10.3). */
export function setOf(part: Uint8Array): Buffer {
  return element(tags.set, part)
}

/** 11.1: true is all ones. False is a default wherever X.509 has it, and defaults are left out (11.5). */
export function booleanTrue(): Buffer {
  return element(tags.boolean, Buffer.of(0xff))
}

/** 8.3: two's complement in as few bytes as do. Ours are not negative, so a leading one bit gets a zero byte before it. */
export function integer(value: number | Uint8Array): Buffer {
  const bytes = typeof value === 'number' ? bigEndian(value) : value
  const start = bytes.findIndex((byte) => byte !== 0)
  const digits = start === -1 ? Buffer.of(0) : bytes.subarray(start)
  return element(tags.integer, digits[0]! >= 0x80 ? Buffer.of(0) : Buffer.alloc(0), digits)
}

/** 8.6: the number of unused bits at the end, then the bits. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return element(tags.bitString, Buffer.of(unusedBits), bytes)
}

/** 11.2.2: a list of named bits, bit 0 first, ends with its last one bit. @param bits numbers from 0 to 7, at least one. */
export function namedBits(...bits: number[]): Buffer {
  let byte = 0
  for (const bit of bits) byte |= 0x80 >> bit
  return bitString(Buffer.of(byte), 7 - Math.max(...bits))
}

/** 8.7. */
export function octetString(bytes: Uint8Array): Buffer {
  return element(tags.octetString, bytes)
}

/** 8.19: the first two numbers share a byte; the others have seven bits to a byte, bit 8 set on all but the last. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number)
  return element(tags.objectIdentifier, Buffer.from([first * 40 + second, ...others.flatMap(base128)]))
}

/** 8.23.10. */
export function utf8String(text: string): Buffer {
  return element(tags.utf8String, Buffer.from(text, 'utf8'))
}

/**
 * An instant, cut to the second: UTCTime with two digits for the year through 2049, GeneralizedTime from 2050 on
 * (RFC 5280, 4.1.2.5). @param unixMs from 1950 to 9999.
 */
export function time(unixMs: number): Buffer {
  const digits = new Date(unixMs).toISOString().replace(/\.\d+Z$|[^\d]/g, '')
  const year = Number(digits.slice(0, 4))
  invariant(digits.length === 14 && year >= 1950, 'a certificate knows the years from 1950 to 9999')
  return year < 2050
    ? element(tags.utcTime, Buffer.from(`${digits.slice(2)}Z`, 'latin1'))
    : element(tags.generalizedTime, Buffer.from(`${digits}Z`, 'latin1'))
}

/** 8.14.2: `[tag] EXPLICIT`, an element around another one. */
export function explicit(tag: number, part: Uint8Array): Buffer {
  return element(0xa0 | tag, part)
}

/** 8.14.3: `[tag] IMPLICIT` of a type whose content is bytes. */
export function implicit(tag: number, bytes: Uint8Array): Buffer {
  return element(0x80 | tag, bytes)
}

function bigEndian(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return Buffer.from(bytes)
}

function base128(value: number): number[] {
  const bytes = [value % 128]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift(0x80 | (rest % 128))
  return bytes
}
