import { type Expectation, type ServerScenario, stageVariant, statusAnswer } from '../src/scenario.ts'

const stage = '02-event-loop'

/** CPU per request of a variant is at most so much of that of another arm. */
function atMost(claim: string, variant: string, ratioAtMost: number, versus: string, says: string): Expectation {
  return { claim, says, measure: 'cpuUsPerRequest', variant, versus, ratioAtMost }
}

/**
 * Question: what does a small request cost on an event engine of our own, over io_uring, epoll and libuv, beside node:http,
 * Go, fasthttp, Bun and Fastify, and how far is that from what the kernel alone asks for?
 *
 * Claims: 2.1a (an event engine over epoll), 2.1b (polling that blocks or not).
 *
 * Method: as 01-minimal-server, so that the ladder compares like with like. The reference in C parses nothing: it is the
 * floor under every server that moves these bytes with one thread and epoll.
 */
export const httpSmall: ServerScenario = {
  name: '02-http-small',
  question:
    'What does a small request cost on an event engine of our own, over io_uring, epoll and libuv, beside node:http, Go, ' +
    'fasthttp, Bun and Fastify, and how far is that from what the kernel alone asks for?',
  claims: ['2.1a', '2.1b'],
  method:
    'Keep-alive GET / over 64 connections of HTTP/1.1 on loopback, one request at a time on each; a fresh process per arm ' +
    'and round; closed loop for CPU per request and QPS, then an open loop at a fixed rate for latency from the intended ' +
    'start; CPU of the whole process tree from the operating system, over the measured window only.',
  answer: statusAnswer,
  phases: [
    {
      name: 'closed',
      connections: 64,
      warmupS: 2,
      durationS: 5,
      gives: {
        cpuUsPerRequest: 'serverCpuUsPerRequest',
        generatorCpuUsPerRequest: 'generatorCpuUsPerRequest',
        achievedQps: 'achievedQps',
        residentBytes: 'residentBytes',
      },
    },
    {
      name: 'paced',
      connections: 64,
      // The rate of 01-minimal-server, which its slowest arm holds.
      rateQps: 3000,
      warmupS: 0.5,
      durationS: 5,
      gives: {
        pacedCpuUsPerRequest: 'serverCpuUsPerRequest',
        latencyMsP50: 'latencyMsP50',
        latencyMsP99: 'latencyMsP99',
        latencyMsP999: 'latencyMsP999',
      },
    },
  ],
  variants: ['baseline', 'libuv', 'epoll', 'io_uring', 'fastify-netpoll'].map((name) => stageVariant(stage, name)),
  peers: ['node-http', 'go-net-http', 'fasthttp', 'bun', 'bun-fetch', 'fastify', 'c-epoll'],
  decidedBy: 'cpuUsPerRequest',
  expectations: [
    atMost('2.1a', 'io_uring', 0.4, 'node-http', 'io_uring costs at most two fifths of node:http'),
    atMost('2.1a', 'io_uring', 0.5, 'go-net-http', 'io_uring costs at most half of Go net/http'),
    atMost('2.1a', 'io_uring', 0.9, 'fasthttp', 'io_uring costs at least a tenth less than fasthttp'),
    atMost('2.1a', 'io_uring', 0.9, 'bun-fetch', "io_uring costs at least a tenth less than Bun's fetch handler"),
    atMost('2.1a', 'io_uring', 1.25, 'c-epoll', 'io_uring costs at most a quarter more than C that parses nothing'),
    atMost('2.1a', 'epoll', 0.5, 'node-http', 'epoll costs at most half of node:http'),
    atMost('2.1b', 'libuv', 0.6, 'node-http', 'libuv costs at most three fifths of node:http'),
    atMost('2.1b', 'fastify-netpoll', 0.6, 'fastify', 'Fastify costs at most three fifths of itself on node:http'),
  ],
}
