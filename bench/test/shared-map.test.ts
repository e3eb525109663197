import { createSharedMap, type MapOperations } from '@qps/shared-map'
import { describe, expect, test } from 'vitest'
import { distributions, fingerprint, sequenceLength, sequenceOf } from '../programs/shared-map-sequence.ts'
import { attachStore, filled, isShared, keyForms, keysOf, storeKinds } from '../programs/shared-map-stores.ts'
import { sharedMap } from '../scenarios/05-shared-map.scenario.ts'
import { shards } from '../scenarios/05-shards.scenario.ts'
import { pointsOf } from '../src/sweep.ts'

const entries = 1000
const keyOf = (operation: number): number => operation & 0x7fff_ffff

describe('the sequence of a thread', () => {
  test.each([0, 50, 90, 99, 100])('has %i % reads', (reads) => {
    const sequence = sequenceOf(0, { entries, reads, distribution: 'uniform' })
    expect(sequence).toHaveLength(sequenceLength)
    const share = sequence.filter((operation) => operation >= 0).length / sequenceLength
    expect(share).toBeCloseTo(reads / 100, 2)
  })

  test('has uniform keys, none left out', () => {
    const counts = new Uint32Array(entries)
    for (const operation of sequenceOf(1, { entries, reads: 90, distribution: 'uniform' })) counts[keyOf(operation)]!++
    const mean = sequenceLength / entries
    // Six standard deviations of a count.
    for (const count of counts) expect(Math.abs(count - mean)).toBeLessThan(6 * Math.sqrt(mean))
  })

  test("has keys after Zipf's law, the hottest spread over all", () => {
    const counts = new Uint32Array(entries)
    for (const operation of sequenceOf(1, { entries, reads: 90, distribution: 'zipf' })) counts[keyOf(operation)]!++
    const total = Array.from({ length: entries }, (_, rank) => (rank + 1) ** -0.99).reduce((sum, each) => sum + each)
    const byCount = [...counts.keys()].toSorted((left, right) => counts[right]! - counts[left]!)
    for (const rank of [0, 1, 2, 9]) {
      expect(counts[byCount[rank]!]! / sequenceLength).toBeCloseTo((rank + 1) ** -0.99 / total, 2)
    }
    expect(byCount.slice(0, 2)).toEqual([0, 48_271 % entries])
  })

  test.each(distributions)('is its own, and the same each time: %s', (distribution) => {
    const workload = { entries, reads: 90, distribution }
    const [first, second, again] = [0, 1, 0].map((thread) => sequenceOf(thread, workload))
    expect(again).toEqual(first)
    expect(fingerprint([first!])).not.toBe(fingerprint([second!]))
    expect(fingerprint([first!, second!])).not.toBe(fingerprint([second!, first!]))
  })
})

describe.each(keyForms)('with %s keys', (form) => {
  const keys = keysOf(form, entries)

  test('keys are what the method says', () => {
    expect(new Set<unknown>(keys).size).toBe(entries)
    if (form === 'string') expect(keys[42]).toBe('key-00000042')
    else expect(keys[42]).toBe(42 * 7919)
  })

  test('every map does the same work', async () => {
    const operations = sequenceOf(0, { entries, reads: 80, distribution: 'zipf' })
    const sums = await Promise.all(
      storeKinds
        .filter((kind) => kind !== 'owner')
        .map(async (kind) => {
          if (!isShared(kind)) return batches(attachStore(undefined, keys))
          using map = createSharedMap({ kind, keys: form, values: 'number', capacity: entries })
          filled(map as unknown as MapOperations<string | number, number>, keys)
          return batches(attachStore({ map: map.share() }, keys))
        }),
    )
    expect(new Set(sums).size).toBe(1)
    expect(sums[0]).toBeGreaterThan(0)

    async function batches(store: ReturnType<typeof attachStore>): Promise<number> {
      return (await store.batch(operations, 0, 1000, 7)) + (await store.batch(operations, 1000, 3000, 8))
    }
  })
})

test('the headline is two threads, 90 % reads, uniform strings', () => {
  const points = pointsOf(sharedMap)
  expect(points[0].inputs).toEqual({ keys: 'string', threads: 2, reads: 90, distribution: 'uniform' })
  const values = (name: string): unknown[] => [...new Set(points.map(({ inputs }) => inputs[name]))]
  expect(values('threads')).toEqual([2, 1, 4])
  expect(values('reads')).toEqual([90, 99, 50])
  expect(values('distribution')).toEqual(['uniform', 'zipf'])
  expect(values('keys')).toEqual(['string', 'integer'])
})

test.each([sharedMap, shards])('what $name expects is said of points that are measured', (scenario) => {
  const known = pointsOf(scenario).map(({ inputs }) => inputs)
  for (const { at, ...expectation } of scenario.expectations) {
    if (at !== undefined) expect(known).toContainEqual(at)
    if ('versusAt' in expectation && expectation.versusAt !== undefined)
      expect(known).toContainEqual(expectation.versusAt)
  }
})
