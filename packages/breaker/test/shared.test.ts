import { attachBreaker, type Breaker, commonClock, createBreaker } from '@qps/breaker'
import { ManualClock, sourceFlags } from '@qps/core'
import { hrtime } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { thrownBy } from '@qps/testkit'
import { bench, call, designs, quick } from './harness.ts'
import type { Hammering, Hammered } from './fixtures/hammer.ts'

const workers = 3

/** Threads that hammer at one breaker from the same instant on. */
async function hammer(breaker: Breaker, work: Omit<Hammering, 'handle' | 'gate'>): Promise<Hammered[]> {
  const gate = new Int32Array(new SharedArrayBuffer(8))
  const workerData: Hammering = { ...work, handle: breaker.share(), gate }
  const url = new URL('fixtures/hammer.ts', import.meta.url)
  const running = Array.from({ length: workers }, () => {
    const worker = new Worker(url, { workerData, execArgv: sourceFlags(import.meta.url) })
    return new Promise<Hammered>((resolve, reject) => void worker.once('message', resolve).once('error', reject))
  })
  while (Atomics.load(gate, 0) < workers) await sleep(1)
  Atomics.store(gate, 1, 1)
  Atomics.notify(gate, 1)
  return Promise.all(running)
}

const clock = commonClock(hrtime.bigint)

test('exactly as many probes pass as there are places, in all threads together', async () => {
  for (const probesMax of [1, 5]) {
    const breaker = createBreaker({ design: 'fixed', shared: true, clock, requestsMin: 1, openMs: 1000, probesMax })
    call(breaker, false)
    const results = await hammer(breaker, {
      calls: 20_000,
      atMs: clock.nowMs() + breaker.retryAfterMs(),
      settle: false,
    })
    expect(results.reduce((sum, { passed }) => sum + passed, 0)).toBe(probesMax)
    expect(breaker.state).toBe('half-open')
  }
})

test('what threads count at the same time is all counted, while buckets turn under them', async () => {
  const breaker = createBreaker({ design: 'adaptive', shared: true, clock, windowMs: 60_000, buckets: 600 })
  const results = await hammer(breaker, { calls: 50_000, atMs: 0, settle: true })
  const passed = results.reduce((sum, result) => sum + result.passed, 0)
  expect(passed).toBe(workers * 50_000)
  expect(breaker.stats()).toMatchObject({ succeeded: passed, failed: 0, timed: passed, state: 'closed' })
})

test('a thread sees at once what another has done', () => {
  for (const design of designs) {
    const { breaker, clock: manual, changes } = bench(quick(design, { shared: true }))
    const others: string[] = []
    const other = attachBreaker(breaker.share(), {
      clock: manual,
      onChange: ({ to, reason }) => void others.push(`${to} ${reason}`),
    })
    for (let at = 0; at < 1000; at++) call(other, false)
    expect(breaker.stats().failed).toBe(other.stats().failed)
    expect(breaker.state === other.state || design === 'google').toBe(true)
    while (call(breaker, false));
    expect(others).toHaveLength(1)
    expect(changes[0]!.reason).toBe(design === 'google' ? 'errors' : 'elsewhere')
  }
})

test('a thread that has looked away finds itself in the state of now', () => {
  const { breaker, clock: manual } = bench(quick('adaptive', { shared: true, requestsMin: 5 }))
  const other = attachBreaker(breaker.share(), { clock: manual })
  const before = other.tryAcquire()
  for (let at = 0; at < 5; at++) call(breaker, false)
  manual.advance(1000)
  for (let at = 0; at < 5; at++) call(breaker, true)
  expect(breaker.state).toBe('closed')
  // It is closed for both, and the ticket is of another time.
  other.success(before)
  expect(other.stats()).toMatchObject({ state: 'closed', late: 1, succeeded: breaker.stats().succeeded })
})

test('a clock with another origin is refused', () => {
  const { breaker, clock: manual } = bench(quick('fixed', { shared: true }))
  manual.advance(1000)
  const handle = breaker.share()
  const error = thrownBy(() => attachBreaker(handle, { clock: new ManualClock() }))
  expect(error.code).toBe('QPS_BREAKER_CLOCK')
  expect(error.hint).toContain('commonClock')
})

test('a common clock is its clock plus a constant', () => {
  const manual = new ManualClock()
  const common = commonClock(() => 5_000_000_000n, manual)
  manual.advance(250)
  expect([common.nowMs(), common.wallMs() - manual.wallMs()]).toEqual([5250, 0])
  let rung = 0
  using _once = common.after(10, () => rung++)
  using _again = common.every(10, () => rung++)
  manual.advance(20)
  expect(rung).toBe(3)
  manual.jumpWall(3_600_000)
  expect(common.nowMs()).toBe(5270)
})
