import { ManualClock, seededRandom } from '@qps/core'
import { expect, test } from 'vitest'
import { paceArrivals } from '../../src/experiments/arrivals.ts'

test('arrivals are a Poisson process: the mean is the rate, and so is the variance', async () => {
  const clock = new ManualClock()
  const perSecond = Array.from({ length: 1000 }, () => 0)
  const pacing = paceArrivals(
    200,
    1000,
    seededRandom(7),
    () => {
      const second = Math.floor(clock.nowMs() / 1000)
      perSecond[second] = perSecond[second]! + 1
    },
    clock,
  )
  clock.advance(1_000_001)
  const sent = await pacing
  const mean = sent / 1000
  const variance = perSecond.reduce((sum, count) => sum + (count - mean) ** 2, 0) / 1000
  expect(mean).toBeGreaterThan(198)
  expect(mean).toBeLessThan(202)
  expect(variance / mean).toBeGreaterThan(0.85)
  expect(variance / mean).toBeLessThan(1.15)
  expect(clock.pending).toBe(0)
})
