import { type ServerScenario, stageVariant, statusAnswer } from '../src/scenario.ts'

const stage = '01-minimal-server'

/**
 * Question: what do limits, a router and metrics cost on top of the article's minimal server, in CPU µs per request, and
 * where does Node's floor stand beside Go, Express, Hono and Bun?
 *
 * Claims: 1.1 (a minimal server carries thousands of requests per second), 1.3 (it is then hardened), 1.7 (it is
 * observed from the start).
 *
 * Method: every arm answers the same bytes to `GET /`. A closed loop saturates it and gives CPU per request and QPS; an
 * open loop at a rate that every arm should hold gives latency without coordinated omission.
 */
export const minimalServer: ServerScenario = {
  name: '01-minimal-server',
  question:
    'What do limits, a router and metrics cost on top of the minimal server, in CPU µs per request, and where does ' +
    "Node's floor stand beside Go, Express, Hono and Bun?",
  claims: ['1.1', '1.3', '1.7'],
  method:
    'Keep-alive GET / over 64 connections of HTTP/1.1 on loopback; a fresh process per arm and round; closed loop for ' +
    'CPU per request and QPS, then an open loop at a fixed rate for latency from the intended start; CPU of the ' +
    'whole process tree from the operating system, over the measured window only.',
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
      // Below what the slowest arm reaches on two cores that it shares with the generator.
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
  variants: ['minimal', 'hardened', 'observed'].map((variant) => stageVariant(stage, variant)),
  peers: ['go-net-http', 'express', 'hono', 'bun'],
  decidedBy: 'cpuUsPerRequest',
  expectations: [
    {
      claim: '1.1',
      says: 'the minimal server carries thousands of requests per second: at least five',
      measure: 'achievedQps',
      variant: 'minimal',
      atLeast: 5000,
    },
    {
      claim: '1.3',
      says: 'limits and a router cost no more than the minimal server itself',
      measure: 'cpuUsPerRequest',
      variant: 'hardened',
      versus: 'minimal',
      ratioAtMost: 2,
    },
    {
      claim: '1.7',
      says: 'metrics are cheap enough to be there from the start: at most a tenth on top of the hardened server',
      measure: 'cpuUsPerRequest',
      variant: 'observed',
      versus: 'hardened',
      ratioAtMost: 1.1,
    },
  ],
}
