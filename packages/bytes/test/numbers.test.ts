import {
  decimalBytes,
  fixedBytes,
  hexBytes,
  parseDecimal,
  parseHex,
  writeDecimal,
  writeFixed,
  writeHex,
} from '@qps/bytes'
import { InvariantError } from '@qps/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyInteger, anyMagnitude } from './arbitraries.ts'
import { expectWrites } from './expect-writes.ts'

const ascii = (text: string): Uint8Array => Buffer.from(text, 'latin1')
/** Parses text that stands between digits which are somebody else's. */
const decimalOf = (text: string): number => parseDecimal(ascii(`7${text}7`), 1, 1 + text.length)
const hexOf = (text: string): number => parseHex(ascii(`f${text}f`), 1, 1 + text.length)
/** Mostly digits, of numbers within and beyond what is exact, and things that only look like numbers. */
const digitish = fc.oneof(
  anyMagnitude.map(String),
  fc.bigInt({ min: 0n, max: 1n << 80n }).map(String),
  anyMagnitude.map((value) => `000${value}`),
  anyMagnitude.map((value) => value.toString(16)),
  fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF/:@G`gx+-. e_\0'), maxLength: 18 }),
)
/** What BigInt makes of digits, where a number holds it. */
const exactly = (text: string): number => (BigInt(text) <= Number.MAX_SAFE_INTEGER ? Number(text) : -1)

describe('parse', () => {
  test('decimal digits and nothing else', () => {
    fc.assert(
      fc.property(digitish, (text) => {
        expect(decimalOf(text)).toBe(/^[0-9]+$/.test(text) ? exactly(text) : -1)
      }),
    )
  })

  test('hexadecimal digits and nothing else', () => {
    fc.assert(
      fc.property(digitish, (text) => {
        expect(hexOf(text)).toBe(/^[0-9a-fA-F]+$/.test(text) ? exactly(`0x${text}`) : -1)
      }),
    )
  })

  test('nothing, a sign, a blank, an exponent and a prefix are no numbers', () => {
    for (const text of ['', '+1', '-1', ' 1', '1 ', '1e3', '0x1', '1_000', '1.0', '\u0661'])
      expect(decimalOf(text), text).toBe(-1)
    for (const text of ['', '+f', 'f ', '0xf', 'g']) expect(hexOf(text), text).toBe(-1)
  })

  test('of all bytes, digits alone are digits', () => {
    for (let byte = 0; byte < 256; byte++) {
      const character = String.fromCharCode(byte)
      expect(decimalOf(`1${character}`) !== -1, character).toBe(/[0-9]/.test(character))
      expect(hexOf(`1${character}`) !== -1, character).toBe(/[0-9a-fA-F]/.test(character))
    }
  })

  test('the last number that is exact is read, the next is not, however many zeros stand in front', () => {
    expect([decimalOf('9007199254740991'), decimalOf('9007199254740992')]).toEqual([Number.MAX_SAFE_INTEGER, -1])
    expect([hexOf('1fffffffffffff'), hexOf('20000000000000')]).toEqual([Number.MAX_SAFE_INTEGER, -1])
    expect([decimalOf(`${'0'.repeat(500)}42`), decimalOf('9'.repeat(500))]).toEqual([42, -1])
  })
})

describe('write', () => {
  test('decimals as String does', () => {
    fc.assert(
      fc.property(anyInteger, (value) => {
        const expected = ascii(String(value))
        expect(decimalBytes(value)).toBe(expected.length)
        expectWrites(expected, (target, at) => writeDecimal(target, at, value))
      }),
      { numRuns: 500 },
    )
  })

  test('what is written is read', () => {
    const target = new Uint8Array(32)
    fc.assert(
      fc.property(anyMagnitude, fc.nat({ max: 10 }), (value, at) => {
        expect(parseDecimal(target, at, writeDecimal(target, at, value))).toBe(value)
        expect(parseHex(target, at, writeHex(target, at, value))).toBe(value)
      }),
    )
  })

  test('fixed numbers as their digits with a point between', () => {
    fc.assert(
      fc.property(anyInteger, fc.nat({ max: 15 }), (units, places) => {
        const digits = String(Math.abs(units)).padStart(places + 1, '0')
        const point = digits.length - places
        const text = `${units < 0 ? '-' : ''}${digits.slice(0, point)}${places > 0 ? '.' : ''}${digits.slice(point)}`
        expect(fixedBytes(units, places)).toBe(text.length)
        expectWrites(ascii(text), (target, at) => writeFixed(target, at, units, places))
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    [1234, '12.34'],
    [1230, '12.30'],
    [5, '0.05'],
    [-5, '-0.05'],
    [0, '0.00'],
    [-0, '0.00'],
    [-100, '-1.00'],
  ])('%i cents are %s', (cents, text) => {
    expectWrites(ascii(text), (target, at) => writeFixed(target, at, cents))
  })

  test('hexadecimal as toString(16) does, with zeros in front where asked for', () => {
    fc.assert(
      fc.property(anyMagnitude, fc.nat({ max: 20 }), (value, digitsMin) => {
        const expected = ascii(value.toString(16).padStart(digitsMin, '0'))
        expect(hexBytes(value, digitsMin)).toBe(expected.length)
        expectWrites(expected, (target, at) => writeHex(target, at, value, digitsMin))
      }),
      { numRuns: 500 },
    )
  })

  test('what is no such number, or no place, is a mistake of the program', () => {
    const target = new Uint8Array(40)
    for (const value of [0.5, NaN, Infinity, 2 ** 53, '7' as unknown as number]) {
      expect(() => writeDecimal(target, 0, value)).toThrow(InvariantError)
      expect(() => writeFixed(target, 0, value)).toThrow(InvariantError)
      expect(() => writeHex(target, 0, value)).toThrow(InvariantError)
    }
    expect(() => writeHex(target, 0, -1)).toThrow(InvariantError)
    expect(() => writeHex(target, 0, 1, NaN)).toThrow(InvariantError)
    for (const places of [-1, 16, 0.5]) expect(() => writeFixed(target, 0, 1, places)).toThrow(InvariantError)
    for (const at of [-1, 41, 0.5, NaN]) expect(() => writeDecimal(target, at, 1)).toThrow(InvariantError)
    expect(target).toEqual(new Uint8Array(40))
  })
})
