import { type RightAnswer, type ServerScenario, stageVariant, type Variant } from '../src/scenario.ts'

const stage = '05-concurrency'

/** Every request adds one to another of ten thousand counters, which all threads have in common. */
const counter: RightAnswer = {
  path: '/counters/7',
  loadPath: '/counters/[1-10000]',
  method: 'POST',
  status: 200,
  contentType: 'application/json',
  body: /^\{"count":\d+\}$/,
  echoPath: '/echo',
}

function sharing(map: string, name = map): Variant {
  return { ...stageVariant(stage, 'shared-map', ['--workers', '2', '--map', map]), name }
}

/**
 * Question: how much of the map is left in what a request costs?
 *
 * Claims: 4.2a (which map is fastest), 4.2b (shards remove the bottleneck).
 *
 * Method: the stage's service, where every request is one update of one entry: the most that a map can matter to a server.
 */
export const counters: ServerScenario = {
  name: '05-counters',
  question: 'Of what a request to a server of two threads costs, how much is the map that they share?',
  claims: ['4.2a', '4.2b'],
  method:
    'POST /counters/:name, another one of ten thousand each time, over 64 connections of HTTP/1.1 on loopback, one request at a ' +
    'time on each; a fresh process per arm and round. Two threads of the server share the counters: in the map that is ' +
    'best (`shared-map`, which is `optimistic`), in 32 shards, in one with a read-write lock, and in one that is made for ' +
    'reading. `one-thread` is the first one on one thread. All share two cores with the generator. Then an open loop at ' +
    'one rate for all arms.',
  answer: counter,
  phases: [
    {
      name: 'closed',
      connections: 64,
      warmupS: 1,
      durationS: 4,
      gives: {
        cpuUsPerRequest: 'serverCpuUsPerRequest',
        generatorCpuUsPerRequest: 'generatorCpuUsPerRequest',
        achievedQps: 'achievedQps',
      },
    },
    {
      name: 'paced',
      connections: 64,
      rateQps: 10_000,
      warmupS: 1,
      durationS: 4,
      gives: {
        pacedCpuUsPerRequest: 'serverCpuUsPerRequest',
        latencyMsP50: 'latencyMsP50',
        latencyMsP99: 'latencyMsP99',
      },
    },
  ],
  variants: [
    sharing('optimistic', 'shared-map'),
    sharing('sharded'),
    sharing('locked'),
    sharing('snapshot'),
    { ...stageVariant(stage, 'shared-map', ['--workers', '1']), name: 'one-thread' },
  ],
  peers: [],
  decidedBy: 'cpuUsPerRequest',
  expectations: [
    {
      claim: '4.2b',
      says: 'one lock around everything costs a request more than a lock per shard',
      measure: 'cpuUsPerRequest',
      variant: 'sharded',
      versus: 'locked',
      direction: 'lower',
    },
    {
      claim: '4.2a',
      says: 'the map that is best costs a request less than one that is made for reading',
      measure: 'cpuUsPerRequest',
      variant: 'shared-map',
      versus: 'snapshot',
      direction: 'lower',
    },
  ],
}
