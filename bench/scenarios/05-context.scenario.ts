import { type Inputs, type ProgramScenario, programVariant } from '../src/scenario.ts'

/** How often a handler awaits something. */
const awaited = (awaits: number): Inputs => ({ awaits })

const cost = { measure: 'nsPerOperation', claim: '4.1a' } as const

/**
 * Question: what does a request pay for its deadline, its cancellation and its trace?
 *
 * Claims: 4.1a (deadlines that are inherited, cancellation that chains).
 *
 * Method: the same handler with nothing, with a context handed over, with one found by AsyncLocalStorage, and with a span.
 */
export const context: ProgramScenario = {
  name: '05-context',
  question:
    'What does a request pay for a deadline that propagates, handed over or found implicitly, and for a trace, recorded or not?',
  claims: ['4.1a'],
  method:
    'An operation is a request: an asynchronous handler gets headers with a traceparent and a budget, awaits something that is ' +
    'there already, as often as the point says, and calls somebody with headers of its own. `none` copies the headers. `explicit` ' +
    'reads a context from them, derives one with a tighter deadline and a place of its own in the trace, looks whether it has ' +
    'ended, writes it into the headers, and disposes of both in `finally`; nobody asks for a signal. `explicit-using` has `using` ' +
    'blocks instead. `implicit` does the same with a context that AsyncLocalStorage has. `trace-unsampled` and `trace-sampled` are `explicit` with a span around the handler, which ' +
    "the caller's flag says to record or not; recorded spans go to the SDK's batches and are thrown away there. The headers " +
    'sent have the same lengths whoever made them, and their sum is part of the result. Nanoseconds by the clock, on one thread.',
  program: {
    settings: {},
    warmupS: 1,
    durationS: 1,
    gives: {
      nsPerOperation: 'figures.nsPerOperation',
      bytesPerOperation: 'figures.bytesPerOperation',
      cpuUsPerOperation: 'cpuUsPerRequest',
    },
  },
  sweep: [4, 1, 16].map((awaits) => ({ inputs: awaited(awaits) })),
  variants: ['none', 'explicit', 'explicit-using', 'implicit', 'trace-unsampled', 'trace-sampled'].map((kind) =>
    programVariant(kind, 'context', ['--kind', kind]),
  ),
  peers: [],
  decidedBy: 'nsPerOperation',
  expectations: [
    { ...cost, says: 'a request with an explicit context takes at most 2.5 µs', variant: 'explicit', atMost: 2500 },
    {
      ...cost,
      says: 'a context that is handed over costs less than one that is found',
      variant: 'explicit',
      versus: 'implicit',
      direction: 'lower',
    },
    {
      ...cost,
      says: 'a request whose trace is not recorded takes at most half as long as one whose trace is',
      variant: 'trace-unsampled',
      versus: 'trace-sampled',
      ratioAtMost: 0.5,
    },
  ],
}
