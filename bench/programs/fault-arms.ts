import { type BreakerOptions, createBreaker, goZeroRefinements } from '@qps/breaker'
import { ManualClock, seededRandom } from '@qps/core'
import { circuitBreaker, handleAll, isBrokenCircuitError, SamplingBreaker } from 'cockatiel'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Answer } from './fault-replay.ts'
import { isRefusal, openCircuitBreaker } from './opossum.ts'

/** A call that somebody wants to make: it is sent, and its answer comes through `settle`, or it is refused. */
export interface Offer {
  send(settle: (answer: Answer) => void): void
  refuse(): void
}

/** A breaker on a clock that the replay moves. */
export interface FaultArm extends Disposable {
  nowMs(): number
  advance(ms: number): void
  offer(offer: Offer): void
  /** Resolves when everything has run that was waiting for no time to pass. */
  settled(): Promise<void> | void
}

const ours: Readonly<Record<string, BreakerOptions>> = {
  fixed: { design: 'fixed' },
  google: { design: 'google' },
  'google-refined': { design: 'google', ...goZeroRefinements },
  adaptive: { design: 'adaptive' },
}

export const faultKinds: readonly string[] = [...Object.keys(ours), 'cockatiel', 'opossum']

/** A breaker of a kind, as its defaults are, and where there are none as its documentation's first example is. */
export function faultArm(kind: string, seed: number): FaultArm {
  const options = ours[kind]
  return options === undefined ? libraryArm(kind) : ourArm(options, seed)
}

/** By tickets: nothing is waited for. */
function ourArm(options: BreakerOptions, seed: number): FaultArm {
  const clock = new ManualClock()
  const breaker = createBreaker({ ...options, clock, random: seededRandom(seed) })
  return {
    nowMs: () => clock.nowMs() - 1,
    advance: (ms) => clock.advance(ms),
    settled: () => {},
    [Symbol.dispose]: () => {},
    offer({ send, refuse }) {
      const ticket = breaker.tryAcquire()
      if (ticket === 0) refuse()
      else
        send(({ failed, latencyMs }) => {
          if (failed) breaker.failure(ticket, latencyMs)
          else breaker.success(ticket, latencyMs)
        })
    },
  }
}

/** The libraries take no clock: while one is replayed, `Date` and the timers of the process are those of node:test. */
function libraryArm(kind: string): FaultArm {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 0 })
  const { run, refused } = libraryRun(kind)
  return {
    nowMs: () => Date.now() - 1,
    advance: (ms) => mock.timers.tick(ms),
    settled: () => turn(),
    [Symbol.dispose]: () => mock.timers.reset(),
    offer({ send, refuse }) {
      const action = (): Promise<void> =>
        new Promise((resolve, reject) => {
          send(({ failed }) => {
            if (failed) reject(new Error('the dependency failed'))
            else resolve()
          })
        })
      run(action).catch((error: unknown) => {
        if (refused(error)) refuse()
      })
    },
  }
}

interface Library {
  run: (action: () => Promise<void>) => Promise<void>
  refused: (error: unknown) => boolean
}

function libraryRun(kind: string): Library {
  if (kind === 'opossum') {
    const circuit = openCircuitBreaker<void>({})
    return { run: (action) => circuit.fire(action), refused: isRefusal }
  }
  const breaker = new SamplingBreaker({ threshold: 0.2, duration: 30_000 })
  const policy = circuitBreaker(handleAll, { halfOpenAfter: 10_000, breaker })
  return { run: (action) => policy.execute(action), refused: isBrokenCircuitError }
}
