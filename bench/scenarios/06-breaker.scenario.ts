import { type Inputs, type ProgramScenario, programVariant } from '../src/scenario.ts'

const kinds = ['unprotected', 'fixed', 'google', 'adaptive']
const call = (how: 'sync' | 'promise'): Inputs => ({ call: how })
const cost = { measure: 'nsPerOperation' } as const

/**
 * Question: what does a circuit breaker cost a call that is let through and succeeds?
 *
 * Claims: 4.4a (three designs of a breaker), 4.4b (error rate, QPS and P95 of each call in a window of 60 s).
 *
 * Method: the same call, which does nothing, with and without a breaker in front of it.
 */
export const breaker: ProgramScenario = {
  name: '06-breaker',
  question: 'What does a circuit breaker cost a call that is let through and succeeds?',
  claims: ['4.4a', '4.4b'],
  method:
    'A call adds one to a sum; a breaker of default options is asked for leave before and told of the success ' +
    'behind. At `sync` ours are asked by `tryAcquire` and told by `success`, with a duration, one call after the ' +
    'other on one thread; cockatiel and opossum have promises only, and are asked for these at either point. At ' +
    '`promise` the call is an async function, given to `run`, `execute` or `fire`, and awaited. `unprotected` is ' +
    'the same loop without a breaker: at `sync` next to nothing. The libraries are without a time limit for the ' +
    'call and without percentiles; `adaptive` keeps those, and at `promise` measures the duration of one call in ' +
    'eight where they come this thick. Nanoseconds by the clock; bytes are those of V8’s heap.',
  program: {
    settings: {},
    warmupS: 1,
    durationS: 1,
    gives: {
      nsPerOperation: 'figures.nsPerOperation',
      bytesPerOperation: 'figures.bytesPerOperation',
      cpuUsPerOperation: 'cpuUsPerRequest',
      residentBytes: 'residentBytes',
    },
  },
  sweep: [{ inputs: call('sync'), headline: true }, { inputs: call('promise') }],
  variants: kinds.map((kind) => programVariant(kind, 'breaker', ['--kind', kind])),
  peers: ['cockatiel', 'opossum'],
  decidedBy: 'nsPerOperation',
  expectations: [
    ...['fixed', 'google', 'adaptive'].flatMap((variant) => [
      {
        claim: variant === 'adaptive' ? '4.4b' : '4.4a',
        says: `${variant}: leave and success together cost at most 40 ns`,
        ...cost,
        variant,
        at: call('sync'),
        atMost: 40,
      },
      {
        claim: variant === 'adaptive' ? '4.4b' : '4.4a',
        says: `${variant}: run costs at most half of cockatiel's execute`,
        ...cost,
        variant,
        at: call('promise'),
        versus: 'cockatiel',
        ratioAtMost: 0.5,
      },
    ]),
    {
      claim: '4.4b',
      says: 'adaptive makes no object per call',
      measure: 'bytesPerOperation' as const,
      variant: 'adaptive',
      at: call('sync'),
      atMost: 4,
    },
  ],
}
