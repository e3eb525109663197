import { ManualClock } from '@qps/core'
import { LocalMap } from '@qps/shared-map'
import { expect, test } from 'vitest'
import { codeOf } from './maps.ts'

test('a local map keeps its bound, its time and its bytes to itself', () => {
  const clock = new ManualClock()
  using map = new LocalMap<string, Uint8Array>({ capacity: 2, expiry: { ttlMs: 100 }, clock })
  const bytes = Uint8Array.of(1, 2)
  map.set('a', bytes)
  bytes[0] = 9
  map.get('a')![1] = 9
  expect(map.get('a')).toEqual(Uint8Array.of(1, 2))
  expect(map.compareAndSet('a', Uint8Array.of(1, 2), bytes)).toBe(true)
  expect(map.update('b', (value) => value ?? bytes)).toEqual(bytes)
  expect(codeOf(() => map.set('c', bytes))).toBe('QPS_MAP_FULL')
  expect([...map.entries()].map(([key]) => key)).toEqual(['a', 'b'])
  clock.advance(100)
  expect([map.has('a'), map.delete('a'), map.size]).toEqual([false, false, 1])
  map.set('c', bytes)
  map.set('d', bytes)
  expect([map.size, map.stats().entries, map.sweep()]).toEqual([2, 2, 0])
  expect(codeOf(() => map.set('c', '1' as unknown as Uint8Array))).toBe('QPS_MAP_VALUE')
})
