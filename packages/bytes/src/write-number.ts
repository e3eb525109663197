import { invariant } from '@qps/core'
import { checkPlace } from './place.ts'

/*
 * Numbers as text, digit by digit into the buffer: no string is made. See place.ts for what is returned.
 */

const zero = 0x30
const minus = 0x2d
const point = 0x2e
/** More digits behind the point than a safe integer has. */
const placesMax = 15
/** Eight digits: the part of a number that is taken off so that what is left fits into 31 bits, which divide quickly. */
const chunk = 1e8
const chunkDigits = 8
const hexDigits: Uint8Array = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))

/** Bytes that {@link writeDecimal} needs: 1 to 17. @throws InvariantError for what is no safe integer. */
export function decimalBytes(value: number): number {
  invariant(Number.isSafeInteger(value), 'a decimal is written of a safe integer')
  return value < 0 ? 1 + digitsOf(-value) : digitsOf(value)
}

/**
 * Writes a whole number as `String(value)` does, with 0 for -0.
 *
 * @returns the position behind it, or -1 where it does not fit, and then nothing is written.
 * @throws InvariantError for what is no safe integer, or no position.
 * @example writeDecimal(target, 0, -1024) // 5
 */
export function writeDecimal(target: Uint8Array, at: number, value: number): number {
  checkPlace(target, at)
  const end = at + decimalBytes(value)
  if (end > target.length) return -1
  if (value < 0) target[at] = minus
  writeDigits(target, end, Math.abs(value))
  return end
}

/** Bytes that {@link writeFixed} needs. @throws InvariantError as it does. */
export function fixedBytes(units: number, places = 2): number {
  invariant(Number.isSafeInteger(units), 'a fixed number is written of a safe integer')
  invariant(Number.isInteger(places) && places >= 0 && places <= placesMax, 'places are a whole number from 0 to 15')
  const whole = Math.trunc(Math.abs(units) / 10 ** places)
  return (units < 0 ? 1 : 0) + digitsOf(whole) + (places === 0 ? 0 : 1 + places)
}

/**
 * Writes a number that is kept as a whole number of its smallest unit: cents as "12.34". Always with so many places, so that
 * 1230 cents are "12.30", where JSON has 12.3: equal as numbers, not as bytes.
 *
 * @param units safe integer. @param places 0..15, default 2.
 * @returns the position behind it, or -1 where it does not fit, and then nothing is written.
 * @throws InvariantError for units, places or a position out of their range.
 * @example writeFixed(target, 0, -5) // 5: "-0.05"
 */
export function writeFixed(target: Uint8Array, at: number, units: number, places = 2): number {
  checkPlace(target, at)
  const end = at + fixedBytes(units, places)
  if (end > target.length) return -1
  const magnitude = Math.abs(units)
  const scale = 10 ** places
  const fraction = magnitude % scale
  const pointAt = places === 0 ? end : end - places - 1
  if (units < 0) target[at] = minus
  writeDigits(target, pointAt, (magnitude - fraction) / scale)
  if (places === 0) return end
  target[pointAt] = point
  const fractionAt = writeDigits(target, end, fraction)
  for (let to = pointAt + 1; to < fractionAt; to++) target[to] = zero
  return end
}

/** Bytes that {@link writeHex} needs. @throws InvariantError as it does. */
export function hexBytes(value: number, digitsMin = 1): number {
  invariant(Number.isSafeInteger(value) && value >= 0, 'hexadecimal is written of a safe integer of at least 0')
  invariant(Number.isInteger(digitsMin), 'the least number of digits is a whole number')
  const high = Math.floor(value / 2 ** 32)
  const digits = high > 0 ? 8 + hexDigitsOf(high) : hexDigitsOf(value)
  return Math.max(digits, digitsMin)
}

/**
 * Writes a number in hexadecimal, lower-case: a chunk's size, an identifier.
 *
 * @param value safe integer of at least 0.
 * @param digitsMin zeros are put in front up to so many digits, default 1.
 * @returns the position behind it, or -1 where it does not fit, and then nothing is written.
 * @throws InvariantError for a value or a position out of its range.
 */
export function writeHex(target: Uint8Array, at: number, value: number, digitsMin = 1): number {
  checkPlace(target, at)
  const end = at + hexBytes(value, digitsMin)
  if (end > target.length) return -1
  let low = value >>> 0
  let high = Math.floor(value / 2 ** 32)
  for (let to = end - 1; to >= at; to--) {
    target[to] = hexDigits[low & 15]!
    low = (low >>> 4) | ((high & 15) << 28)
    high >>>= 4
  }
  return end
}

/** Decimal digits of a whole number. */
function digitsOf(magnitude: number): number {
  let digits = 1
  for (let bound = 10; magnitude >= bound; bound *= 10) digits++
  return digits
}

/** Of a whole number below 2^32. */
function hexDigitsOf(value: number): number {
  return Math.max(1, (35 - Math.clz32(value)) >> 2)
}

/** Writes the digits of a whole number in front of `end`. @returns where the first one is. */
function writeDigits(target: Uint8Array, end: number, magnitude: number): number {
  let to = end
  let rest = magnitude
  if (magnitude > 0x7fff_ffff) {
    rest = Math.floor(magnitude / chunk)
    to -= chunkDigits
    writeChunk(target, to, magnitude - rest * chunk)
  }
  // At most 2^53 / 10^8 now: whole numbers of 31 bits from here on.
  let small = rest | 0
  do {
    const tens = (small / 10) | 0
    target[--to] = zero + small - 10 * tens
    small = tens
  } while (small > 0)
  return to
}

/** Eight digits, zeros in front. */
function writeChunk(target: Uint8Array, at: number, value: number): void {
  let small = value | 0
  for (let to = at + chunkDigits - 1; to >= at; to--) {
    const tens = (small / 10) | 0
    target[to] = zero + small - 10 * tens
    small = tens
  }
}
