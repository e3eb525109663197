import { type Breaker, createBreaker, goZeroRefinements, type GoogleOptions } from '@qps/breaker'
import { ManualClock, seededRandom } from '@qps/core'
import { describe, expect, test } from 'vitest'
import { bench, call, calls } from './harness.ts'

const google = (options: Partial<GoogleOptions> = {}): ReturnType<typeof bench> =>
  bench({ design: 'google', ...options })

/** What the other side answers to so many calls, as the window sees it at the end. */
function fill({ breaker }: { breaker: Breaker }, succeeded: number, failed: number): void {
  // Tickets first: a breaker that refuses already would let fewer pass.
  const tickets = Array.from({ length: succeeded + failed }, () => breaker.tryAcquire())
  for (const [at, ticket] of tickets.entries()) breaker[at < succeeded ? 'success' : 'failure'](ticket)
}

/** The share of so many calls that are refused when what passes is cancelled, so that it changes nothing. */
function refusedShare(breaker: Breaker, count: number): number {
  let refused = 0
  for (let at = 0; at < count; at++) {
    const ticket = breaker.tryAcquire()
    if (ticket === 0) refused++
    else breaker.cancel(ticket)
  }
  return refused / count
}

describe('the chance to be refused', () => {
  test.each([
    [100, 0],
    [100, 50],
    [100, 55],
    [100, 60],
    [100, 100],
    [50, 200],
    [0, 5],
    [0, 6],
    [0, 100],
  ])('after %d successes and %d failures is that of the formula', (succeeded, failed) => {
    const all = google()
    fill(all, succeeded, failed)
    const requests = succeeded + failed
    const expected = Math.max(0, (requests - 5 - 1.5 * succeeded) / (requests + 1))
    expect(all.breaker.stats().refusedRatio).toBeCloseTo(expected, 12)
  })

  test.each([0.5, 0.6, 0.8, 0.95, 1])(
    'over 10,000 calls it is within 3 points of the formula, with %d of them failing',
    (errorRatio) => {
      const clock = new ManualClock()
      const breaker = createBreaker({ design: 'google', clock, random: seededRandom(1) })
      const outcome = seededRandom(2)
      let refused = 0
      let expected = 0
      const offer = (count: number): void => {
        refused = 0
        expected = 0
        for (let at = 0; at < count; at++) {
          expected += breaker.stats().refusedRatio
          if (!call(breaker, outcome() >= errorRatio)) refused++
          clock.advance(1)
        }
      }
      offer(20_000)
      offer(10_000)
      expect(Math.abs(refused - expected) / 10_000).toBeLessThan(0.03)
      // In balance: what is refused makes requests k times the accepts, as far as the protection lets it.
      const { succeeded, failed, refused: seen } = breaker.stats()
      const requests = succeeded + failed + seen
      const steady = Math.max(0, (requests - 5 - 1.5 * succeeded) / (requests + 1))
      expect(Math.abs(refused / 10_000 - steady)).toBeLessThan(0.03)
    },
  )

  test('counts what was refused as a request', () => {
    const all = google()
    fill(all, 0, 100)
    const before = all.breaker.stats().refusedRatio
    while (call(all.breaker, true));
    expect(all.breaker.stats().refused).toBe(1)
    expect(all.breaker.stats().refusedRatio).not.toBe(before)
  })
})

test('when the other side is down, something passes all the time, and less than one call in a hundred', () => {
  const all = google()
  calls(all, 1000, true, 1000)
  calls(all, 20_000, false, 20_000)
  const passed = calls(all, 20_000, false, 20_000)
  expect(passed).toBeGreaterThan(2)
  expect(passed).toBeLessThan(200)
})

test('tells when it begins and when it ceases to refuse, once each', () => {
  const all = google()
  calls(all, 1000, true, 1000)
  calls(all, 5000, false, 5000)
  expect(all.breaker.state).toBe('half-open')
  calls(all, 30_000, true, 30_000)
  expect(all.breaker.state).toBe('closed')
  expect(all.changes).toEqual([
    { name: 'google', from: 'closed', to: 'half-open', reason: 'errors', openMs: 0 },
    { name: 'google', from: 'half-open', to: 'closed', reason: 'recovered', openMs: 0 },
  ])
  expect(all.breaker.stats().opened).toBe(1)
})

/* What go-zero's own tests say of its breaker, by its options: buckets, k, and what it passes. */
describe("as go-zero's", () => {
  test('a healthy window lets everything pass', () => {
    const all = google({ k: 5 })
    fill(all, 200, 0)
    expect(refusedShare(all.breaker, 100)).toBe(0)
  })

  test('a window of failures refuses soon', () => {
    const all = google({ k: 5 })
    fill(all, 10, 100_000)
    expect(refusedShare(all.breaker, 100)).toBeGreaterThan(0.9)
  })

  test('protects itself from deciding on hardly any calls', () => {
    const all = google()
    fill(all, 0, 5)
    expect(refusedShare(all.breaker, 100)).toBe(0)
  })

  test('as long as requests are below k times the accepts, nothing is refused', () => {
    const all = google({ k: 2 })
    fill(all, 1001, 1000)
    expect(refusedShare(all.breaker, 100)).toBe(0)
  })

  test('an empty window is a healthy one: after ten seconds all is forgotten', () => {
    const all = google()
    fill(all, 0, 10_000)
    expect(refusedShare(all.breaker, 100)).toBeGreaterThan(0.9)
    all.clock.advance(10_000)
    expect(refusedShare(all.breaker, 100)).toBe(0)
  })
})

describe('refinements', () => {
  test('kMin lowers k with every bucket in a row that only failed', () => {
    const all = google({ kMin: 1.1 })
    fill(all, 1000, 0)
    for (let bucket = 1; bucket < 40; bucket++) {
      all.clock.advance(250)
      all.breaker.failure(2)
      const requests = 1000 + bucket
      const k = 1.5 - (0.4 * bucket) / 40
      const expected = Math.max(0, (requests - 5 - k * 1000) / (requests + 1))
      expect(all.breaker.stats().refusedRatio).toBeCloseTo(expected, 12)
    }
    expect(google().breaker.stats().refusedRatio).toBe(0)
  })

  test('forcePassMs lets one pass at least so often', () => {
    const all = google({ forcePassMs: 1000, random: () => 0 })
    fill(all, 0, 100)
    // With this random, chance never lets one pass.
    const passed: number[] = []
    for (let ms = 0; ms < 10_000; ms += 50) {
      all.clock.advance(50)
      all.breaker.failure(2)
      const ticket = all.breaker.tryAcquire()
      if (ticket !== 0) passed.push(all.clock.nowMs())
    }
    expect(passed).toEqual(Array.from({ length: 10 }, (_, second) => 1000 * (second + 1)))
  })

  test('easing refuses less with every bucket in a row that only worked', () => {
    const all = google({ easing: true })
    fill(all, 0, 1000)
    for (let bucket = 1; bucket < 39; bucket++) {
      all.clock.advance(250)
      all.breaker.success(2)
      const ratio = (1000 + bucket - 5 - 1.5 * bucket) / (1000 + bucket + 1)
      expect(all.breaker.stats().refusedRatio).toBeCloseTo((ratio * (40 - bucket)) / 40, 12)
    }
  })

  test('all of them together find back sooner', () => {
    const recoverMs = (options: Partial<GoogleOptions>): number => {
      const all = google(options)
      calls(all, 10_000, true, 10_000)
      calls(all, 30_000, false, 30_000)
      const start = all.clock.nowMs()
      for (let second = 0; second < 60; second++) {
        if (calls(all, 1000, true, 1000) > 990) break
      }
      return all.clock.nowMs() - start
    }
    expect(recoverMs(goZeroRefinements)).toBeLessThan(recoverMs({}))
  })
})
