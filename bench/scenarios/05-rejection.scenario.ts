import { type Inputs, type ProgramScenario, programVariant } from '../src/scenario.ts'

/** Offered load, as a multiple of what the pool can do. */
const load = (ratio: number): Inputs => ({ load: ratio })
const policies = ['abort', 'caller-runs', 'discard', 'discard-oldest', 'wait']

/**
 * Question: what is left of a pool's capacity when more is asked of it than it can do, by the policy for what it has no place for?
 *
 * Claims: 4.3a (backpressure), 4.3b (Abort, CallerRuns, Discard), 4.3c.
 *
 * Method: tasks arrive at random instants, at half to three times the rate that the pool's one thread can do.
 */
export const rejection: ProgramScenario = {
  name: '05-rejection',
  question:
    'What is left of the capacity of a pool when more is asked of it than it can do, and how late are its answers, by the policy ' +
    'for tasks that it has no place for?',
  claims: ['4.3a', '4.3b', '4.3c'],
  method:
    'A pool of one thread with 32 places runs hashes of about a millisecond. How many it does in a second is measured first, in the same ' +
    'process. Then tasks are asked for at random instants (Poisson), whether or not the pool keeps up, each with a deadline 50 ms after it ' +
    'was due. Goodput is results within the deadline over what the thread can do in the time; the p99 is that of these results, from ' +
    'the instant at which the task was due. `wait` lets up to 32 more wait for a place, 25 ms at most. With `caller-runs` the thread that ' +
    'asks works too, so that its capacity is that of two threads, and asks later than it should while it does.',
  program: {
    settings: {},
    warmupS: 1,
    durationS: 3,
    gives: {
      goodputRatio: 'figures.goodputRatio',
      latencyMsP50: 'figures.latencyMsP50',
      latencyMsP99: 'figures.latencyMsP99',
      refusedRatio: 'figures.refusedRatio',
      cpuUsPerOperation: 'cpuUsPerRequest',
    },
  },
  sweep: [{ inputs: load(3), headline: true }, ...[0.5, 1, 1.5, 2].map((ratio) => ({ inputs: load(ratio) }))],
  variants: policies.map((policy) => programVariant(policy, 'rejection', ['--policy', policy])),
  peers: [],
  decidedBy: 'goodputRatio',
  expectations: [
    ...['abort', 'discard', 'discard-oldest', 'wait'].map((variant) => ({
      claim: '4.3b',
      says: `at three times the capacity ${variant} still does at least 80 % of it in time`,
      measure: 'goodputRatio' as const,
      variant,
      at: load(3),
      atLeast: 0.8,
    })),
    {
      claim: '4.3b',
      says: 'discard-oldest answers sooner than abort: what it drops is what has waited longest',
      measure: 'latencyMsP50',
      variant: 'discard-oldest',
      at: load(3),
      versus: 'abort',
      direction: 'lower',
    },
    {
      claim: '4.3a',
      says: 'where there is room for all, hardly anything is refused',
      measure: 'refusedRatio',
      variant: 'abort',
      at: load(0.5),
      atMost: 0.01,
    },
  ],
}
