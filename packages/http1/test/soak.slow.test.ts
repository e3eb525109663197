import { type Backend, probe } from '@qps/netpoll'
import { expect, test } from 'vitest'
import { growthOf, soak } from './soak-run.ts'

const backends = Object.entries(probe()) as [Backend, string | undefined][]

for (const [backend, why] of backends) {
  test.skipIf(why !== undefined)(
    `a short soak of ${backend}: memory, descriptors and answers as they should be`,
    async () => {
      const { load, churned, samples, failures } = await soak({ backend, durationS: 2, intervalS: 0.2 })
      expect(failures).toEqual([])
      expect(load.requests).toBeGreaterThan(1_000)
      expect(churned).toBeGreaterThan(50)
      expect(samples.length).toBeGreaterThan(5)
    },
  )
}

test('growth is the rise of the line through the points', () => {
  expect(
    growthOf([
      [0, 10],
      [1, 10],
      [2, 10],
    ]),
  ).toBe(0)
  expect(
    growthOf([
      [0, 0],
      [1, 5],
      [2, 10],
    ]),
  ).toBe(10)
  expect(growthOf([[3, 7]])).toBe(0)
})
