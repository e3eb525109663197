import { type Expectation, type Inputs, type ProgramScenario, programVariant } from '../src/scenario.ts'

const at = (bytes: number, pairs: number): Inputs => ({ bytes, pairs })
const points = [1, 2].flatMap((pairs) => [16, 256, 4096].map((bytes) => at(bytes, pairs)))

function cheaper(bytes: number, pairs: number, says: string): Expectation {
  const inputs = at(bytes, pairs)
  const shared = { measure: 'cpuUsPerOperation', variant: 'channel', versus: 'post-message' } as const
  return { claim: '4.3a', says, at: inputs, ...shared, direction: 'lower' }
}

/**
 * Question: what does a message from thread to thread cost through shared memory, beside Node's own way?
 *
 * Claims: 4.3a (a buffered channel between producers and workers).
 *
 * Method: threads that send as fast as others receive, with the same number of messages on their way at most.
 */
export const queue: ProgramScenario = {
  name: '05-queue',
  question: 'What does a message from thread to thread cost through a channel in shared memory, beside postMessage?',
  claims: ['4.3a'],
  method:
    'One thread sends to one, or two send to two, as fast as messages are received, with 1024 on their way at most. A message is ' +
    'bytes, 4096 of them through the slab; its receiver gets an array of its own, reads a number in it and adds it up, and at the ' +
    'end the sums must be the same. `channel` blocks its threads where it is full or empty, `channel-batches` moves up to 32 messages ' +
    'per call, `channel-promises` awaits each one on an event loop. `post-message` is a MessageChannel from each sender to each ' +
    'receiver, with a credit sent back for every 32 messages: it has no bound of its own. CPU of all threads from the operating ' +
    'system, per message that was received: sending and receiving together.',
  program: {
    settings: {},
    warmupS: 1,
    durationS: 2,
    gives: {
      cpuUsPerOperation: 'cpuUsPerRequest',
      operationsPerSecond: 'achievedQps',
      nsPerOperation: 'figures.nsPerOperation',
      residentBytes: 'residentBytes',
    },
  },
  sweep: points.map((inputs) => ({ inputs })),
  variants: ['channel', 'channel-batches', 'channel-promises', 'post-message'].map((way) =>
    programVariant(way, 'queue', ['--way', way]),
  ),
  peers: [],
  decidedBy: 'cpuUsPerOperation',
  expectations: [
    {
      claim: '4.3a',
      says: 'a message of 16 bytes costs at most a microsecond of CPU, its sending and its receiving together',
      measure: 'cpuUsPerOperation',
      variant: 'channel',
      at: at(16, 1),
      atMost: 1,
    },
    cheaper(16, 1, 'a message of 16 bytes costs less CPU than by postMessage'),
    cheaper(4096, 1, 'so does one of 4 KiB'),
    cheaper(256, 2, 'so does one of 256 bytes between two senders and two receivers'),
  ],
}
