import { type Inputs, type ProgramScenario, programVariant } from '../src/scenario.ts'

/** Callers, each of which asks anew when it has its answer. */
const inFlight = (count: number): Inputs => ({ 'in-flight': count })
const many = inFlight(64)
const one = inFlight(1)

/**
 * Question: what does it cost to have a tiny task done by another thread, one after the other and many at a time?
 *
 * Claims: 4.3a (a worker pool behind a bounded channel).
 *
 * Method: a number is doubled by the one thread of a pool.
 */
export const workerPool: ProgramScenario = {
  name: '05-worker-pool',
  question: 'What does it cost to have a tiny task done by another thread, one after the other and many at a time?',
  claims: ['4.3a'],
  method:
    'A number is doubled by the one other thread of a pool; the caller awaits the result and asks anew. With 1 in flight the time per ' +
    'operation is a round trip between threads that have nothing else to do; with 64 it is what a task takes of the ' +
    'slower of the two threads. `pool` is ours, `post-message` a bare Worker with a number and a map of promises. ' +
    'piscina and tinypool have one thread and may send it as many tasks at a time as are in flight, which is more than their default. ' +
    'Every result is added up, and the sum is part of the result. CPU is that of the process, both threads.',
  program: {
    settings: {},
    warmupS: 1,
    durationS: 2,
    gives: {
      nsPerOperation: 'figures.nsPerOperation',
      operationsPerSecond: 'achievedQps',
      cpuUsPerOperation: 'cpuUsPerRequest',
    },
  },
  sweep: [{ inputs: many, headline: true }, { inputs: one }, { inputs: inFlight(8) }],
  variants: ['pool', 'post-message'].map((kind) => programVariant(kind, 'worker-pool', ['--kind', kind])),
  peers: ['piscina', 'tinypool'],
  decidedBy: 'nsPerOperation',
  expectations: [
    {
      claim: '4.3a',
      says: 'with 64 in flight the pool does at least ten times as many tasks as piscina',
      measure: 'operationsPerSecond',
      variant: 'pool',
      at: many,
      versus: 'piscina',
      ratioAtLeast: 10,
    },
    {
      claim: '4.3a',
      says: 'a round trip of an idle pool takes no longer than one of postMessage',
      measure: 'nsPerOperation',
      variant: 'pool',
      at: one,
      versus: 'post-message',
      ratioAtMost: 1,
    },
  ],
}
