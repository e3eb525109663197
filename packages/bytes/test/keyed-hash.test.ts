import { keyedHash, writeDecimal } from '@qps/bytes'
import { secretRandom } from '@qps/core'
import { expect, test } from 'vitest'

const key = [0x03020100, 0x07060504] as const

test('is HalfSipHash-1-3: the vectors of its authors for 0 to 15 bytes, as Linux tests them', () => {
  const input = Uint8Array.from({ length: 16 }, (_, index) => index)
  const hashes = Array.from(input.keys(), (length) => keyedHash(input, 0, length, ...key))
  expect(hashes).toEqual([
    1477757078, -404200246, -1135931856, 22255929, 2114297510, -1998333797, -1610085531, -1657218602, 1467586993,
    -935736595, -453365041, -1785575698, 1797785964, 1725799638, 375753340, -802850044,
  ])
})

test('depends on the bytes of the range alone, wherever they lie', () => {
  const text = Buffer.from('content-length')
  for (let offset = 0; offset < 9; offset++) {
    const bytes = Buffer.alloc(40, offset)
    text.copy(bytes, offset)
    expect(keyedHash(bytes, offset, offset + text.length, ...key)).toBe(keyedHash(text, 0, text.length, ...key))
  }
})

/** How many of these keys fall to each of 1024 places. */
function loads(keys: number[], key0: number, key1: number): Uint32Array {
  const bytes = new Uint8Array(20)
  const counts = new Uint32Array(1024)
  for (const key of keys) counts[keyedHash(bytes, 0, writeDecimal(bytes, 0, key), key0, key1) & 1023]!++
  return counts
}
const keys = Array.from({ length: 102_400 }, (_, index) => index)

test('spreads keys that differ in little', () => {
  // 100 expected per place, standard deviation 10: eight of them do not happen by chance.
  expect(Math.max(...loads(keys, ...key).map((load) => Math.abs(load - 100)))).toBeLessThan(80)
})

test('keys that were chosen for one place under one key are scattered under another', () => {
  const bytes = new Uint8Array(20)
  const chosen = Array.from({ length: 300_000 }, (_, index) => index).filter(
    (key) => (keyedHash(bytes, 0, writeDecimal(bytes, 0, key), 1, 2) & 1023) === 0,
  )
  expect(chosen.length).toBeGreaterThan(200)
  expect(Math.max(...loads(chosen, 1, 2))).toBe(chosen.length)
  expect(Math.max(...loads(chosen, 1, 3))).toBeLessThan(12)
  expect(Math.max(...loads(chosen, 9, 2))).toBeLessThan(12)
})

test('secret numbers are uniform and never the same twice in a row', () => {
  const numbers = Array.from({ length: 4000 }, secretRandom)
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
  const tenths = Array.from(
    { length: 10 },
    (_, tenth) => numbers.filter((number) => Math.floor(number * 10) === tenth).length,
  )
  // 400 expected, standard deviation 19: eight of them never happen by chance.
  for (const count of tenths) expect(Math.abs(count - 400)).toBeLessThan(152)
  expect(new Set(numbers).size).toBeGreaterThan(3990)
})
