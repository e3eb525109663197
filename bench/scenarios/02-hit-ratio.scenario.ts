import { type ProgramScenario, programVariant } from '../src/scenario.ts'

/**
 * Question: how many requests find an open connection in a pool of 32 at 200 a second, and what spoils it?
 *
 * Claims: 2.2c (a pool of 32, five minutes: over 92 % hits at 200 QPS).
 *
 * Method: a ratio without the load's shape says nothing, so the shape is stated. An idle time that is shorter than the gaps
 * between arrivals shows what the ratio hangs on.
 */
export const hitRatio: ProgramScenario = {
  name: '02-hit-ratio',
  question:
    'How many requests find an open connection in a pool of 32 at 200 a second, and what does a short idle time spoil?',
  claims: ['2.2c'],
  method:
    'Independent arrivals at a mean of 200 per second (Poisson) to a server whose answers take 20 ms on average ' +
    '(exponential), over a pool of at most 32 connections whose idle time is 30 s, and 10 ms. A hit is a request over a ' +
    'connection that has served before. The first requests find an empty pool and count.',
  program: {
    settings: { rate: 200, connections: 32 },
    warmupS: 0,
    durationS: 20,
    gives: {
      hitRatio: 'figures.hitRatio',
      reconnectsPerSecond: 'figures.reconnectsPerSecond',
      resets: 'figures.resets',
      achievedQps: 'achievedQps',
    },
  },
  variants: [
    programVariant('idle-30s', 'hit-ratio', ['--idle-ms', '30000']),
    programVariant('idle-10ms', 'hit-ratio', ['--idle-ms', '10']),
  ],
  peers: [],
  decidedBy: 'hitRatio',
  expectations: [
    {
      claim: '2.2c',
      says: 'more than 92 % of the requests find an open connection',
      measure: 'hitRatio',
      variant: 'idle-30s',
      atLeast: 0.92,
    },
    {
      claim: '2.2c',
      says: 'an idle time of 10 ms spoils the ratio',
      measure: 'hitRatio',
      variant: 'idle-10ms',
      versus: 'idle-30s',
      direction: 'lower',
    },
  ],
}
