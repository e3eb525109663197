import { ManualClock, seededRandom } from '@qps/core'
import { type Breaker, type BreakerChange, type BreakerOptions, createBreaker, type Design } from '@qps/breaker'

/** A breaker on a clock that moves only when told to, with everything that it told of. */
export interface Bench {
  clock: ManualClock
  breaker: Breaker
  changes: BreakerChange[]
}

export const designs: readonly Design[] = ['fixed', 'google', 'adaptive']

/** Windows of ten seconds, so that tests are short; otherwise as the design says. */
export function quick(design: Design, options: Partial<BreakerOptions> = {}): BreakerOptions {
  return { design, windowMs: 10_000, buckets: 40, ...options } as BreakerOptions
}

export function bench(options: BreakerOptions): Bench {
  const clock = new ManualClock()
  const changes: BreakerChange[] = []
  const breaker = createBreaker({
    clock,
    random: seededRandom(6),
    onChange: (change) => void changes.push(change),
    ...options,
  })
  return { clock, breaker, changes }
}

/** One call; true where it passed. */
export function call(breaker: Breaker, good: boolean, durationMs = 1): boolean {
  const ticket = breaker.tryAcquire()
  if (ticket === 0) return false
  if (good) breaker.success(ticket, durationMs)
  else breaker.failure(ticket, durationMs)
  return true
}

/** So many calls, spread over a time. @returns how many passed. */
export function calls({ breaker, clock }: Bench, count: number, good: boolean, overMs = 0): number {
  let passed = 0
  for (let at = 0; at < count; at++) {
    if (call(breaker, good)) passed++
    if (overMs > 0) clock.advance(overMs / count)
  }
  return passed
}
