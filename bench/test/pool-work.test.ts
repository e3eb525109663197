import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { poolKinds, poolWork, type Wanted } from '../programs/pool-work.ts'
import { recordClass } from '../programs/record-class.ts'
import { pool } from '../scenarios/04-pool.scenario.ts'
import { pointsOf } from '../src/sweep.ts'

const held = 8
const wanted: Wanted[] = [
  { bareFields: 4 },
  { fields: 4 },
  { fields: 64 },
  { bytes: 64 },
  { bytes: 4096 },
  { bytes: 65_536 },
]

function isInstalled(name: string): boolean {
  try {
    return createRequire(import.meta.url).resolve(name) !== ''
  } catch {
    return false
  }
}

const kinds = poolKinds.filter((kind) => kind !== 'generic-pool' || isInstalled('generic-pool'))

describe.each(wanted)('of %j', (thing) => {
  test('every kind does the same work', async () => {
    const checksums = await Promise.all(
      kinds.map(async (kind) => {
        const work = await poolWork(kind, thing, held)
        await work.run(100)
        await work.run(33)
        return work.checksum
      }),
    )
    expect(new Set(checksums).size).toBe(1)
    expect(checksums[0]).toBeGreaterThan(0)
  })
})

test('what was filled is what is read', async () => {
  const work = await poolWork('plain', { fields: 4 }, 2)
  await work.run(5)
  // The first two of the seeds find the records of the beginning, whose seed is 0 as well.
  expect(work.checksum).toBe(3 + 3 + 3 + 4 + 5)
})

test('a record has as many fields as its class says, in itself', () => {
  const Filled = recordClass(64)
  const record = new Filled(10)
  expect(Object.keys(record)).toHaveLength(64)
  expect(record.last()).toBe(73)
  record.fill(20)
  expect(Object.values(record)).toEqual(Array.from({ length: 64 }, (_, index) => 20 + index))
  expect(() => recordClass(0)).toThrow(/fields/)
})

test('the scenario goes from acquire and release alone to a mebibyte', () => {
  const points = pointsOf(pool)
  expect(points[0].inputs).toEqual({ thing: 'bare', size: 4 })
  expect(points.at(-1)!.inputs).toEqual({ thing: 'buffer', size: 1024 * 1024 })
  expect(points).toHaveLength(12)
})
