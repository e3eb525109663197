import { type Expectation, type Phase, type ServerScenario, stageVariant, statusAnswer } from '../src/scenario.ts'

const stage = '02-event-loop'
const variants = ['baseline', 'io_uring']

function load(changes: Pick<Phase, 'headers' | 'pipeline' | 'threads'> = {}): Phase[] {
  return [
    {
      name: 'closed',
      connections: 64,
      warmupS: 1,
      durationS: 4,
      ...changes,
      gives: {
        cpuUsPerRequest: 'serverCpuUsPerRequest',
        generatorCpuUsPerRequest: 'generatorCpuUsPerRequest',
        achievedQps: 'achievedQps',
        latencyMsP50: 'latencyMsP50',
        latencyMsP99: 'latencyMsP99',
      },
    },
  ]
}

function compared(variant: string, connection: string, direction: 'lower' | 'higher', says: string): Expectation {
  const versusAt = { connection: 'kept' }
  return {
    claim: '2.2a',
    says: `on ${variant}, ${says}`,
    measure: 'cpuUsPerRequest',
    variant,
    at: { connection },
    versus: variant,
    versusAt,
    direction,
  }
}

/**
 * Question: what does a connection per request cost, what does keeping it save, and what does pipelining save on top?
 *
 * Claims: 2.2a (keep-alive is the default in HTTP/1.1).
 *
 * Method: the same request and 64 connections at a time in all three. With `Connection: close` every answer ends its
 * connection, and the next request opens another one: three packets and an accept more, and a port that waits.
 */
export const keepAlive: ServerScenario = {
  name: '02-keep-alive',
  question: 'What does a connection per request cost, what does keeping it save, and what does pipelining save on top?',
  claims: ['2.2a'],
  method:
    'GET / over 64 connections of HTTP/1.1 at a time on loopback, closed loop: connections kept, one request at a time; ' +
    'connections closed after each answer (Connection: close) and opened anew; connections kept, with 16 pipelined ' +
    'requests outstanding on each. CPU per request of the server; a fresh process per arm, input and round.',
  answer: statusAnswer,
  phases: load(),
  sweep: [
    { inputs: { connection: 'kept' } },
    { inputs: { connection: 'closed' }, phases: load({ headers: { Connection: 'close' } }) },
    { inputs: { connection: 'pipelined' }, phases: load({ pipeline: 16, threads: 2 }) },
  ],
  variants: variants.map((name) => stageVariant(stage, name)),
  peers: ['node-http'],
  decidedBy: 'cpuUsPerRequest',
  expectations: variants.flatMap((variant) => [
    compared(variant, 'closed', 'higher', 'a connection per request costs more than one that is kept'),
    compared(variant, 'pipelined', 'lower', 'a pipelined request costs less than one that waits for its turn'),
  ]),
}
