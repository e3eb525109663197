import { type ProgramScenario, programVariant, stageVariant, statusAnswer } from '../src/scenario.ts'

const kinds = ['shared', 'sharded', 'per-worker', 'coalescing']

/**
 * Question: what does a request cost the client that sends it, with one pool for all, with a pool per shard or thread, and
 * where writes are coalesced?
 *
 * Claims: 2.4a (the default transport is a hot spot, and transports of one's own are not).
 *
 * Method: the same requests from each, and the same checks on their answers. The server costs what it costs: only the
 * client's process is accounted.
 */
export const client: ProgramScenario = {
  name: '02-client',
  question:
    'What does a request cost the client that sends it: over one undici Agent, over a pool per shard, over a pool per thread, ' +
    'and over the engine, which coalesces writes?',
  claims: ['2.4a'],
  method:
    'A closed loop of GET / over 64 connections of HTTP/1.1 on loopback, one request at a time on each and then 16 pipelined; ' +
    'two shards, two threads. Each arm is a process that does nothing else, and sends to a fresh server in C; it checks ' +
    'status and length of every answer and counts the bytes. CPU of its process tree, from the operating system, over the ' +
    'measured time only, per request that it completed.',
  program: {
    settings: { connections: 64, parts: 2 },
    target: { peer: 'c-epoll', otherwise: stageVariant('02-event-loop', 'io_uring'), answer: statusAnswer },
    warmupS: 2,
    durationS: 5,
    gives: { clientCpuUsPerRequest: 'cpuUsPerRequest', achievedQps: 'achievedQps', residentBytes: 'residentBytes' },
  },
  sweep: [{ inputs: { pipeline: 1 } }, { inputs: { pipeline: 16 } }],
  variants: kinds.map((kind) => programVariant(kind, 'dispatcher', ['--kind', kind])),
  peers: [],
  decidedBy: 'clientCpuUsPerRequest',
  expectations: [1, 16].map((pipeline) => ({
    claim: '2.4a',
    says: `with ${pipeline} outstanding on a connection, a request over one undici Agent costs at least five times one that is coalesced`,
    measure: 'clientCpuUsPerRequest',
    variant: 'coalescing',
    at: { pipeline },
    versus: 'shared',
    ratioAtMost: 0.2,
  })),
}
