import { BufferPool, type BufferLease, type Lease, ObjectPool, type PoolMode } from '@qps/pool'
import { type FilledRecord, type RecordClass, recordClass } from './record-class.ts'
import type { Work } from './repeat.ts'

/** How things are come by: new ones each time, our pool in one of its modes, or generic-pool. */
export const poolKinds = ['plain', 'pool', 'pool-development', 'generic-pool'] as const
export type PoolKind = (typeof poolKinds)[number]

/**
 * What is come by: an object of so many fields, which are filled and read, or a buffer of so many bytes. `bareFields`: an object
 * again, and nobody looks at it, so that nothing but acquire and release is left.
 */
export type Wanted = { fields: number } | { bareFields: number } | { bytes: number }

/** Memory is given to a process in pieces of this, at the first write to one. */
const pageBytes = 4096
/** Numbers, and sums of them, that need no object of their own: in V8 a variable that a closure shares holds no other without one. */
const seedMask = 2 ** 24 - 1

/**
 * The operation of 04-pool: one of `held` holders gives back what it has, reading it once more, gets another and fills it.
 *
 * @param held a power of two: so many are held at a time.
 */
export async function poolWork(kind: PoolKind, wanted: Wanted, held: number): Promise<Work> {
  if (kind === 'generic-pool') return genericWork(wanted, held)
  if ('bareFields' in wanted) {
    const Filled = recordClass(wanted.bareFields)
    return kind === 'plain' ? bareRecords(Filled, held) : bareLeases(recordPool(Filled, kind, held), held)
  }
  if ('fields' in wanted) {
    const Filled = recordClass(wanted.fields)
    return kind === 'plain' ? plainRecords(Filled, held) : leasedRecords(recordPool(Filled, kind, held), held)
  }
  return kind === 'plain'
    ? plainBuffers(wanted.bytes, held)
    : leasedBuffers(wanted.bytes, bufferPool(kind, wanted.bytes, held), held)
}

function plainRecords(Filled: RecordClass, held: number): Work {
  const ring = Array.from({ length: held }, () => new Filled(0))
  let seed = 0
  let sum = 0
  return {
    run(count) {
      let at = seed
      let total = sum
      for (let done = 0; done < count; done++) {
        const place = at & (held - 1)
        total = (total + ring[place]!.last()) | 0
        ring[place] = new Filled(at)
        at = (at + 1) & seedMask
      }
      seed = at
      sum = total
    },
    get checksum() {
      return sum >>> 0
    },
  }
}

function recordPool(Filled: RecordClass, kind: PoolKind, held: number): ObjectPool<FilledRecord> {
  const create = (): FilledRecord => new Filled(0)
  // Whoever gets one fills all of it: there is nothing to reset.
  return new ObjectPool({ create, carries: 'everything', sizeMax: held, mode: modeOf(kind) })
}

function leasedRecords(pool: ObjectPool<FilledRecord>, held: number): Work {
  const ring: Lease<FilledRecord>[] = Array.from({ length: held }, () => pool.acquire())
  let seed = 0
  let sum = 0
  return {
    run(count) {
      let at = seed
      let total = sum
      for (let done = 0; done < count; done++) {
        const place = at & (held - 1)
        const old = ring[place]!
        total = (total + old.value.last()) | 0
        old.release()
        const lease = pool.acquire()
        lease.value.fill(at)
        ring[place] = lease
        at = (at + 1) & seedMask
      }
      seed = at
      sum = total
    },
    get checksum() {
      return sum >>> 0
    },
  }
}

function bareRecords(Filled: RecordClass, held: number): Work {
  const ring = Array.from({ length: held }, () => new Filled(0))
  let next = 0
  return {
    run(count) {
      let at = next
      for (let done = 0; done < count; done++) {
        ring[at & (held - 1)] = new Filled(0)
        at = (at + 1) & seedMask
      }
      next = at
    },
    get checksum() {
      return next
    },
  }
}

function bareLeases(pool: ObjectPool<FilledRecord>, held: number): Work {
  const ring: Lease<FilledRecord>[] = Array.from({ length: held }, () => pool.acquire())
  let next = 0
  return {
    run(count) {
      let at = next
      for (let done = 0; done < count; done++) {
        const place = at & (held - 1)
        ring[place]!.release()
        ring[place] = pool.acquire()
        at = (at + 1) & seedMask
      }
      next = at
    },
    get checksum() {
      return next
    },
  }
}

function plainBuffers(bytes: number, held: number): Work {
  const ring = Array.from({ length: held }, () => Buffer.alloc(bytes))
  let seed = 0
  let sum = 0
  return {
    run(count) {
      let at = seed
      let total = sum
      for (let done = 0; done < count; done++) {
        const place = at & (held - 1)
        total = (total + ring[place]![0]!) | 0
        const buffer = Buffer.allocUnsafe(bytes)
        touch(buffer, at)
        ring[place] = buffer
        at = (at + 1) & seedMask
      }
      seed = at
      sum = total
    },
    get checksum() {
      return sum >>> 0
    },
  }
}

function bufferPool(kind: PoolKind, bytes: number, held: number): BufferPool {
  // Slabs are whole: a small class has more buffers than are held.
  return new BufferPool({ bytesMax: 2 * Math.max(1024 * 1024, held * bytes), mode: modeOf(kind) })
}

function leasedBuffers(bytes: number, pool: BufferPool, held: number): Work {
  const ring: BufferLease[] = Array.from({ length: held }, () => zeroed(pool.acquire(bytes)))
  let seed = 0
  let sum = 0
  return {
    run(count) {
      let at = seed
      let total = sum
      for (let done = 0; done < count; done++) {
        const place = at & (held - 1)
        const old = ring[place]!
        total = (total + old.bytes[0]!) | 0
        old.release()
        const lease = pool.acquire(bytes)
        touch(lease.bytes, at)
        ring[place] = lease
        at = (at + 1) & seedMask
      }
      seed = at
      sum = total
    },
    get checksum() {
      return sum >>> 0
    },
  }
}

function zeroed(lease: BufferLease): BufferLease {
  lease.bytes.fill(0)
  return lease
}

/** A byte of each page is written: memory that nobody has touched is not there yet. */
function touch(bytes: Uint8Array, seed: number): void {
  for (let at = 0; at < bytes.length; at += pageBytes) bytes[at] = seed
}

function modeOf(kind: PoolKind): PoolMode {
  return kind === 'pool' ? 'production' : 'development'
}

/** generic-pool, whose acquire is a promise: it is made for connections. */
async function genericWork(wanted: Wanted, held: number): Promise<Work> {
  const { default: library } = await import('generic-pool')
  const make = async <Thing extends object>(
    create: () => Thing,
    fill: (thing: Thing, seed: number) => void,
    read: (thing: Thing) => number,
  ): Promise<Work> => {
    const pool = library.createPool({ create: async () => create(), destroy: async () => {} }, { max: held })
    const ring = await Promise.all(Array.from({ length: held }, () => pool.acquire()))
    let seed = 0
    let sum = 0
    return {
      async run(count) {
        let at = seed
        let total = sum
        for (let done = 0; done < count; done++) {
          const place = at & (held - 1)
          const old = ring[place]!
          total = (total + read(old)) | 0
          await pool.release(old)
          const thing = await pool.acquire()
          fill(thing, at)
          ring[place] = thing
          at = (at + 1) & seedMask
        }
        seed = at
        sum = total
      },
      get checksum() {
        return sum >>> 0
      },
    }
  }
  if ('bytes' in wanted)
    return make(
      () => Buffer.alloc(wanted.bytes),
      touch,
      (buffer) => buffer[0]!,
    )
  if ('bareFields' in wanted) {
    const Filled = recordClass(wanted.bareFields)
    return make(
      () => new Filled(0),
      () => {},
      () => 1,
    )
  }
  const Filled = recordClass(wanted.fields)
  return make(
    () => new Filled(0),
    (record, seed) => record.fill(seed),
    (record) => record.last(),
  )
}
