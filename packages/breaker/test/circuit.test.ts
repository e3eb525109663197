import { attachBreaker, createBreaker } from '@qps/breaker'
import { ManualClock } from '@qps/core'
import { expect, describe, test } from 'vitest'
import { bench, call, calls } from './harness.ts'

/** Opens at half of ten calls, for a second, then two, then four, and closes on two good ones of three probes. */
const options = {
  design: 'fixed',
  windowMs: 10_000,
  buckets: 10,
  requestsMin: 10,
  errorRatioMax: 0.5,
  openMs: 1000,
  openMsMax: 4000,
  backoff: 2,
  probesMax: 3,
  probeSuccessRatio: 0.6,
  probeTimeoutMs: 500,
} as const

function opened(further: object = {}): ReturnType<typeof bench> {
  const all = bench({ ...options, ...further })
  calls(all, 10, false)
  expect(all.breaker.state).toBe('open')
  return all
}

function halfOpened(further: object = {}): ReturnType<typeof bench> & { probe: number } {
  const all = opened(further)
  all.clock.advance(1000)
  const probe = all.breaker.tryAcquire()
  expect(all.breaker.state).toBe('half-open')
  return { ...all, probe }
}

describe('closed', () => {
  test('opens at the ratio, not below it', () => {
    const all = bench(options)
    calls(all, 10, true)
    calls(all, 9, false)
    expect(all.breaker.state).toBe('closed')
    calls(all, 1, false)
    expect(all.breaker.state).toBe('open')
    expect(all.changes).toEqual([{ name: 'fixed', from: 'closed', to: 'open', reason: 'errors', openMs: 1000 }])
    expect(all.breaker.stats()).toMatchObject({ opened: 1, errorRatio: 0.5, threshold: 0.5, refusedRatio: 1 })
  })

  test('does not open on fewer calls than the minimum', () => {
    const all = bench(options)
    calls(all, 9, false)
    expect(all.breaker.state).toBe('closed')
    all.clock.advance(10_000)
    calls(all, 9, false)
    expect(all.breaker.state).toBe('closed')
  })

  test('does not open by a success, nor by time', () => {
    const all = bench(options)
    calls(all, 10, true)
    all.clock.advance(5000)
    calls(all, 9, false)
    // The successes leave the window, and all that is left has failed.
    all.clock.advance(5500)
    calls(all, 20, true)
    expect(all.breaker.state).toBe('closed')
  })

  test('forgets what is out of the window', () => {
    const all = bench(options)
    calls(all, 9, false)
    all.clock.advance(10_000)
    calls(all, 9, true)
    calls(all, 8, false)
    expect(all.breaker.state).toBe('closed')
  })
})

describe('open', () => {
  test('lets nothing pass until its time is over', () => {
    const all = opened()
    expect(all.breaker.retryAfterMs()).toBe(1000)
    all.clock.advance(999)
    expect(all.breaker.tryAcquire()).toBe(0)
    expect(all.breaker.retryAfterMs()).toBe(1)
    all.clock.advance(all.breaker.retryAfterMs())
    expect(all.breaker.tryAcquire()).not.toBe(0)
    expect(all.changes.at(-1)).toMatchObject({ from: 'open', to: 'half-open', reason: 'time', openMs: 0 })
    expect(all.breaker.stats()).toMatchObject({ refused: 1 })
  })

  test('does not count the answers of calls that were sent before', () => {
    const all = bench(options)
    const [early, other] = [all.breaker.tryAcquire(), all.breaker.tryAcquire()]
    calls(all, 10, false)
    all.breaker.success(early)
    all.clock.advance(1000)
    // Half-open by now: an old answer is no probe's.
    all.breaker.tryAcquire()
    all.breaker.success(other)
    expect(all.breaker.state).toBe('half-open')
    expect(all.breaker.stats().late).toBe(2)
  })

  test('takes a year for as long as it is', () => {
    const all = opened()
    // Ticks are 32-bit milliseconds: after 24 days differences change their sign, after 49 they begin anew.
    for (const days of [20, 24.9, 30, 49.5]) {
      const late = opened()
      late.clock.advance(days * 86_400_000)
      expect(late.breaker.tryAcquire(), `${days} days`).not.toBe(0)
    }
    all.clock.advance(365 * 86_400_000)
    expect(all.breaker.tryAcquire()).not.toBe(0)
  })
})

describe('half-open', () => {
  test('closes on enough good probes, with an empty window', () => {
    const { breaker, clock, changes, probe } = halfOpened()
    breaker.success(probe)
    expect(breaker.state).toBe('half-open')
    expect(call(breaker, true)).toBe(true)
    expect(breaker.state).toBe('closed')
    expect(changes.at(-1)).toMatchObject({ from: 'half-open', to: 'closed', reason: 'probes-succeeded' })
    expect(breaker.stats()).toMatchObject({ succeeded: 0, failed: 0, errorRatio: 0 })
    clock.advance(1)
    for (let at = 0; at < 9; at++) call(breaker, false)
    expect(breaker.state).toBe('closed')
  })

  test('closes though one of the probes failed, where the ratio allows it', () => {
    const { breaker, probe } = halfOpened()
    breaker.failure(probe)
    call(breaker, true)
    expect(breaker.state).toBe('half-open')
    call(breaker, true)
    expect(breaker.state).toBe('closed')
  })

  test('opens again as soon as too many have failed, for longer each time', () => {
    const { breaker, clock, changes, probe } = halfOpened()
    breaker.failure(probe)
    call(breaker, false)
    expect(changes.at(-1)).toMatchObject({ from: 'half-open', to: 'open', reason: 'probes-failed', openMs: 2000 })
    for (const openMs of [4000, 4000]) {
      clock.advance(breaker.retryAfterMs())
      call(breaker, false)
      call(breaker, false)
      expect(changes.at(-1)).toMatchObject({ to: 'open', openMs })
    }
    expect(breaker.stats().opened).toBe(4)
    // Closed once, it begins with the shortest time again.
    clock.advance(4000)
    call(breaker, true)
    call(breaker, true)
    for (let at = 0; at < 10; at++) call(breaker, false)
    expect(changes.at(-1)).toMatchObject({ from: 'closed', to: 'open', openMs: 1000 })
  })

  test('lets exactly as many pass as there are places', () => {
    const { breaker } = halfOpened()
    const tickets = Array.from({ length: 1000 }, () => breaker.tryAcquire()).filter((ticket) => ticket !== 0)
    expect(tickets).toHaveLength(2)
    expect(breaker.retryAfterMs()).toBe(500)
  })

  test('lets exactly as many pass under 1,000 concurrent callers', async () => {
    for (const probesMax of [1, 5, 32]) {
      const { breaker, clock } = opened({ probesMax })
      clock.advance(1000)
      let under = 0
      const gate = Promise.withResolvers<void>()
      const action = async (): Promise<void> => {
        under++
        await gate.promise
      }
      const callers = Array.from({ length: 1000 }, async () => breaker.run(action))
      await Promise.resolve()
      expect(under).toBe(probesMax)
      gate.resolve()
      const outcomes = await Promise.allSettled(callers)
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(probesMax)
      expect(breaker.state).toBe('closed')
    }
  })

  test('a probe that is cancelled makes room for another', () => {
    const { breaker, probe } = halfOpened({ probesMax: 1 })
    expect(breaker.tryAcquire()).toBe(0)
    breaker.cancel(probe)
    expect(breaker.state).toBe('half-open')
    expect(call(breaker, true)).toBe(true)
    expect(breaker.state).toBe('closed')
  })

  test('a probe that never answers has failed after its time, and nobody is stuck', () => {
    const { breaker, clock, changes, probe } = halfOpened({ probesMax: 1 })
    clock.advance(499)
    expect(breaker.tryAcquire()).toBe(0)
    expect(breaker.retryAfterMs()).toBe(1)
    clock.advance(1)
    expect(breaker.tryAcquire()).toBe(0)
    expect(changes.at(-1)).toMatchObject({ to: 'open', reason: 'probes-silent', openMs: 2000 })
    // It answers at last: too late.
    breaker.success(probe)
    expect(breaker.state).toBe('open')
    expect(breaker.stats().late).toBe(1)
    clock.advance(2000)
    expect(call(breaker, true)).toBe(true)
    expect(breaker.state).toBe('closed')
  })

  test('silence counts from the last place that was taken, and good answers before it count', () => {
    const { breaker, clock } = halfOpened()
    clock.advance(400)
    call(breaker, true)
    clock.advance(400)
    const last = breaker.tryAcquire()
    expect(last).not.toBe(0)
    clock.advance(499)
    expect(breaker.tryAcquire()).toBe(0)
    expect(breaker.state).toBe('half-open')
    breaker.success(last)
    expect(breaker.state).toBe('closed')
  })

  test('the answer to a probe of an earlier phase does not count in a later one', () => {
    const { breaker, clock, probe } = halfOpened({ probesMax: 1 })
    clock.advance(500)
    breaker.tryAcquire()
    clock.advance(2000)
    const second = breaker.tryAcquire()
    expect(second).not.toBe(0)
    breaker.failure(probe)
    expect(breaker.state).toBe('half-open')
    breaker.cancel(probe)
    expect(breaker.tryAcquire()).toBe(0)
    breaker.success(second)
    expect(breaker.state).toBe('closed')
    expect(breaker.stats().late).toBe(2)
  })

  test('a year between two probes is no time at all', () => {
    const { breaker, clock, probe } = halfOpened()
    clock.advance(365 * 86_400_000)
    breaker.success(probe)
    call(breaker, true)
    expect(breaker.state).toBe('closed')
  })
})

test('what a listener throws goes to whoever was there, and the state is right all the same', () => {
  const all = bench({
    ...options,
    onChange: () => {
      throw new Error('listener')
    },
  })
  calls(all, 9, false)
  expect(() => call(all.breaker, false)).toThrow('listener')
  expect(all.breaker.state).toBe('open')
  expect(all.breaker.tryAcquire()).toBe(0)
})

/*
 * What Sentinel's documentation and tests say of its breakers, which are `fixed` with one probe: a ratio of errors or
 * of slow calls in a window of one bucket, a least number of calls, a time to wait, one call to find out.
 */
describe("as Sentinel's", () => {
  const rule = { ...options, requestsMin: 5, probesMax: 1, probeSuccessRatio: 1, openMs: 3000, backoff: 1 } as const

  test('a ratio above the threshold opens it once there are enough calls', () => {
    const all = bench({ ...rule, errorRatioMax: 0.4 })
    calls(all, 2, true)
    calls(all, 2, false)
    expect(all.breaker.state).toBe('closed')
    calls(all, 1, false)
    expect(all.breaker.state).toBe('open')
  })

  test('one call passes after the time to wait; its success closes the circuit and resets the counts', () => {
    const all = bench(rule)
    calls(all, 5, false)
    all.clock.advance(3000)
    const probe = all.breaker.tryAcquire()
    expect([probe !== 0, all.breaker.tryAcquire()]).toEqual([true, 0])
    all.breaker.success(probe)
    expect(all.breaker.stats()).toMatchObject({ state: 'closed', succeeded: 0, failed: 0 })
  })

  test('its failure opens it for the same time again', () => {
    const all = bench(rule)
    calls(all, 5, false)
    for (let round = 0; round < 3; round++) {
      all.clock.advance(2999)
      expect(all.breaker.tryAcquire()).toBe(0)
      all.clock.advance(1)
      expect(call(all.breaker, false)).toBe(true)
      expect(all.breaker.state).toBe('open')
    }
  })
})

test('threads whose clocks were read a moment apart do not take each other for silent', () => {
  const clock = new ManualClock()
  const breaker = createBreaker({ ...options, shared: true, clock, probesMax: 1 })
  const other = attachBreaker(breaker.share(), { clock })
  for (let at = 0; at < 10; at++) call(breaker, false)
  clock.advance(2000)
  const nowMs = clock.nowMs()
  expect(breaker.tryAcquire(nowMs)).not.toBe(0)
  expect(other.tryAcquire(nowMs - 3)).toBe(0)
  expect(breaker.state).toBe('half-open')
})
