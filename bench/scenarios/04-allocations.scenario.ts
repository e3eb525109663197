import { type Expectation, type Phase, type RightAnswer, type ServerScenario, stageVariant } from '../src/scenario.ts'

const stage = '04-memory-pooling'
/** From everyday code to no allocation. What `unsafe` shows is no way to serve, so it is not timed. */
const variants = ['naive', 'baseline', 'compiled', 'pooled', 'zero'] as const
type Variant = (typeof variants)[number]

/** Every request asks for another item of the catalogue, in an order that looks random, and its answer is made anew. */
const item: RightAnswer = {
  path: '/items/7',
  loadPath: '/items/[1-10000]',
  status: 200,
  contentType: 'application/json',
  body: /^\{"id":7,"title":".+","description":".+","price":\d+,"stock":\d+,"tags":\[.+\]\}$/,
  echoPath: '/echo',
}

/** A leak of half an object of two words per request would show: after a million requests it holds as much as this. */
const plateauBytes = 8 * 1024 * 1024

function asksLess(claim: string, variant: Variant, versus: Variant, says: string): Expectation {
  return { claim, says, measure: 'bytesPerRequest', variant, versus, direction: 'lower' }
}

function plateau(variant: Variant): Expectation {
  return {
    claim: '3.2d',
    says: `once warm, ${variant} holds the same memory a million requests later, within 8 MiB`,
    measure: 'residentGrowthBytes',
    variant,
    atMost: plateauBytes,
  }
}

const closed: Phase = {
  name: 'closed',
  connections: 64,
  // What V8's young generation grows to, and what pools hold, is reached before the measured time.
  warmupS: 5,
  // Fast arms answer about a million requests in it: a collection in a million is then seen.
  durationS: 20,
  gives: {
    cpuUsPerRequest: 'serverCpuUsPerRequest',
    generatorCpuUsPerRequest: 'generatorCpuUsPerRequest',
    achievedQps: 'achievedQps',
    bytesPerRequest: 'heapBytesPerRequest',
    scavengesPerMillion: 'scavengesPerMillion',
    markCompactsPerMillion: 'markCompactsPerMillion',
    gcPauseMsP99: 'gcPauseMsP99',
    residentBytes: 'residentBytes',
    residentGrowthBytes: 'residentGrowthBytes',
    externalBytes: 'externalBytes',
  },
}

/**
 * Question: what does an answer of 1 KB leave to the collector: written as everyday code writes it, by a compiled serializer,
 * into leased buffers, and from parts that were encoded before?
 *
 * Claims: 3.1a (profiles find the allocations), 3.1c (bytes per request), 3.2c (what pools change), 3.2d (a plateau).
 *
 * Method: V8 counts what it allocates and what it collects; the stage shows both on its admin port, which is read right before
 * and right behind the measured load. The same bytes are answered by all.
 */
export const allocations: ServerScenario = {
  name: '04-allocations',
  question:
    'What does an answer of 1 KB leave to the collector: written as everyday code writes it, by a compiled serializer, into ' +
    'leased buffers, and from parts that were encoded before?',
  claims: ['3.1a', '3.1c', '3.2c', '3.2d'],
  method:
    'GET /items/:id, another one of ten thousand each time, over 64 connections of HTTP/1.1 on loopback, one request at a time on each, one thread; a fresh process per ' +
    'arm and round. Bytes, collections and pauses are differences of what V8 counts, read on the admin port right before and ' +
    'right behind the measured part of a closed loop; what reading itself allocates was seen before and is taken off, what ' +
    'opening and closing the connections allocates is not. "Per million" is what happened in the load, divided by its ' +
    'requests, times a million. The p99 of the pauses is read off buckets that are at most a factor of 1.7 apart. Bytes are ' +
    "those of V8's heap; nobody counts what is allocated outside of it, its level is shown. Resident growth is over the " +
    'measured part, behind a warm-up of a quarter of its length. Then an open loop at one rate for all arms.',
  answer: item,
  phases: [
    closed,
    {
      name: 'paced',
      connections: 64,
      // A rate that each arm should hold with a third of a core, so that pauses of the collector are what is late.
      rateQps: 8000,
      warmupS: 1,
      durationS: 20,
      gives: {
        pacedCpuUsPerRequest: 'serverCpuUsPerRequest',
        latencyMsP50: 'latencyMsP50',
        latencyMsP99: 'latencyMsP99',
        latencyMsP999: 'latencyMsP999',
      },
    },
  ],
  variants: variants.map((name) => stageVariant(stage, name)),
  peers: [],
  // As that of every stage's first scenario: the ladder is made of it.
  decidedBy: 'cpuUsPerRequest',
  expectations: [
    { claim: '3.1c', says: 'zero allocates at most 16 bytes per request', ...ofZero('bytesPerRequest', 16) },
    { claim: '3.1c', says: 'zero needs no mark-compact in a million requests', ...ofZero('markCompactsPerMillion', 0) },
    {
      claim: '3.1c',
      says: 'zero needs at most one scavenge in a million requests, which is what may be called none',
      ...ofZero('scavengesPerMillion', 1),
    },
    asksLess('3.1a', 'baseline', 'naive', 'code without its detours allocates less'),
    asksLess('3.1a', 'compiled', 'naive', 'a compiled serializer allocates less than everyday code'),
    asksLess('3.2c', 'pooled', 'baseline', 'leased buffers leave less than objects and strings'),
    asksLess('3.2c', 'zero', 'pooled', 'parts that are encoded already leave less still'),
    {
      claim: '3.2c',
      says: 'the slowest thousandth of requests waits less for zero than for naive',
      measure: 'latencyMsP999',
      variant: 'zero',
      versus: 'naive',
      direction: 'lower',
    },
    plateau('pooled'),
    plateau('zero'),
  ],
}

function ofZero<Of extends Expectation['measure']>(
  measure: Of,
  atMost: number,
): { measure: Of; variant: Variant; atMost: number } {
  return { measure, variant: 'zero', atMost }
}
