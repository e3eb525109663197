import { createBreaker, type Breaker } from '@qps/breaker'
import { circuitBreaker, handleAll, SamplingBreaker } from 'cockatiel'
import { openCircuitBreaker } from './opossum.ts'
import type { Work } from './repeat.ts'

/** What stands in front of a call: nothing, one of our designs, or a library. */
export const breakerKinds = ['unprotected', 'fixed', 'google', 'adaptive', 'cockatiel', 'opossum'] as const
export type BreakerKind = (typeof breakerKinds)[number]
/** How a call is made. Libraries have promises only, and are asked for these in either case. */
export const breakerCalls = ['sync', 'promise'] as const
export type BreakerCall = (typeof breakerCalls)[number]

/** Sums that need no object of their own. */
const sumMask = 2 ** 30 - 1

/** The operation of 06-breaker: a call that succeeds, and is nothing but a count. */
export function breakerWork(kind: BreakerKind, call: BreakerCall): Work {
  if (kind === 'cockatiel' || kind === 'opossum') return promised(libraryRun(kind))
  if (kind === 'unprotected') return call === 'sync' ? bare() : promised((action) => action())
  const breaker = createBreaker({ design: kind })
  return call === 'sync' ? ticketed(breaker) : promised((action) => breaker.run(action))
}

type Action = () => Promise<number>
type Run = (action: Action) => Promise<number>

function bare(): Work {
  let sum = 0
  return {
    run(count) {
      let total = sum
      for (let done = 0; done < count; done++) total = (total + 1) & sumMask
      sum = total
    },
    get checksum() {
      return sum
    },
  }
}

function ticketed(breaker: Breaker): Work {
  let sum = 0
  return {
    run(count) {
      let total = sum
      for (let done = 0; done < count; done++) {
        const ticket = breaker.tryAcquire()
        if (ticket === 0) continue
        total = (total + 1) & sumMask
        // A duration as a client would have measured it.
        breaker.success(ticket, total & 127)
      }
      sum = total
    },
    get checksum() {
      return sum
    },
  }
}

function promised(run: Run): Work {
  let sum = 0
  const action: Action = async () => 1
  return {
    async run(count) {
      let total = sum
      for (let done = 0; done < count; done++) total = (total + (await run(action))) & sumMask
      sum = total
    },
    get checksum() {
      return sum
    },
  }
}

function libraryRun(kind: 'cockatiel' | 'opossum'): Run {
  if (kind === 'opossum') {
    // No timer per call and no list of durations: what is not part of the question is switched off.
    const circuit = openCircuitBreaker<number>({ timeout: false, rollingPercentilesEnabled: false })
    return (action) => circuit.fire(action)
  }
  const policy = circuitBreaker(handleAll, {
    halfOpenAfter: 10_000,
    breaker: new SamplingBreaker({ threshold: 0.2, duration: 30_000 }),
  })
  return (action) => policy.execute(action)
}
