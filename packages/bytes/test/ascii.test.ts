import { byteTable, equalsAscii, equalsIgnoringCase, findByte, isAscii, latin1Text, utf8Text } from '@qps/bytes'
import { InvariantError } from '@qps/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asciiText } from './arbitraries.ts'

/** Bytes with others around them, which must not matter. */
const placed = fc
  .tuple(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 8 }))
  .map(([left, own, right]) => {
    const bytes = Uint8Array.from([...left, ...own, ...right])
    return { bytes, own, start: left.length, end: left.length + own.length }
  })

test('a byte is found where indexOf finds it, and never outside the range', () => {
  fc.assert(
    fc.property(placed, fc.nat({ max: 255 }), ({ bytes, own, start, end }, byte) => {
      const index = own.indexOf(byte)
      expect(findByte(bytes, start, end, byte)).toBe(index === -1 ? -1 : start + index)
    }),
  )
})

test('bytes equal a word exactly where their text does', () => {
  fc.assert(
    fc.property(asciiText, placed, (word, { bytes, start, end }) => {
      expect(equalsAscii(bytes, start, end, word)).toBe(latin1Text(bytes, start, end) === word)
      const same = Buffer.from(`<${word}>`, 'latin1')
      expect(equalsAscii(same, 1, same.length - 1, word)).toBe(true)
    }),
  )
})

test('without regard to case, capitals alone are folded', () => {
  const fold = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
  fc.assert(
    fc.property(asciiText, asciiText, (text, other) => {
      const bytes = Buffer.from(text, 'latin1')
      expect(equalsIgnoringCase(bytes, 0, bytes.length, fold(text))).toBe(true)
      expect(equalsIgnoringCase(bytes, 0, bytes.length, fold(other))).toBe(fold(text) === fold(other))
    }),
  )
  // These differ from what they are compared with in bit 5 alone, as A differs from a.
  for (const [byte, word] of [
    ['@', '`'],
    ['[', '{'],
    ['\r', '-'],
    ['\x10', '0'],
  ] as const) {
    expect(equalsIgnoringCase(Buffer.from(byte), 0, 1, word), byte).toBe(false)
  }
})

test('ASCII is what UTF-8 and Latin-1 read alike', () => {
  fc.assert(
    fc.property(placed, ({ bytes, own, start, end }) => {
      expect(isAscii(bytes, start, end)).toBe(own.every((byte) => byte < 0x80))
      if (isAscii(bytes, start, end)) expect(utf8Text(bytes, start, end)).toBe(latin1Text(bytes, start, end))
    }),
  )
})

test('texts are what Node decodes', () => {
  fc.assert(
    fc.property(placed, ({ bytes, own, start, end }) => {
      expect(latin1Text(bytes, start, end)).toBe(Buffer.from(own).toString('latin1'))
      expect(utf8Text(bytes, start, end)).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(own))
    }),
  )
})

test('a table has a 1 at each byte of its set, and a set is not empty', () => {
  const table = byteTable((byte) => byte === 0x30)
  expect([table.length, table[0x30], table[0x31]]).toEqual([256, 1, 0])
  expect(() => byteTable(() => false)).toThrow(InvariantError)
})
