import { type ServerScenario, stageVariant, statusAnswer } from '../src/scenario.ts'

/** From everything around node:http inward, then the engine in its place: first under Fastify, then alone. */
const onNodeHttp = ['observed', 'hardened', 'minimal'].map((name) => stageVariant('01-minimal-server', name))
const onEngine = ['fastify-netpoll', 'libuv', 'epoll', 'io_uring'].map((name) => stageVariant('02-event-loop', name))

/**
 * Question: which layer of a server allocates how much per request?
 *
 * Claims: 3.1b (zero heap per request): as long as requests come through `node:http`, its share is a floor that no handler
 * gets below.
 *
 * Method: the smallest answer, so that what the handler makes is a timestamp and nothing else; see 04-allocations for how the
 * bytes are counted.
 */
export const layers: ServerScenario = {
  name: '04-layers',
  question:
    'How many bytes of the heap does a request cost, layer by layer: metrics, router and limits, node:http, and the engine ' +
    'instead of it?',
  claims: ['3.1b'],
  method:
    'GET / over 64 connections of HTTP/1.1 on loopback, one request at a time on each, one thread; a fresh process per arm and ' +
    'round. `minimal` is node:http and a handler, `hardened` adds Fastify and the limits, `observed` the metrics; ' +
    '`fastify-netpoll` is `observed` on the engine, the others are the engine without Fastify, with limits and metrics. Bytes ' +
    'are differences of what V8 counts in its heap, read on the admin port right before and right behind the measured part of ' +
    'a closed loop, less what reading itself allocates. `minimal` and `hardened` do not watch the collector.',
  answer: statusAnswer,
  phases: [
    {
      name: 'closed',
      connections: 64,
      warmupS: 3,
      durationS: 10,
      gives: {
        cpuUsPerRequest: 'serverCpuUsPerRequest',
        generatorCpuUsPerRequest: 'generatorCpuUsPerRequest',
        achievedQps: 'achievedQps',
        bytesPerRequest: 'heapBytesPerRequest',
        scavengesPerMillion: 'scavengesPerMillion',
        markCompactsPerMillion: 'markCompactsPerMillion',
        gcPauseMsP99: 'gcPauseMsP99',
        residentBytes: 'residentBytes',
      },
    },
  ],
  variants: [...onNodeHttp, ...onEngine],
  peers: [],
  decidedBy: 'bytesPerRequest',
  expectations: [
    {
      claim: '3.1b',
      says: 'node:http allocates at least 1 KiB per request, whatever the handler does',
      measure: 'bytesPerRequest',
      variant: 'minimal',
      atLeast: 1024,
    },
    {
      claim: '3.1b',
      says: 'on the engine, limits and metrics included, a request allocates at most a tenth of that',
      measure: 'bytesPerRequest',
      variant: 'io_uring',
      versus: 'minimal',
      ratioAtMost: 0.1,
    },
    {
      claim: '3.1b',
      says: 'Fastify and the limits allocate on top of node:http',
      measure: 'bytesPerRequest',
      variant: 'hardened',
      versus: 'minimal',
      direction: 'higher',
    },
  ],
}
