import { type ServerScenario, stageVariant, statusAnswer } from '../src/scenario.ts'

const stage = '02-event-loop'
/** Two event loops. Go's servers have both cores without being told; node:http and the other arms have one loop. */
const twoLoops = { ...stageVariant(stage, 'io_uring', ['--workers', '2']), name: 'io_uring-2' }

/**
 * Question: how many pipelined requests a second does each server answer when sixteen of them wait on every connection?
 *
 * Claims: 2.1a (an event engine over epoll: one turn of it serves all that has arrived).
 *
 * Method: pipelining takes the system calls out of the comparison and leaves parsing, routing and answering. The figures
 * are of pipelined requests and are comparable with no others.
 */
export const httpPipelined: ServerScenario = {
  name: '02-http-pipelined',
  question: 'How many pipelined requests a second does each server answer, 16 deep on every connection?',
  claims: ['2.1a'],
  method:
    'Pipelined GET / over 64 connections of HTTP/1.1 on loopback, 16 requests outstanding on each, each parsed and answered ' +
    'on its own: checked before timing, with 32 requests in one write. Closed loop from one generating thread, which ' +
    'shares the cores with the server; a fresh process per arm and round. Arms of Node and Bun have one event loop, but ' +
    'io_uring-2, which has two; those of Go have both cores.',
  answer: statusAnswer,
  phases: [
    {
      name: 'pipelined',
      connections: 64,
      pipeline: 16,
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
  variants: [...['io_uring', 'epoll', 'libuv'].map((name) => stageVariant(stage, name)), twoLoops],
  peers: ['node-http', 'go-net-http', 'fasthttp', 'bun-fetch', 'c-epoll'],
  decidedBy: 'cpuUsPerRequest',
  expectations: [
    {
      claim: '2.1a',
      says: 'io_uring answers at least twelve times as many pipelined requests as node:http',
      measure: 'achievedQps',
      variant: 'io_uring',
      versus: 'node-http',
      ratioAtLeast: 12,
    },
    {
      claim: '2.1a',
      says: 'on two loops, io_uring answers at least twice as many pipelined requests as fasthttp, which has both cores too',
      measure: 'achievedQps',
      variant: twoLoops.name,
      versus: 'fasthttp',
      ratioAtLeast: 2,
    },
  ],
}
