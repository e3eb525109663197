import { type Expectation, type ServerScenario, stageVariant, statusAnswer } from '../src/scenario.ts'

const stage = '02-event-loop'
const engines = ['io_uring', 'epoll']

/** A quarter of it is more than are opened: beyond that a server closes idle connections early, and rightly so. */
const roomForAll = ['--connections-max', '40960']

function bounded(variant: string): Expectation[] {
  return [
    {
      claim: '2.1a',
      says: `on ${variant}, an idle connection holds at most 4 KiB beyond the kernel's share`,
      measure: 'bytesPerConnection',
      variant,
      atMost: 4096,
    },
    {
      claim: '2.1b',
      says: `on ${variant}, idle connections use at most a hundredth of a core`,
      measure: 'idleCpuRatio',
      variant,
      atMost: 0.01,
    },
  ]
}

/**
 * Question: what do ten thousand open connections that ask for nothing hold and use?
 *
 * Claims: 2.1a (an event engine over epoll), 2.1b (polling that blocks: a loop without work sleeps).
 *
 * Method: resident memory after a load and without a connection, then with ten thousand that were answered once. The
 * kernel's own memory for a socket is in no process's resident set, and so in none of these figures.
 */
export const idleMemory: ServerScenario = {
  name: '02-idle-memory',
  question: 'What do ten thousand open connections that ask for nothing hold in memory, and what CPU do they use?',
  claims: ['2.1a', '2.1b'],
  method:
    'A closed loop warms the server up. Then its resident memory without a connection is taken from that with 10,000 ' +
    'keep-alive connections of loopback, from addresses of 250 each, all of which were answered once and then stayed silent; ' +
    'CPU of the process tree while they do. A fresh process per arm and round.',
  answer: statusAnswer,
  phases: [
    {
      name: 'closed',
      connections: 64,
      warmupS: 1,
      durationS: 2,
      gives: { cpuUsPerRequest: 'serverCpuUsPerRequest', residentBytes: 'residentBytes' },
    },
  ],
  idle: {
    connections: 10_000,
    // A quarter of what the stages allow one address: see `crowdedRatio` of their limits.
    connectionsPerAddress: 250,
    settleS: 1.5,
    durationS: 5,
    gives: { bytesPerConnection: 'bytesPerConnection', idleCpuRatio: 'idleCpuRatio' },
  },
  variants: [...engines, 'libuv', 'baseline'].map((name) => stageVariant(stage, name, roomForAll)),
  // node:http closes idle connections after 5 s, Bun after 10 s: neither would hold them without other settings.
  peers: ['go-net-http', 'c-epoll'],
  decidedBy: 'bytesPerConnection',
  expectations: engines.flatMap(bounded),
}
