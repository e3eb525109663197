import { LateText, retention } from '@qps/bytes'
import { InvariantError } from '@qps/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asciiText } from './arbitraries.ts'

/** One request's path in a buffer that is lent again for the next request. */
function pooled(): { buffer: Buffer; path: LateText; lendAgain: () => void } {
  const buffer = Buffer.alloc(64)
  buffer.write('GET /alice HTTP/1.1')
  return { buffer, path: new LateText(buffer, 4, 10), lendAgain: () => void buffer.write('GET /bobby HTTP/1.1') }
}

describe('a view of memory that changes (claim 3.3b)', () => {
  test('shares its memory with its parent, in both directions', () => {
    const { buffer, path, lendAgain } = pooled()
    const view = path.view()
    expect([view.buffer === buffer.buffer, view.byteOffset - buffer.byteOffset, view.length]).toEqual([true, 4, 6])
    lendAgain()
    expect(Buffer.from(view).toString()).toBe('/bobby')
    view.set(Buffer.from('/carol'))
    expect(buffer.toString('latin1', 0, 10)).toBe('GET /carol')
  })

  test('that was not asked in time shows the next request to whoever asks', () => {
    const { path, lendAgain } = pooled()
    lendAgain()
    expect([path.text, path.equals('/bobby')]).toEqual(['/bobby', true])
  })

  test('that was asked in time has its string, whatever becomes of the memory: it is decoded once', () => {
    const { path, lendAgain } = pooled()
    expect([path.isDecoded, path.text, path.isDecoded]).toEqual([false, '/alice', true])
    lendAgain()
    expect([path.text, String(path), JSON.stringify(path)]).toEqual(['/alice', '/alice', '"/alice"'])
    expect([path.equals('/alice'), path.equals('/bobby'), path.equalsIgnoringCase('/alice')]).toEqual([
      true,
      false,
      true,
    ])
    // The view is no text: it is still that memory.
    expect(Buffer.from(path.view()).toString()).toBe('/bobby')
  })

  test('that was kept in time has memory of its own', () => {
    const { buffer, path, lendAgain } = pooled()
    expect(path.keep()).toBe(path)
    lendAgain()
    expect([path.isDecoded, path.text, path.byteLength]).toEqual([false, '/alice', 6])
    expect(path.view().buffer).not.toBe(buffer.buffer)
    expect(retention(path.view()).share).toBe(1)
    const own = path.view().buffer
    expect(path.keep().view().buffer).toBe(own)
  })

  test('is copied by keep even where it has all of its parent', () => {
    const whole = new Uint8Array([0x61])
    const text = new LateText(whole).keep()
    whole[0] = 0x62
    expect(text.text).toBe('a')
  })
})

test('answers the same before and after it is decoded', () => {
  const word = fc.oneof(asciiText, fc.constantFrom('get', 'kelvin'))
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    word.map((text) => Uint8Array.from(Buffer.from(text.toUpperCase(), 'utf8'))),
    fc.constant(Uint8Array.from(Buffer.from('\u212Aelvin', 'utf8'))),
  )
  fc.assert(
    fc.property(bytes, word, fc.constantFrom('latin1' as const, 'utf8' as const), (bytes, word, encoding) => {
      const ask = (text: LateText): boolean[] => [text.equals(word), text.equalsIgnoringCase(word)]
      const late = new LateText(bytes, 0, bytes.length, encoding)
      const before = ask(late)
      expect(late.isDecoded).toBe(false)
      expect(late.text).toBe(Buffer.from(bytes).toString(encoding))
      expect(ask(late)).toEqual(before)
    }),
    { numRuns: 500 },
  )
})

test('no bytes are a text as well, unlike StringData("") (erratum E14): an empty string and an empty view', () => {
  for (const empty of [new LateText(new Uint8Array(0)), new LateText(new Uint8Array(5), 3, 3)]) {
    expect([empty.byteLength, empty.view().length, empty.equals(''), empty.text]).toEqual([0, 0, true, ''])
    expect(empty.keep().text).toBe('')
  }
})

test('lies inside its bytes', () => {
  for (const [start, end] of [
    [-1, 2],
    [3, 2],
    [0, 5],
    [NaN, 1],
  ] as const) {
    expect(() => new LateText(new Uint8Array(4), start, end)).toThrow(InvariantError)
  }
})
