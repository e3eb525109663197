import { adaptiveThreshold } from '@qps/breaker'
import { describe, expect, test } from 'vitest'
import { type Bench, bench, call, calls } from './harness.ts'

describe('the threshold', () => {
  test.each([
    [0, 0.4],
    [200, 0.45],
    [500, 0.525],
    [1000, 0.65],
    [1001, 0.65],
    [1e9, 0.65],
  ])('at %d calls per second is %d', (rateQps, threshold) => {
    expect(adaptiveThreshold(rateQps)).toBeCloseTo(threshold, 12)
  })

  test('is what its options say', () => {
    const options = { thresholdMin: 0.1, thresholdMax: 0.3, rateQpsFull: 100 }
    expect([0, 50, 100, 200].map((rateQps) => adaptiveThreshold(rateQps, options))).toEqual([0.1, 0.2, 0.3, 0.3])
  })

  test.each([
    [20, 0.405],
    [200, 0.45],
    [500, 0.525],
    [2000, 0.65],
  ])('follows the rate: %d per second open at %d', (rateQps, threshold) => {
    const all = bench({ design: 'adaptive', windowMs: 10_000, buckets: 50 })
    // A rate that stays as it is while more and more of the calls fail.
    let state = all.breaker.state
    let ratio = 0
    for (let at = 0; state === 'closed'; at++) {
      ratio = Math.min(1, at / (rateQps * 100))
      const failed = Math.floor((at + 1) * ratio) > Math.floor(at * ratio)
      call(all.breaker, !failed)
      all.clock.advance(1000 / rateQps)
      state = all.breaker.state
    }
    const { errorRatio, threshold: said, rateQps: seen } = all.breaker.stats()
    expect(seen).toBeGreaterThan(rateQps * 0.95)
    expect(seen).toBeLessThan(rateQps * 1.05)
    expect(said).toBeCloseTo(threshold, 2)
    expect(errorRatio).toBeCloseTo(threshold, 2)
  })
})

describe('slow calls', () => {
  const options = { design: 'adaptive', latencyMsP95Max: 100, windowMs: 10_000, buckets: 50 } as const

  function timed({ breaker, clock }: Bench, count: number, durationMs: number): void {
    for (let at = 0; at < count; at++) {
      const ticket = breaker.tryAcquire()
      clock.advance(10)
      if (ticket !== 0) breaker.success(ticket, durationMs)
    }
  }

  test('open the circuit where more than one call in twenty is slow', () => {
    const all = bench(options)
    timed(all, 190, 100)
    timed(all, 10, 101)
    expect(all.breaker.stats()).toMatchObject({ state: 'closed', timed: 200, slow: 10 })
    timed(all, 1, 101)
    expect(all.changes).toEqual([expect.objectContaining({ to: 'open', reason: 'slow' })])
  })

  test('may have failed as well', () => {
    const all = bench({ ...options, thresholdMin: 1, thresholdMax: 1 })
    calls(all, 100, true)
    for (let at = 0; at < 6; at++) all.breaker.failure(all.breaker.tryAcquire(), 5000)
    expect(all.changes).toEqual([expect.objectContaining({ to: 'open', reason: 'slow' })])
  })

  test('need a minimum of durations', () => {
    const all = bench(options)
    timed(all, 19, 5000)
    expect(all.breaker.state).toBe('closed')
    timed(all, 1, 5000)
    expect(all.breaker.state).toBe('open')
  })

  test('are no good probes', () => {
    const all = bench(options)
    timed(all, 20, 5000)
    all.clock.advance(all.breaker.retryAfterMs())
    timed(all, 2, 5000)
    expect(all.changes.at(-1)).toMatchObject({ to: 'open', reason: 'probes-failed' })
    all.clock.advance(all.breaker.retryAfterMs())
    timed(all, 4, 50)
    expect(all.breaker.state).toBe('closed')
  })

  test('do not matter where nobody says how long they took, or Infinity is the bound', () => {
    const silent = bench(options)
    for (let at = 0; at < 100; at++) silent.breaker.success(silent.breaker.tryAcquire())
    expect(silent.breaker.stats()).toMatchObject({ timed: 0, latencyMsP95: undefined })
    const patient = bench({ ...options, latencyMsP95Max: Infinity })
    timed(patient, 100, 1e9)
    expect(patient.breaker.state).toBe('closed')
  })

  test.each([0.3, 0.6, 1, 7, 12.5, 99, 250, 1000, 4321, 30_000])(
    'the P95 of %d ms is at most an eighth too high',
    (ms) => {
      const all = bench({ ...options, latencyMsP95Max: Infinity })
      timed(all, 90, ms / 2)
      timed(all, 10, ms)
      const { latencyMsP95 } = all.breaker.stats()
      expect(latencyMsP95).toBeGreaterThanOrEqual(ms)
      expect(latencyMsP95).toBeLessThanOrEqual(Math.max(0.5625, ms * 1.125))
    },
  )

  test('leave the P95 when they leave the window', () => {
    const all = bench({ ...options, latencyMsP95Max: Infinity })
    timed(all, 100, 900)
    all.clock.advance(10_000)
    timed(all, 100, 9)
    expect(all.breaker.stats().latencyMsP95).toBeLessThan(10.2)
  })

  test('run measures them, on the breaker’s clock', async () => {
    const all = bench(options)
    for (let at = 0; at < 20; at++) await all.breaker.run(() => all.clock.advance(150)).catch(() => {})
    expect(all.changes[0]).toMatchObject({ to: 'open', reason: 'slow' })
  })

  test('run measures one in eight where calls come thick, and all probes', async () => {
    const all = bench({ ...options, latencyMsP95Max: 1e9 })
    for (let at = 0; at < 8000; at++) await all.breaker.run(() => all.clock.advance(0.01))
    const { timed: measured, succeeded } = all.breaker.stats()
    expect(succeeded).toBe(8000)
    expect(measured).toBeGreaterThanOrEqual(1000)
    expect(measured).toBeLessThan(1050)
    for (let at = 0; at < 16_000; at++) call(all.breaker, false)
    all.clock.advance(all.breaker.retryAfterMs())
    expect(all.breaker.state).toBe('open')
  })
})

describe('back-off', () => {
  test('doubles up to its bound, less a random part', () => {
    const all = bench({ design: 'adaptive', requestsMin: 1, probesMax: 1, probeSuccessRatio: 1 })
    call(all.breaker, false)
    for (let round = 0; round < 12; round++) {
      const { openMs } = all.changes.at(-1)!
      const longest = Math.min(60_000, 1000 * 2 ** round)
      expect(openMs).toBeLessThanOrEqual(longest)
      expect(openMs).toBeGreaterThan(longest * 0.8)
      expect(all.breaker.retryAfterMs()).toBe(Math.ceil(openMs))
      all.clock.advance(all.breaker.retryAfterMs())
      expect(call(all.breaker, false)).toBe(true)
    }
  })

  test('is spread by the injected random', () => {
    const openMsWith = (random: () => number): number => {
      const all = bench({ design: 'adaptive', requestsMin: 1, jitter: 0.5, random })
      call(all.breaker, false)
      return all.changes[0]!.openMs
    }
    expect([0, 0.5, 0.9].map((value) => Math.round(openMsWith(() => value)))).toEqual([1000, 750, 550])
  })

  test('is at least a bucket', () => {
    const all = bench({ design: 'adaptive', requestsMin: 1, openMs: 1 })
    call(all.breaker, false)
    expect(all.changes[0]!.openMs).toBe(200)
  })
})
