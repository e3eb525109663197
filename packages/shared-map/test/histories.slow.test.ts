import { historyCampaign } from '@qps/testkit'
import { describe, expect, test } from 'vitest'

/* The short form of test/histories.ts, which runs as many histories as one likes. */
const kinds = ['snapshot', 'locked', 'sharded', 'optimistic'] as const

describe.each(kinds)('%s', (kind) => {
  test.each([
    { keys: 'string', values: 'bytes', keyCount: 4, stamps: 'counter' },
    { keys: 'integer', values: 'number', keyCount: 3, stamps: 'clock' },
    { keys: 'string', values: 'number', keyCount: 300, stamps: 'counter' },
  ] as const)('what threads do has an order: $keys keys, $values, $keyCount of them, by $stamps', async (form) => {
    const { fault, ...counts } = await historyCampaign({ kind, ...form, runs: 5, seed: 100, operations: 2500 })
    expect(fault?.why).toBeUndefined()
    expect(counts).toMatchObject({ runs: 5, unknown: 0, errors: {}, killed: 0, pending: 0 })
  })

  test('it has where threads are killed', async () => {
    const plan = { kind, values: 'bytes', keyCount: 6, runs: 6, seed: 200, operations: 8000, kills: 1 } as const
    const { fault, ...counts } = await historyCampaign(plan)
    expect(fault?.why).toBeUndefined()
    expect(counts).toMatchObject({ runs: 6, unknown: 0, errors: {} })
    expect(counts.killed).toBeGreaterThan(0)
  })
})
