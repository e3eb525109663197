import { jsonStringBytes, latin1Bytes, utf8Bytes, writeJsonString, writeLatin1, writeUtf8 } from '@qps/bytes'
import { InvariantError, QpsError } from '@qps/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyText, asciiText, latin1Text } from './arbitraries.ts'
import { expectWrites } from './expect-writes.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const runs = { numRuns: 500 }

describe('UTF-8', () => {
  test('is what TextEncoder writes, for any text', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, asciiText, latin1Text), (text) => {
        const expected = utf8(text)
        expect(utf8Bytes(text)).toBe(expected.length)
        expectWrites(expected, (target, at) => writeUtf8(target, at, text))
      }),
      runs,
    )
  })

  test('a text that was concatenated is written like any other', () => {
    let rope = ''
    for (let index = 0; index < 200; index++) rope += `é${index}`
    expectWrites(utf8(rope), (target, at) => writeUtf8(target, at, rope))
  })
})

describe('Latin-1', () => {
  test('is a byte per character', () => {
    fc.assert(
      fc.property(latin1Text, (text) => {
        expect(latin1Bytes(text)).toBe(text.length)
        expectWrites(Buffer.from(text, 'latin1'), (target, at) => writeLatin1(target, at, text))
      }),
      runs,
    )
  })

  test('refuses what would become another character, a line end for instance, and writes nothing', () => {
    const target = new Uint8Array(20)
    const injection = 'x\u010d\u010aset-cookie: a=b'
    expect(Buffer.from(injection, 'latin1').toString('latin1')).toContain('\r\n')
    expect(() => writeLatin1(target, 0, injection)).toThrow(
      expect.objectContaining({
        code: 'QPS_BYTES_LATIN1',
        message: expect.stringContaining('character 1 of the text, U+010d'),
      }),
    )
    expect(() => latin1Bytes('\u0100')).toThrow(QpsError)
    expect(target).toEqual(new Uint8Array(20))
  })
})

describe('JSON', () => {
  test('is what JSON.stringify writes, for any text', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, asciiText, latin1Text), (text) => {
        const expected = utf8(JSON.stringify(text))
        expect(jsonStringBytes(text)).toBe(expected.length)
        expectWrites(expected, (target, at) => writeJsonString(target, at, text))
      }),
      { numRuns: 1000 },
    )
  })

  test('for every UTF-16 unit, alone, between others, and in a long text', () => {
    const target = new Uint8Array(2000)
    const tail = 'a'.repeat(60)
    for (let unit = 0; unit <= 0xffff; unit++) {
      const character = String.fromCharCode(unit)
      for (const text of [character, `a${character}b`, character + tail]) {
        const written = Buffer.from(target.buffer, 0, writeJsonString(target, 0, text)).toString()
        if (written !== JSON.stringify(text)) expect(written, `U+${unit.toString(16)}`).toBe(JSON.stringify(text))
      }
    }
  })

  test('halves of pairs are escaped, pairs are not', () => {
    const pair = '\u{1f600}'
    for (const text of [
      pair,
      pair[0]!,
      pair[1]!,
      pair[1]! + pair[0]!,
      pair[0]! + pair,
      pair + pair[1]!,
      `${pair[0]!}a`,
    ]) {
      expectWrites(utf8(JSON.stringify(text)), (target, at) => writeJsonString(target, at, text))
    }
  })
})

test('no text at all is well defined: nothing, or two quotes', () => {
  expectWrites(new Uint8Array(0), (target, at) => writeUtf8(target, at, ''))
  expectWrites(new Uint8Array(0), (target, at) => writeLatin1(target, at, ''))
  expectWrites(utf8('""'), (target, at) => writeJsonString(target, at, ''))
})

test('a position outside the buffer is a mistake of the program', () => {
  const target = new Uint8Array(4)
  for (const at of [-1, 5, 1.5, NaN]) {
    for (const write of [writeUtf8, writeLatin1, writeJsonString]) {
      expect(() => write(target, at, '')).toThrow(InvariantError)
    }
  }
})
