import { type ServerScenario, stageVariant, statusAnswer } from '../src/scenario.ts'

/**
 * Question: does one process answer a million pipelined requests a second while the generator runs on the same cores?
 *
 * Claims: 2.1a (an event engine over epoll: one turn of it serves all that has arrived).
 *
 * Method: a lower bound, and of pipelined requests only. A million requests that wait for each other's answers are another
 * matter: 02-http-small tells what one of those costs.
 */
export const million: ServerScenario = {
  name: '02-million',
  question:
    'Do two event loops answer a million pipelined requests a second, 32 deep, while the generator runs on the same two cores?',
  claims: ['2.1a'],
  method:
    'Pipelined GET / over 64 connections of HTTP/1.1 on loopback, 32 requests outstanding on each, each parsed and answered ' +
    'on its own: checked before timing, with 32 requests in one write. Two workers on one port, closed loop from one generating thread on ' +
    'the same cores; a fresh process per arm and round. Comparable with no figure of requests that are not pipelined.',
  answer: statusAnswer,
  phases: [
    {
      name: 'pipelined',
      connections: 64,
      pipeline: 32,
      threads: 1,
      warmupS: 2,
      durationS: 5,
      gives: {
        cpuUsPerRequest: 'serverCpuUsPerRequest',
        generatorCpuUsPerRequest: 'generatorCpuUsPerRequest',
        achievedQps: 'achievedQps',
        latencyMsP50: 'latencyMsP50',
        latencyMsP99: 'latencyMsP99',
      },
    },
  ],
  variants: [stageVariant('02-event-loop', 'io_uring', ['--workers', '2'])],
  peers: ['c-epoll'],
  decidedBy: 'cpuUsPerRequest',
  expectations: [
    {
      claim: '2.1a',
      says: 'at least a million pipelined requests a second are answered',
      measure: 'achievedQps',
      variant: 'io_uring',
      atLeast: 1_000_000,
    },
  ],
  lowerBounds: {
    achievedQps:
      'at least a million is asked, and a generator at its limit has only asked for less than could be answered',
  },
}
