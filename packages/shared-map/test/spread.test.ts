import { expect, test } from 'vitest'
import { makeMap } from './maps.ts'

const count = 20_000

/** Keys as programs make them: whatever is regular about them must not show in the shards. */
const integers: Record<string, (index: number) => number> = {
  'in a row': (index) => index,
  negative: (index) => -index - 1,
  'multiples of 2^12': (index) => index * 4096,
  'multiples of 2^32': (index) => index * 2 ** 32,
  'far apart': (index) => index * 448_000_000_007,
}
const strings: Record<string, (index: number) => string> = {
  numbered: (index) => `user-${index}`,
  'that differ at the end of a long tail': (index) => `${'x'.repeat(50)}${index}`,
  'that differ at the beginning': (index) => `${String(index).padStart(6, '0')}${'x'.repeat(50)}`,
  'of equal characters': (index) =>
    String.fromCharCode(1 + (index % 255)).repeat(1 + (Math.floor(index / 255) % 64)) + (index > 16_319 ? index : ''),
}

test.each(Object.entries(integers))('no shard runs full of integers %s', (_, keyOf) => {
  using map = makeMap('optimistic', 'integer', 'number', { capacity: count })
  for (let index = 0; index < count; index++) map.set(keyOf(index), index)
  expect(map.size).toBe(count)
  expect(spreadOf(map.stats().shards)).toBeLessThan(8)
})

test.each(Object.entries(strings))('no shard runs full of strings %s', (_, keyOf) => {
  using map = makeMap('optimistic', 'string', 'number', { capacity: count, keyBytesMax: 128 })
  const keys = new Set(Array.from({ length: count }, (__, index) => keyOf(index)))
  for (const key of keys) map.set(key, 1)
  expect(map.size).toBe(keys.size)
  expect(spreadOf(map.stats().shards)).toBeLessThan(8)
})

/** How far the shard that is farthest from the mean is from it, in roots of the mean. */
function spreadOf(shards: { entries: number }[]): number {
  const mean = shards.reduce((sum, { entries }) => sum + entries, 0) / shards.length
  return Math.max(...shards.map(({ entries }) => Math.abs(entries - mean))) / Math.sqrt(mean)
}
