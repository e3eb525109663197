import { type Expectation, type Inputs, type ProgramScenario, programVariant } from '../src/scenario.ts'

type Point = { keys: 'string' | 'integer'; threads: number; reads: number; distribution: 'uniform' | 'zipf' }

const usual: Point = { keys: 'string', threads: 2, reads: 90, distribution: 'uniform' }
/** For both forms of keys one input after the other is changed; then the corner where writers meet most. */
const changes: Partial<Point>[] = [
  {},
  { reads: 99 },
  { reads: 50 },
  { threads: 1 },
  { threads: 4 },
  { distribution: 'zipf' },
  { distribution: 'zipf', threads: 4, reads: 50 },
]
const points: Inputs[] = [usual, { ...usual, keys: 'integer' } as const].flatMap((from) =>
  changes.map((change) => ({ ...from, ...change })),
)
const integers: Inputs = { ...usual, keys: 'integer' }

const peers = ['go-sync-map', 'go-rwmutex-map', 'go-sharded-map']
const kinds = ['optimistic', 'sharded', 'locked', 'snapshot', 'local', 'owner']
const cost = { claim: '4.2a', measure: 'nsPerOperation' } as const

/** The best of several is beaten where each of them is. */
function asFast(ratioAtMost: number, what: string, at?: Inputs): Expectation[] {
  return peers.map((versus) => ({
    ...cost,
    says: `an operation of the optimistic map takes at most ${ratioAtMost} times as long as one of ${versus}, ${what}`,
    variant: 'optimistic',
    versus,
    ratioAtMost,
    ...(at !== undefined && { at }),
  }))
}

/**
 * Question: which map do threads share best, and how does one of JavaScript's compare with those of Go?
 *
 * Claims: 4.2a (sync.Map, a map under a read-write lock, 32 shards: 124, 98 and 67 of a unit that cannot be the one that is
 * printed beside them, E15).
 *
 * Method: the same operations in the same order, by as many threads or goroutines.
 */
export const sharedMap: ProgramScenario = {
  name: '05-shared-map',
  question: 'Which map do threads share best, and how does one of JavaScript compare with those of Go?',
  claims: ['4.2a'],
  method:
    '100,000 entries, all there from the beginning; a read gets a value, a write sets one of an existing key. Keys are strings of ' +
    'twelve bytes or integers, values are numbers, in Go int64. Each thread, in Go each goroutine, goes round a sequence of its ' +
    'own of 262,144 operations, made by the same generator in both languages, uniform or after Zipf with exponent 0.99. Keys ' +
    'and sequences are made before the clock starts, for sync.Map as interface values; our keys are the same string objects ' +
    'each time. ns/operation is time by the clock divided by the operations of all threads together: two threads that take ' +
    '100 ns each give 50. That is the reciprocal of the rate, so that 14.9 million operations per second are 67 ns, not the ' +
    '67 µs that the article prints. Its p99 is that of batches of 1024 operations of one thread, of 16 with `owner`. CPU is that of ' +
    "the process, collectors included. `local` is a map of each thread's own, which shares nothing: a bound. `owner` is one " +
    'more thread that has the map and is asked by messages, one question of each thread at a time.',
  program: {
    settings: { entries: 100_000 },
    warmupS: 0.5,
    durationS: 0.5,
    gives: {
      nsPerOperation: 'figures.nsPerOperation',
      nsPerOperationP99: 'figures.nsPerOperationP99',
      cpuUsPerOperation: 'cpuUsPerRequest',
      residentBytes: 'residentBytes',
    },
  },
  sweep: points.map((inputs) => ({ inputs })),
  variants: kinds.map((kind) => programVariant(kind, 'shared-map', ['--kind', kind])),
  peers,
  decidedBy: 'nsPerOperation',
  expectations: [
    ...asFast(0.8, 'with two threads, 90 % reads and strings'),
    ...asFast(0.6, 'with integers', integers),
    {
      ...cost,
      says: 'E15: in Go it takes nanoseconds, far from the microseconds of the article, with sync.Map too',
      variant: 'go-sync-map',
      atMost: 1000,
    },
    {
      ...cost,
      says: '32 shards cost less than one lock where four threads write half of the time',
      variant: 'sharded',
      versus: 'locked',
      direction: 'lower',
      at: { ...usual, distribution: 'zipf', threads: 4, reads: 50 },
    },
    {
      ...cost,
      says: 'asking a thread costs at least twenty times as much as shared memory',
      variant: 'owner',
      versus: 'optimistic',
      ratioAtLeast: 20,
    },
  ],
}
