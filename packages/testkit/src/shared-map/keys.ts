import { describe, expect, test } from 'vitest'
import { codeOf, mapOf, type MapSubject } from './subject.ts'

/** Each is another key than all others. */
const apart: readonly string[] = [
  '',
  '\0',
  '\0\0',
  ' ',
  'a',
  'a\0',
  'A',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'size',
  '0',
  '00',
  '-0',
  'undefined',
  // As one character, and as two that look the same.
  'é',
  'e\u0301',
  // The last of one byte, the first of two in UTF-16, and what their low bytes are.
  'ÿ',
  'Ā',
  '\u0100\u0101',
  '\0\u0001',
  'ā',
  '鍵',
  '\ufffd',
  '\ufeff',
  '\u{1f511}',
  '\uffff',
  // Keys of twelve bytes, which differ in one place.
  'session-0001',
  'session-0002',
  'Session-0001',
]

/** UTF-16 that is no text: UTF-8 has no bytes for it. */
const unpaired: readonly string[] = ['\ud800', '\udc00', '\ud800a', '\udc00\ud800', 'a\ud83d', '\udd11']

/** Keys that somebody chose in order to be mistaken for others. */
export function testKeys(subject: MapSubject): void {
  describe('keys', () => {
    test('strings that look alike are different keys', () => {
      using map = mapOf(subject, { keys: 'string', values: 'number' })
      for (const [index, key] of apart.entries()) map.set(key, index)
      for (const [index, key] of apart.entries()) expect(map.get(key), JSON.stringify(key)).toBe(index)
      expect(map.size).toBe(apart.length)
      expect(new Map(map.entries())).toEqual(new Map(apart.map((key, index) => [key, index])))
      for (const key of apart) expect(map.delete(key)).toBe(true)
      expect(map.size).toBe(0)
    })

    test('halves of surrogate pairs are refused or kept apart', () => {
      using map = mapOf(subject, { keys: 'string', values: 'number' })
      const kept = new Map<string, number>()
      map.set('\ufffd', -1)
      map.set('\ufffda', -2)
      for (const [index, key] of unpaired.entries()) {
        const code = codeOf(() => map.set(key, index))
        if (code === 'nothing was thrown') kept.set(key, index)
        else expect(code).toBe('QPS_MAP_KEY')
        if (!kept.has(key)) expect(codeOf(() => map.get(key))).toBe('QPS_MAP_KEY')
      }
      for (const [key, index] of kept) expect(map.get(key), JSON.stringify(key)).toBe(index)
      expect(map.get('\ufffd')).toBe(-1)
      expect(map.get('\ufffda')).toBe(-2)
      expect(map.size).toBe(kept.size + 2)
    })

    test('a key may have keyBytesMax bytes, and not one more', () => {
      using map = mapOf(subject, { keys: 'string', values: 'number' }, { keyBytesMax: 12 })
      map.set('a'.repeat(12), 1)
      expect(map.get('a'.repeat(12))).toBe(1)
      for (const key of ['a'.repeat(13), 'é'.repeat(13), 'a'.repeat(100_000)]) {
        expect(codeOf(() => map.set(key, 2))).toBe('QPS_MAP_KEY')
        expect(codeOf(() => map.get(key))).toBe('QPS_MAP_KEY')
      }
      expect([...map.entries()]).toEqual([['a'.repeat(12), 1]])
    })

    test('all keys of a few characters are different', () => {
      using map = mapOf(subject, { keys: 'string', values: 'number' }, { capacity: 5000 })
      const alphabet = ['a', 'b', '\0', 'ÿ', 'Ā', '鍵']
      const keys = alphabet.flatMap((one) =>
        alphabet.flatMap((two) => alphabet.flatMap((three) => alphabet.map((four) => one + two + three + four))),
      )
      for (const [index, key] of keys.entries()) map.set(key, index)
      expect(map.size).toBe(keys.length)
      for (const [index, key] of keys.entries()) expect(map.get(key)).toBe(index)
    })

    test('integers are all safe ones', () => {
      using map = mapOf(subject, { keys: 'integer', values: 'number' }, { capacity: 256 })
      const powers = Array.from({ length: 53 }, (_, bits) => 2 ** bits)
      const keys = [0, ...new Set(powers.flatMap((power) => [power, -power, power - 1 || 3, 1 - power || -3]))]
      const different = [...new Set([...keys, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])]
      for (const [index, key] of different.entries()) map.set(key, index)
      expect(map.size).toBe(different.length)
      for (const [index, key] of different.entries()) expect(map.get(key), String(key)).toBe(index)
      expect(new Map(map.entries())).toEqual(new Map(different.map((key, index) => [key, index])))
      expect(map.get(-0)).toBe(0)
    })

    test.each([
      ['string', [1, NaN, null, undefined, {}, ['a'], Symbol('a'), true, 5n]],
      ['integer', ['a', '1', 0.5, NaN, Infinity, 2 ** 53, -(2 ** 53), 1e300, null, undefined, [1], true, 5n]],
    ] as const)('what is no %s is no key', (keys, wrong) => {
      using map = mapOf(subject, { keys, values: 'number' })
      for (const key of wrong as readonly unknown[] as never[]) {
        expect(codeOf(() => map.set(key, 1))).toBe('QPS_MAP_KEY')
        expect(codeOf(() => map.get(key))).toBe('QPS_MAP_KEY')
        expect(codeOf(() => map.has(key))).toBe('QPS_MAP_KEY')
        expect(codeOf(() => map.delete(key))).toBe('QPS_MAP_KEY')
        expect(codeOf(() => map.compareAndSet(key, undefined, 1))).toBe('QPS_MAP_KEY')
        expect(codeOf(() => map.update(key, () => 1))).toBe('QPS_MAP_KEY')
      }
      expect(map.size).toBe(0)
    })
  })
}
