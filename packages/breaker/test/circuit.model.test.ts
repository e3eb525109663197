import { attachBreaker, type Breaker, createBreaker, type Design } from '@qps/breaker'
import { ManualClock, seededRandom } from '@qps/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isProbe, ticketGeneration } from '../src/state-word.ts'

/*
 * Several threads on one circuit, in any order of calls, answers, silences and time. After each step every promise of
 * the circuit's docstring is checked; at the end the other side is well again, and the circuit must close.
 */
const threads = 3
const probesMax = 3
const probeTimeoutMs = 500
const openMsMax = 4000

interface Held {
  breaker: Breaker
  ticket: number
}

class Harness {
  readonly clock = new ManualClock()
  readonly breakers: Breaker[]
  readonly held: Held[] = []
  /** Places for probes that are taken or used up, by generation. */
  readonly probes = new Map<number, number>()

  constructor(design: Design) {
    const hooks = { clock: this.clock, random: seededRandom(4) }
    const owner = createBreaker({
      design: design as 'fixed',
      shared: true,
      windowMs: 2000,
      buckets: 10,
      requestsMin: 4,
      openMs: 500,
      openMsMax,
      backoff: 2,
      jitter: 0.3,
      probesMax,
      probeSuccessRatio: 0.6,
      probeTimeoutMs,
      ...hooks,
    })
    this.breakers = [owner, ...Array.from({ length: threads - 1 }, () => attachBreaker(owner.share(), hooks))]
  }

  acquire(thread: number): void {
    const breaker = this.breakers[thread]!
    const openMs = breaker.state === 'open' ? breaker.retryAfterMs() : 0
    const ticket = breaker.tryAcquire()
    if (ticket === 0) must(breaker.state !== 'closed', 'what is closed lets all pass')
    else {
      must(openMs === 0, 'nothing passes while it is open')
      must(isProbe(ticket) === (breaker.state === 'half-open'), 'half-open, all are probes')
      this.held.push({ breaker, ticket })
      if (isProbe(ticket)) this.#place(ticket, 1)
    }
  }

  settle(at: number, how: 'success' | 'failure' | 'cancel'): void {
    if (this.held.length === 0) return
    const [{ breaker, ticket }] = this.held.splice(at % this.held.length, 1) as [Held]
    breaker[how](ticket)
    if (how === 'cancel' && isProbe(ticket)) this.#place(ticket, -1)
  }

  check(): void {
    must(new Set(this.breakers.map(({ state }) => state)).size === 1, 'all threads see one state')
    const waits = this.breakers.map((breaker) => breaker.retryAfterMs())
    must(new Set(waits).size === 1, 'all threads wait for as long')
    must(waits[0]! <= Math.max(openMsMax, probeTimeoutMs), 'nobody waits for longer than that')
  }

  recover(): void {
    const [breaker] = this.breakers as [Breaker]
    for (let round = 0; round < 3 && breaker.state !== 'closed'; round++) {
      this.clock.advance(openMsMax + probeTimeoutMs)
      for (let call = 0; call <= probesMax; call++) {
        const ticket = breaker.tryAcquire()
        if (ticket !== 0) breaker.success(ticket)
      }
    }
    must(breaker.state === 'closed', 'nothing gets stuck')
  }

  #place(ticket: number, change: number): void {
    const generation = ticketGeneration(ticket)
    const taken = (this.probes.get(generation) ?? 0) + change
    this.probes.set(generation, taken)
    must(taken <= probesMax, 'there are no more places')
  }
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`broken: ${what}`)
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ act: fc.constant('acquire' as const), thread: fc.nat({ max: threads - 1 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('settle' as const),
      at: fc.nat({ max: 50 }),
      how: fc.constantFrom('success', 'failure', 'failure', 'cancel'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 1500 }) }) },
)

test.each<Design>(['fixed', 'adaptive'])('no history of several threads breaks a promise: %s', (design) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
      const all = new Harness(design)
      for (const taken of steps) {
        if (taken.act === 'acquire') all.acquire(taken.thread)
        else if (taken.act === 'settle') all.settle(taken.at, taken.how)
        else all.clock.advance(taken.ms)
        all.check()
      }
      all.recover()
    }),
    { numRuns: 100 },
  )
})

test('the histories above go through all states', () => {
  const seen = new Set<string>()
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
      const all = new Harness('fixed')
      for (const taken of steps) {
        if (taken.act === 'acquire') all.acquire(taken.thread)
        else if (taken.act === 'settle') all.settle(taken.at, taken.how)
        else all.clock.advance(taken.ms)
        seen.add(all.breakers[0]!.state)
      }
    }),
    { numRuns: 100, seed: 1 },
  )
  expect([...seen].toSorted()).toEqual(['closed', 'half-open', 'open'])
})
