import { type Inputs, type ProgramScenario, programVariant } from '../src/scenario.ts'

const recordFields = [4, 16, 64]
const bufferBytes = [64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576]
/** Acquire and release and nothing else: nobody looks at the object. */
const bare: Inputs = { thing: 'bare', size: 4 }
/** The size of an object is its number of fields, that of a buffer its bytes. */
const object = (size: number): Inputs => ({ thing: 'object', size })
const buffer = (size: number): Inputs => ({ thing: 'buffer', size })
const points: Inputs[] = [bare, ...recordFields.map(object), ...bufferBytes.map(buffer)]

const cost = { measure: 'nsPerOperation' } as const

/**
 * Question: what does it cost to acquire and release, beside making a new one and leaving the old one to the collector, and
 * from which size on does either win?
 *
 * Claims: 3.2a (a pool per kind of object, reset and put back), 3.2b (leases with a generation, close to free in production).
 *
 * Method: the same work on what was acquired, on one thread, with as many held at a time as a server has requests in flight.
 */
export const pool: ProgramScenario = {
  name: '04-pool',
  question:
    'What does it cost to acquire and release an object or a buffer, beside making a new one for the collector, and from which ' +
    'size on does either win?',
  claims: ['3.2a', '3.2b'],
  method:
    'An operation gives back what one of 64 holders has, gets another and fills it: all fields of an object, or one byte in each ' +
    '4 KiB of a buffer, so that its memory is really there; a bare object is neither filled nor read. `plain` makes a new one, for buffers by Buffer.allocUnsafe; ' +
    '`pool` is ours in production mode, `pool-development` in development mode, generic-pool is asked as its documentation says, ' +
    'with await. What was filled is read when it is given back, and the sum is part of the result, so that no compiler ' +
    'leaves the work out. Nanoseconds by the clock, whatever thread collects; CPU of the process tree from the operating ' +
    "system, the collector's threads included; bytes are those of V8's heap, where the contents of buffers are not.",
  program: {
    settings: { held: 64 },
    warmupS: 1,
    durationS: 1,
    gives: {
      nsPerOperation: 'figures.nsPerOperation',
      bytesPerOperation: 'figures.bytesPerOperation',
      cpuUsPerOperation: 'cpuUsPerRequest',
      residentBytes: 'residentBytes',
    },
  },
  sweep: points.map((inputs) => ({ inputs })),
  variants: ['plain', 'pool', 'pool-development'].map((kind) => programVariant(kind, 'pool', ['--kind', kind])),
  peers: ['generic-pool'],
  decidedBy: 'nsPerOperation',
  expectations: [
    {
      claim: '3.2a',
      says: 'in production acquire and release together cost at most 15 ns',
      ...cost,
      variant: 'pool',
      at: bare,
      atMost: 15,
    },
    {
      claim: '3.2b',
      says: 'in production acquire and release allocate less than one byte on average',
      measure: 'bytesPerOperation',
      variant: 'pool',
      at: bare,
      atMost: 1,
    },
    {
      claim: '3.2a',
      says: 'a buffer of 64 KiB from the pool costs less than a new one',
      ...cost,
      variant: 'pool',
      at: buffer(65_536),
      versus: 'plain',
      direction: 'lower',
    },
    {
      claim: '3.2a',
      says: 'a new object of four fields costs less than one from the pool: the collector wins where objects are small',
      ...cost,
      variant: 'plain',
      at: object(4),
      versus: 'pool',
      direction: 'lower',
    },
  ],
}
