import {
  idleMaxTooSmall,
  idleTimeTooLong,
  idleTimeTooShort,
  measureHitRatio,
  poolTooLarge,
} from '@qps/client/experiments'
import { expect, test } from 'vitest'

const knowsTimeWait = process.platform === 'linux'

test('too few idle connections kept: every burst connects anew', async () => {
  const { wrong, right } = await idleMaxTooSmall()
  expect(right.reconnectsPerS).toBe(0)
  expect(wrong.reconnectsPerS).toBeGreaterThan(100)
  expect(wrong.hitRatio).toBeLessThan(right.hitRatio - 0.3)
  if (knowsTimeWait) expect(wrong.timeWait).toBeGreaterThan(right.timeWait! + 100)
})

test('too many kept for too long: what a peak opened stays open at both ends', async () => {
  const { wrong, right } = await poolTooLarge()
  expect(wrong).toMatchObject({ atPeak: 64, afterPeak: 64, atServer: 64 })
  expect(right.atPeak).toBe(16)
  expect(right.afterPeak).toBeLessThan(5)
  expect(right.atServer).toBeLessThan(5)
})

test('idle for too short a time: most requests connect anew', async () => {
  const { wrong, right } = await idleTimeTooShort()
  expect(wrong.reconnectsPerS).toBeGreaterThan(right.reconnectsPerS + 10)
  expect(wrong.hitRatio).toBeLessThan(right.hitRatio)
  if (knowsTimeWait) expect(wrong.timeWait).toBeGreaterThan(right.timeWait! + 10)
})

test('idle for too long: requests are reset', async () => {
  const { wrong, right } = await idleTimeTooLong()
  expect(wrong.resets).toBeGreaterThan(0)
  expect(right).toEqual({ resets: 0, answered: right.sent, sent: right.sent })
})

test('the hit ratio of a pool of 32 at 200 requests a second: only the first on each connection misses', async () => {
  const seen = await measureHitRatio({ durationS: 1, serviceMs: 10 })
  expect(seen.errors).toBe(0)
  expect(seen.requests).toBeGreaterThan(150)
  expect(seen.requests).toBeLessThan(260)
  expect(seen.connectionsOpened).toBeLessThanOrEqual(32)
  expect(seen.hitRatio).toBeCloseTo(1 - seen.connectionsOpened / seen.requests, 10)
  expect(seen.reconnectsPerS).toBeLessThan(10)
})
