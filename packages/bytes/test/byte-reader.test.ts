import { ByteReader, byteTable, InternTable } from '@qps/bytes'
import { InvariantError } from '@qps/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyMagnitude } from './arbitraries.ts'

const comma = 0x2c
const readerOf = (text: string): ByteReader => new ByteReader(Buffer.from(text, 'latin1'))
/** A reader of this text in the middle of other people's, which looks the same. */
const placedReader = (text: string): ByteReader => {
  const bytes = Buffer.from(`7,f${text}7,f`, 'latin1')
  return new ByteReader(bytes, 3, bytes.length - 3)
}
const refusal = (code: string, message: string): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(message), hint: expect.stringMatching(/./) })

describe('fields', () => {
  test('are what a text splits into', () => {
    const text = fc.string({ unit: fc.constantFrom(...'abc,,\u00e9\0'), maxLength: 60 })
    fc.assert(
      fc.property(text, (text) => {
        const reader = placedReader(text)
        const fields: string[] = []
        while (reader.takeUntil(comma)) fields.push(reader.fieldLatin1())
        reader.takeRest()
        expect([...fields, reader.fieldLatin1()]).toEqual(text.split(','))
        expect([reader.left, reader.position]).toEqual([0, text.length])
      }),
    )
  })

  test('are asked in any way without being decoded, and as often as one likes', () => {
    const reader = readerOf('Content-Length: 18\r\n')
    const table = new InternTable()
    expect(reader.takeUntil(0x3a)).toBe(true)
    expect(reader.fieldIs('Content-Length')).toBe(true)
    expect(reader.fieldIs('content-length')).toBe(false)
    expect(reader.fieldIsIgnoringCase('content-length')).toBe(true)
    expect([reader.fieldInterned(table), reader.fieldUtf8()]).toEqual(['Content-Length', 'Content-Length'])
    expect([reader.fieldDecimal(), reader.fieldHex()]).toEqual([-1, -1])
    expect(reader.skipByte(0x20)).toBe(true)
    expect(reader.skipByte(0x20)).toBe(false)
    expect(reader.takeUntil(0x0d)).toBe(true)
    expect([reader.fieldDecimal(), reader.fieldHex(), reader.fieldLate().text]).toEqual([18, 24, '18'])
  })

  test('share the memory of their message', () => {
    const reader = readerOf('GET /')
    reader.takeUntil(0x20)
    const view = reader.fieldView()
    reader.bytes.set(Buffer.from('PUT'))
    expect([view.buffer === reader.bytes.buffer, Buffer.from(view).toString()]).toEqual([true, 'PUT'])
  })

  test('may be empty, at the beginning, in the middle and at the end', () => {
    const reader = readerOf(',,')
    const found: string[] = []
    while (reader.takeUntil(comma)) found.push(reader.fieldLatin1())
    reader.takeRest()
    expect([...found, reader.fieldLatin1(), reader.fieldView().length]).toEqual(['', '', '', 0])
  })
})

describe('takeUntil', () => {
  test('says "not yet" and moves nothing while more input may help', () => {
    const reader = readerOf('abc')
    reader.take(1)
    expect(reader.takeUntil(comma, 2)).toBe(false)
    expect([reader.at, reader.fieldLatin1()]).toEqual([1, 'a'])
  })

  test('a field of exactly the bound is taken; one byte more is refused, with or without its end', () => {
    for (const bytesMax of [0, 1, 3]) {
      const field = 'x'.repeat(bytesMax)
      const reader = readerOf(`${field},`)
      expect(reader.takeUntil(comma, bytesMax)).toBe(true)
      expect(reader.fieldLatin1()).toBe(field)
      for (const tooLong of [`x${field},`, `x${field}`]) {
        const other = readerOf(tooLong)
        expect(() => other.takeUntil(comma, bytesMax)).toThrow(
          refusal('QPS_BYTES_TOO_LONG', `the field at byte 0 is longer than ${bytesMax} bytes`),
        )
        expect(other.at).toBe(0)
      }
    }
  })

  test('finds nothing behind the end of its range', () => {
    const reader = new ByteReader(Buffer.from('ab,'), 0, 2)
    expect([reader.takeUntil(comma), reader.find(comma), reader.left]).toEqual([false, -1, 2])
  })
})

describe('numbers', () => {
  test('are the run of digits that is next', () => {
    fc.assert(
      fc.property(anyMagnitude, fc.constantFrom('', ' ', ';x', '-', '\0'), (value, behind) => {
        const decimal = placedReader(`${value}${behind}`)
        expect([decimal.takeDecimal(), decimal.left]).toEqual([value, behind.length])
        expect(decimal.fieldLatin1()).toBe(String(value))
        const hex = placedReader(`${value.toString(16)}${behind}`)
        expect([hex.takeHex(), hex.left]).toEqual([value, behind.length])
      }),
    )
  })

  test('are refused with a code, a position and a glimpse of what is there, and nothing moves', () => {
    const reader = placedReader('ab -1')
    reader.take(3)
    expect(() => reader.takeDecimal()).toThrow(
      refusal('QPS_BYTES_MALFORMED', 'a decimal digit is expected at byte 3, not "-1"'),
    )
    expect([reader.position, reader.fieldLatin1()]).toEqual([3, 'ab '])
    reader.takeRest()
    expect(() => reader.takeHex()).toThrow(refusal('QPS_BYTES_END', 'a hexadecimal digit is expected at byte 5'))
    const large = placedReader('9007199254740992')
    expect(() => large.takeDecimal()).toThrow(refusal('QPS_BYTES_RANGE', 'the number at byte 0 is above 2^53 - 1'))
    expect(large.position).toBe(0)
  })

  test('what an error shows is bounded and cannot speak to a terminal', () => {
    const hostile = `\x1b[2J\x9b\x7f${'A'.repeat(10_000)}`
    let message = ''
    try {
      readerOf(hostile).takeDecimal()
    } catch (error) {
      message = String(error)
    }
    expect(message).toContain('\\u001b[2J\\u009b\\u007fAAA')
    expect(message).toMatch(/^[\x20-\x7e]{1,150}$/)
  })
})

describe('bytes', () => {
  test('are taken one by one and in pieces, up to the end', () => {
    const reader = readerOf('abcdef')
    expect([reader.peek(), reader.takeByte(), reader.fieldLatin1()]).toEqual([0x61, 0x61, 'a'])
    reader.take(3)
    expect(reader.fieldLatin1()).toBe('bcd')
    expect(() => reader.take(3)).toThrow(
      refusal('QPS_BYTES_END', '3 bytes are expected at byte 4, and the input has 2 left'),
    )
    reader.take(2)
    expect(reader.peek()).toBe(-1)
    expect(() => reader.takeByte()).toThrow(refusal('QPS_BYTES_END', 'a byte is expected at byte 6'))
    expect(() => reader.take(-1)).toThrow(InvariantError)
  })

  test('of a set are taken as long as they come', () => {
    const letters = byteTable((byte) => byte >= 0x61 && byte <= 0x7a)
    const reader = readerOf('abc12')
    expect([reader.takeWhile(letters), reader.fieldLatin1()]).toEqual([3, 'abc'])
    expect([reader.takeWhile(letters), reader.fieldLatin1(), reader.at]).toEqual([0, '', 3])
  })
})

test('a reader serves one message after the other, and none outside its bytes', () => {
  const reader = new ByteReader()
  expect([reader.left, reader.peek(), reader.takeUntil(comma)]).toEqual([0, -1, false])
  for (const text of ['a,b', 'c,d']) {
    reader.reset(Buffer.from(text))
    reader.takeUntil(comma)
    expect(reader.fieldLatin1()).toBe(text[0])
  }
  for (const [start, end] of [
    [-1, 2],
    [2, 1],
    [0, 5],
    [NaN, 2],
  ] as const) {
    expect(() => reader.reset(new Uint8Array(4), start, end)).toThrow(InvariantError)
  }
})
