import { historyCampaign, mapFaults, type Operation, recordedKey, recordedValues } from '@qps/testkit'
import { describe, expect, test } from 'vitest'

describe('what is recorded of values', () => {
  const { number, bytes } = recordedValues

  test.each([0, 1, 2, 1000, 2 ** 21 - 1])('the id %i comes back', (id) => {
    expect(number.decode(number.encode(id))).toBe(id)
    expect(bytes.decode(bytes.encode(id))).toBe(id)
    expect([number.decode(undefined), bytes.decode(undefined)]).toEqual([NaN, NaN])
  })

  test('halves of two numbers are no number', () => {
    const words = (value: number): Uint32Array => new Uint32Array(new Float64Array([value]).buffer)
    for (const [one, other] of [
      [5, 6],
      [1000, 1001],
      [3, 300_000],
    ] as const) {
      const mixed = new Uint32Array([
        words(number.encode(one) as number)[0]!,
        words(number.encode(other) as number)[1]!,
      ])
      expect(number.decode(new Float64Array(mixed.buffer)[0])).toBe(-1)
    }
  })

  test('parts of two values, and values of another length, are none', () => {
    const [five, twentyOne] = [bytes.encode(5) as Uint8Array, bytes.encode(21) as Uint8Array]
    expect(five.length).toBe(twentyOne.length)
    const mixed = five.slice()
    mixed.set(twentyOne.subarray(4), 4)
    for (const wrong of [mixed, five.slice(0, -4), five.slice(0, 3), new Uint8Array(0)])
      expect(bytes.decode(wrong)).toBe(-1)
  })

  test.each(['string', 'integer'] as const)('%s keys are different ones', (form) => {
    expect(new Set(Array.from({ length: 1000 }, (_, index) => recordedKey(form, index))).size).toBe(1000)
  })
})

describe('a map that is wrong is found out', () => {
  test.each(mapFaults)('%s', async (fault) => {
    const { fault: found } = await historyCampaign({ kind: 'locked', fault, runs: 20, seed: 1, operations: 2000 })
    expect(found?.why).toMatch(/no order explains what follows[^]*nothing is possible any more/)
  })

  test('where its operations are alike, too', async () => {
    const plan = { kind: 'locked', keys: 'integer', values: 'bytes', fault: 'torn-value', stamps: 'clock' } as const
    const { fault } = await historyCampaign({ ...plan, runs: 20, seed: 1 })
    expect(fault?.why).toContain('no order explains what follows')
  })
})

test('a run is all that its threads did, and the last look of who started them', async () => {
  let history: Operation[] = []
  const plan = { kind: 'sharded', runs: 1, seed: 5, threads: 3, operations: 400, keyCount: 6 } as const
  const result = await historyCampaign(plan, (run) => (history = run.history))
  expect(result).toEqual({
    runs: 1,
    operations: 3 * 400 + 6,
    pending: 0,
    killed: 0,
    locksFreed: 0,
    unknown: 0,
    errors: {},
  })
  const byThread = Map.groupBy(history, ({ thread }) => thread)
  expect([...byThread.keys()]).toEqual([0, 1, 2, 3])
  expect(new Set(history.map(({ name }) => name)).size).toBe(6)
  expect(new Set(history.map(({ calledAt }) => calledAt)).size).toBe(history.length)
})
