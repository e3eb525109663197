import { type Inputs, type ProgramScenario, programVariant } from '../src/scenario.ts'

const counts = [1, 2, 4, 8, 16, 32, 64, 256]
const point = (distribution: 'uniform' | 'zipf', shards: number): Inputs => ({ distribution, shards })
const points: Inputs[] = (['uniform', 'zipf'] as const).flatMap((distribution) =>
  counts.map((shards) => point(distribution, shards)),
)
const headline = point('uniform', 32)

/**
 * Question: how many shards does a map need, and does `hash % 32` remove the bottleneck?
 *
 * Claims: 4.2b (32 shards remove the contention).
 *
 * Method: as in 05-shared-map, with more threads than cores that write half of the time, and shards from one to 256.
 */
export const shards: ProgramScenario = {
  name: '05-shards',
  question: 'How many shards does a map need, and does 32 of them remove the bottleneck?',
  claims: ['4.2b'],
  method:
    'The operations of 05-shared-map with string keys, four threads and 50 % reads, on maps of 1 to 256 shards. `sharded` has a ' +
    'read-write lock for each, `optimistic` a lock for its writers only. After Zipf with exponent 0.99 the hottest of 100,000 ' +
    'keys has about a twelfth of all operations: its shard stays hot, however many there are.',
  program: {
    settings: { entries: 100_000, keys: 'string', threads: 4, reads: 50 },
    warmupS: 0.5,
    durationS: 0.5,
    gives: {
      nsPerOperation: 'figures.nsPerOperation',
      nsPerOperationP99: 'figures.nsPerOperationP99',
      cpuUsPerOperation: 'cpuUsPerRequest',
    },
  },
  sweep: [
    { inputs: headline },
    ...points
      .filter((inputs) => inputs['shards'] !== 32 || inputs['distribution'] !== 'uniform')
      .map((inputs) => ({ inputs })),
  ],
  variants: ['sharded', 'optimistic'].map((kind) => programVariant(kind, 'shared-map', ['--kind', kind])),
  peers: [],
  decidedBy: 'nsPerOperation',
  expectations: [
    {
      claim: '4.2b',
      says: '32 shards cost less than one where keys are uniform',
      measure: 'nsPerOperation',
      variant: 'sharded',
      versus: 'sharded',
      versusAt: point('uniform', 1),
      direction: 'lower',
    },
    {
      claim: '4.2b',
      says: 'they do after Zipf',
      measure: 'nsPerOperation',
      variant: 'sharded',
      at: point('zipf', 32),
      versus: 'sharded',
      versusAt: point('zipf', 1),
      direction: 'lower',
    },
  ],
}
