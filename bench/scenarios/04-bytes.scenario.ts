import { type Expectation, type Inputs, type ProgramScenario, programVariant } from '../src/scenario.ts'

/** What is written in eight pieces has its bytes in its name. */
const points: Inputs[] = ['head', 'names', 'number', 'write-1024', 'write-16384', 'write-262144'].map((task) => ({
  task,
}))

function cheaper(claim: string, at: Inputs, says: string): Expectation {
  return { claim, says, measure: 'nsPerOperation', variant: 'bytes', at, versus: 'strings', direction: 'lower' }
}

/**
 * Question: what is saved where a service works on the bytes that it was given, and makes strings and copies only for who asks?
 *
 * Claims: 3.3a (string to bytes without a copy): here by not converting at all.
 *
 * Method: two ways to do the same, with the same outcome, which is compared before anything is timed.
 */
export const bytes: ProgramScenario = {
  name: '04-bytes',
  question:
    'What is saved where a service works on the bytes that it was given, and makes strings and copies only for whoever asks?',
  claims: ['3.3a'],
  method:
    'Two ways to do the same. `head`: a request head of twelve fields is parsed, and all its fields are decoded, or the one that ' +
    'is asked for. `names`: a field name of 24 that recur is decoded each time, or looked up by its bytes in an intern table. ' +
    '`number`: a number is made a string and copied into a buffer, or written as digits. `write-N`: eight pieces, N bytes ' +
    'together, are copied into one buffer and written to a socket of node:net, or written in one vectored write; ' +
    'another thread reads them. Nanoseconds by the clock on the thread that works, CPU of the whole process from the operating ' +
    "system; bytes are those of V8's heap.",
  program: {
    settings: {},
    warmupS: 2,
    durationS: 1,
    gives: {
      nsPerOperation: 'figures.nsPerOperation',
      bytesPerOperation: 'figures.bytesPerOperation',
      cpuUsPerOperation: 'cpuUsPerRequest',
    },
  },
  sweep: points.map((inputs) => ({ inputs })),
  variants: ['strings', 'bytes'].map((way) => programVariant(way, 'bytes', ['--way', way])),
  peers: [],
  decidedBy: 'nsPerOperation',
  expectations: [
    cheaper('3.3a', { task: 'head' }, 'decoding the one field that is asked for costs less than decoding all'),
    cheaper('3.3a', { task: 'names' }, 'the same string again costs less than a new one of the same bytes'),
    cheaper('3.3a', { task: 'number' }, 'writing digits costs less than a string and its copy'),
    cheaper('3.3a', { task: 'write-262144' }, 'pieces of 32 KiB cost less in a vectored write than copied together'),
    {
      claim: '3.3a',
      says: 'an interned name allocates less than one byte on average',
      measure: 'bytesPerOperation',
      variant: 'bytes',
      at: { task: 'names' },
      atMost: 1,
    },
    {
      claim: '3.3a',
      says: 'so does a number that is written as digits',
      measure: 'bytesPerOperation',
      variant: 'bytes',
      at: { task: 'number' },
      atMost: 1,
    },
  ],
}
