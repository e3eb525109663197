import { attachBreaker, type Breaker, createBreaker, type Design } from '@qps/breaker'
import { ManualClock, seededRandom } from '@qps/core'
import { describe, expect, test } from 'vitest'
import { rejectionOf, thrownBy } from '@qps/testkit'
import { type Bench, bench, call, calls, designs, quick } from './harness.ts'

/** The same promises, whether the breaker is alone or is one of several on the same cells. */
const makers: Record<string, (design: Design) => Bench> = {
  alone: (design) => bench(quick(design)),
  attached: (design) => {
    const clock = new ManualClock()
    const owner = createBreaker(quick(design, { shared: true, clock }))
    const changes: Bench['changes'] = []
    const onChange: (change: Bench['changes'][number]) => void = (change) => void changes.push(change)
    const breaker = attachBreaker(owner.share(), { clock, onChange, random: seededRandom(6) })
    return { clock, breaker, changes }
  },
}

const cases = designs.flatMap((design) => Object.entries(makers).map(([how, make]) => ({ design, how, make })))

describe.each(cases)('$design, $how', ({ design, make }) => {
  test('lets everything pass while nothing fails', () => {
    const all = make(design)
    expect(calls(all, 1000, true, 20_000)).toBe(1000)
    expect(all.breaker.state).toBe('closed')
    expect(all.changes).toEqual([])
    expect(all.breaker.retryAfterMs()).toBe(0)
  })

  test('lets a few failures pass', () => {
    const all = make(design)
    expect(calls(all, 1000, true, 5000)).toBe(1000)
    expect(calls(all, 50, false, 500)).toBe(50)
    expect(calls(all, 100, true, 500)).toBe(100)
    expect(all.breaker.state).toBe('closed')
  })

  test('spares a dependency that is down, and finds out when it is up', () => {
    const all = make(design)
    calls(all, 200, true, 1000)
    const sent = calls(all, 10_000, false, 50_000)
    expect(sent).toBeLessThan(2500)
    expect(all.breaker.state).not.toBe('closed')
    expect(all.changes[0]).toMatchObject({ name: design, from: 'closed', reason: 'errors' })
    // The longest time that any of them stays open, and then some calls.
    all.clock.advance(60_000)
    calls(all, 1000, true, 20_000)
    expect(calls(all, 100, true, 1000)).toBe(100)
    expect(all.breaker.state).toBe('closed')
  })

  test('never gets stuck, whatever probes do', () => {
    const all = make(design)
    calls(all, 1000, false, 5000)
    for (let round = 0; round < 20; round++) {
      all.clock.advance(60_000)
      // They get their tickets and are never heard of again.
      for (let at = 0; at < 100; at++) all.breaker.tryAcquire()
    }
    all.clock.advance(120_000)
    calls(all, 1000, true, 30_000)
    expect(all.breaker.state).toBe('closed')
  })

  test('does not count what was cancelled, neither as success nor as failure', () => {
    const { breaker } = make(design)
    for (let at = 0; at < 1000; at++) breaker.cancel(breaker.tryAcquire())
    expect(breaker.stats()).toMatchObject({ succeeded: 0, failed: 0, cancelled: 1000, errorRatio: 0, state: 'closed' })
  })

  test('counts what it sees', () => {
    const all = make(design)
    calls(all, 30, true, 300)
    calls(all, 10, false, 100)
    expect(all.breaker.stats()).toMatchObject({ design, succeeded: 30, failed: 10, errorRatio: 0.25, refused: 0 })
    expect(all.breaker.stats().rateQps).toBeCloseTo(40)
    all.clock.advance(20_000)
    expect(all.breaker.stats()).toMatchObject({ succeeded: 0, failed: 0, errorRatio: 0, rateQps: 0 })
  })

  test('a jump of the wall clock changes nothing', () => {
    const [steady, jumping] = [make(design), make(design)]
    for (const good of [true, false, true, false]) {
      jumping.clock.jumpWall(3_600_000)
      expect(calls(jumping, 300, good, 3000)).toBe(calls(steady, 300, good, 3000))
      jumping.clock.jumpWall(-7_200_000)
      expect(jumping.breaker.stats()).toEqual(steady.breaker.stats())
    }
  })

  test('a clock that begins a year ago is as good as any other', () => {
    const all = make(design)
    all.clock.advance(365 * 86_400_000)
    calls(all, 200, true, 1000)
    calls(all, 2000, false, 10_000)
    expect(all.breaker.state).not.toBe('closed')
    all.clock.advance(365 * 86_400_000)
    calls(all, 1000, true, 20_000)
    expect(all.breaker.state).toBe('closed')
  })

  test('a ticket of 0 has no outcome', () => {
    const { breaker } = make(design)
    for (const settle of [breaker.success, breaker.failure, breaker.cancel]) {
      expect(() => settle.call(breaker, 0)).toThrow(/refused/)
    }
  })
})

describe.each(designs)('run: %s', (design) => {
  test('gives what the action gives, and throws what it throws', async () => {
    const { breaker } = bench(quick(design))
    expect(await breaker.run(async () => 'value')).toBe('value')
    expect(await breaker.run(() => 'no promise')).toBe('no promise')
    await expect(breaker.run(() => Promise.reject(new Error('down')))).rejects.toThrow('down')
    await expect(
      breaker.run(() => {
        throw new Error('at once')
      }),
    ).rejects.toThrow('at once')
    expect(breaker.stats()).toMatchObject({ succeeded: 2, failed: 2 })
  })

  test('refuses with an error that says when to come back', async () => {
    const all = bench(quick(design))
    calls(all, 3000, false, 3000)
    while (call(all.breaker, false));
    const error = await rejectionOf(refusedRun(all.breaker))
    expect(error).toMatchObject({ code: 'QPS_BREAKER_OPEN', retryable: true })
    expect(error.message).toContain(`breaker "${design}"`)
    expect(error.retryAfterMs).toBeGreaterThan(0)
  })

  test('tells the action of the signal, and does not hold a cancellation against the other side', async () => {
    const { breaker } = bench(quick(design))
    const controller = new AbortController()
    const running = breaker.run((signal) => untilAborted(signal!), { signal: controller.signal })
    controller.abort(new Error('the client has gone'))
    await expect(running).rejects.toThrow('the client has gone')
    expect(breaker.stats()).toMatchObject({ succeeded: 0, failed: 0, cancelled: 1 })
    const called: number[] = []
    await expect(breaker.run(() => called.push(1), { signal: controller.signal })).rejects.toThrow('gone')
    expect(called).toEqual([])
    expect(breaker.stats()).toMatchObject({ cancelled: 1 })
  })

  test('holds a deadline against the other side', async () => {
    const { breaker } = bench(quick(design))
    await expect(breaker.run((signal) => untilAborted(signal!), { signal: AbortSignal.timeout(1) })).rejects.toThrow()
    expect(breaker.stats()).toMatchObject({ failed: 1, cancelled: 0 })
  })

  test('judges by the given classification', async () => {
    const { breaker } = bench(
      quick(design, {
        classifyError: (error) => ((error as Error).message === 'not found' ? 'success' : 'failure'),
        classifyResult: (result) => ((result as { status: number }).status >= 500 ? 'failure' : 'success'),
      }),
    )
    await breaker.run(async () => ({ status: 503 }))
    await breaker.run(async () => ({ status: 200 }))
    await expect(breaker.run(() => Promise.reject(new Error('not found')))).rejects.toThrow('not found')
    expect(breaker.stats()).toMatchObject({ succeeded: 2, failed: 1 })
  })

  test('a classification that throws has not found a success', async () => {
    const classifyResult = (): never => {
      throw new Error('no idea')
    }
    const { breaker } = bench(quick(design, { classifyResult }))
    await expect(breaker.run(async () => 1)).rejects.toThrow('no idea')
    expect(breaker.stats()).toMatchObject({ succeeded: 0, failed: 1 })
  })
})

test('a breaker of its own cannot be shared', () => {
  expect(thrownBy(() => bench(quick('fixed')).breaker.share()).code).toBe('QPS_BREAKER_LOCAL')
})

async function refusedRun(breaker: Breaker): Promise<never> {
  // `google` lets one pass now and then.
  for (;;) await breaker.run(() => undefined)
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
}
