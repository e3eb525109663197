import { ManualClock } from '@qps/core'
import { BufferPool, bufferPoolDefaults, type BufferPoolOptions, type PoolMode } from '@qps/pool'
import { markAsUntransferable } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { thrownBy } from '@qps/testkit'

const modes: readonly PoolMode[] = ['development', 'production']

/** Memory as an arena gives it: pieces of one large buffer, counted. */
function arena(
  bytes: number,
): Required<Pick<BufferPoolOptions, 'allocate' | 'free'>> & { given: number[]; taken: number } {
  const memory = new ArrayBuffer(bytes)
  let next = 0
  const counts = { given: [] as number[], taken: 0 }
  return Object.assign(counts, {
    allocate(length: number, alignment: number): Uint8Array {
      const start = Math.ceil(next / alignment) * alignment
      next = start + length
      counts.given.push(length)
      return new Uint8Array(memory, start, length)
    },
    free(): void {
      counts.taken++
    },
  })
}

describe.each(modes)('buffers in %s', (mode) => {
  test('a buffer has the length of its class', () => {
    using pool = new BufferPool({ mode, bytesMax: 2 ** 20 })
    for (const [asked, length] of [
      [0, 64],
      [1, 64],
      [64, 64],
      [65, 128],
      [700, 768],
      [1024, 1024],
      [1025, 1280],
      [2 ** 20 - 1, 2 ** 20],
    ] as const) {
      using lease = pool.acquire(asked)
      expect(lease.bytes.length, `${asked}`).toBe(length)
    }
  })

  test.each([-1, 1.5, NaN, 2 ** 20 + 1, 2 ** 32 + 1, '64'])('%o bytes are refused', (bytes) => {
    using pool = new BufferPool({ mode, bytesMax: 2 ** 20 })
    expect(thrownBy(() => pool.acquire(bytes as number)).code).toBe('QPS_OPTION')
  })

  test('a buffer that was given back is lent again', () => {
    using pool = new BufferPool({ mode, bytesMax: 4096, slabBytes: 256, classes: [64] })
    for (let turn = 0; turn < 100; turn++) pool.acquire(10).release()
    expect(pool.stats()).toMatchObject({ slabsAllocated: 1, held: 0, idle: 1, acquired: 100 })
  })

  test('holders never share a byte', () => {
    using pool = new BufferPool({
      mode,
      bytesMax: 64 * 1024,
      slabBytes: 1024,
      ...(mode === 'production' ? {} : arena(2 ** 17)),
    })
    const leases = Array.from({ length: 200 }, (_, index) => pool.acquire(1 + (index % 300)))
    leases.forEach(({ bytes }, index) => bytes.fill(index))
    leases.forEach(({ bytes }, index) => expect(bytes.every((byte) => byte === index)).toBe(true))
    for (const lease of leases) lease.release()
  })

  test('the bound holds, to the byte', () => {
    using pool = new BufferPool({ mode, bytesMax: 1000, classes: [64], alignment: 8, slabBytes: 512, retryAfterMs: 5 })
    const leases = Array.from({ length: 15 }, () => pool.acquire(64))
    expect(pool.stats().bytesReserved).toBe(960)
    const error = thrownBy(() => pool.acquire(64))
    expect(error).toMatchObject({ code: 'QPS_POOL_EXHAUSTED', retryable: true, retryAfterMs: 5 })
    expect(error.message).toMatch(/no buffer of 64 bytes: of 1000 too few are free/)
    for (const lease of leases) lease.release()
    using _again = pool.acquire(1)
  })

  test('where too few bytes are free, tryAcquire gives nothing', () => {
    using pool = new BufferPool({ mode, bytesMax: 64 })
    using _lease = pool.tryAcquire(10)
    expect(pool.tryAcquire(10)).toBeUndefined()
    expect(pool.stats()).toMatchObject({ held: 1, rejected: 1 })
    expect(thrownBy(() => pool.tryAcquire(65)).code).toBe('QPS_OPTION')
  })

  test('memory moves from sizes that nobody needs any more to one that somebody asks for', () => {
    using pool = new BufferPool({ mode, bytesMax: 4096, classes: [64, 4096], slabBytes: 1024 })
    const small = Array.from({ length: 64 }, () => pool.acquire(64))
    for (const lease of small) lease.release()
    using large = pool.acquire(4096)
    expect(large.bytes.length).toBe(4096)
    expect(pool.stats()).toMatchObject({ bytesReserved: 4096, bytesHeld: 4096, slabs: 1 })
    expect(thrownBy(() => pool.acquire(64)).code).toBe('QPS_POOL_EXHAUSTED')
  })

  test('grow goes beyond bytesMax up to the hard bound, and gives it back', () => {
    using pool = new BufferPool({
      mode,
      bytesMax: 128,
      bytesHardMax: 256,
      classes: [64],
      whenExhausted: 'grow',
      ...arena(4096),
    })
    const leases = Array.from({ length: 4 }, () => pool.acquire(64))
    expect(pool.stats().bytesReserved).toBe(256)
    expect(thrownBy(() => pool.acquire(64)).code).toBe('QPS_POOL_EXHAUSTED')
    for (const lease of leases) lease.release()
    expect(pool.stats()).toMatchObject({ bytesReserved: 128, idle: 2 })
  })

  test('injected memory is asked for by the slab, aligned, and given back', () => {
    const memory = arena(2 ** 16)
    const pool = new BufferPool({
      mode,
      bytesMax: 2 ** 15,
      classes: [96, 192],
      alignment: 32,
      slabBytes: 1000,
      ...memory,
    })
    const leases = [pool.acquire(96), pool.acquire(96), pool.acquire(192)]
    expect(memory.given).toEqual([960, 960])
    for (const { bytes } of leases) expect(bytes.byteOffset % 32).toBe(0)
    for (const lease of leases) lease.release()
    pool[Symbol.dispose]()
    expect(memory.taken).toBe(2)
    expect(pool.stats().bytesReserved).toBe(0)
  })

  test.each([
    ['too short', () => new Uint8Array(8)],
    ['not aligned', () => new Uint8Array(new ArrayBuffer(4096), 3)],
    ['nothing', () => undefined],
  ])('memory that is %s is refused, and nothing is lost', (_name, wrong) => {
    let given = wrong as () => Uint8Array
    using pool = new BufferPool({ mode, bytesMax: 1024, classes: [64], slabBytes: 1024, allocate: () => given() })
    expect(thrownBy(() => pool.acquire(64)).code).toBe('QPS_POOL_CREATE')
    expect(pool.stats()).toMatchObject({ bytesReserved: 0, slabs: 0 })
    given = () => new Uint8Array(1024)
    using _lease = pool.acquire(64)
  })

  test('slabs that nobody needed for idleMs are freed, a peak leaves nothing behind', () => {
    const clock = new ManualClock()
    const memory = arena(2 ** 16)
    using pool = new BufferPool({
      mode,
      clock,
      idleMs: 1000,
      bytesMax: 2 ** 15,
      classes: [64],
      slabBytes: 256,
      ...memory,
    })
    const peak = Array.from({ length: 40 }, () => pool.acquire(64))
    const steady = peak[17]!
    for (const lease of peak) if (lease !== steady) lease.release()
    expect(pool.stats()).toMatchObject({ slabs: 10, bytesReserved: 2560 })
    clock.advance(1000)
    expect(pool.trim(), 'the peak was in this period').toBe(0)
    pool.acquire(64).release()
    clock.advance(1000)
    expect(pool.trim()).toBe(9 * 256)
    expect(memory.taken).toBe(9)
    using near = pool.acquire(64)
    const slabOf = (bytes: Uint8Array): number => Math.floor(bytes.byteOffset / 256)
    expect(slabOf(near.bytes), 'the slab that is left').toBe(slabOf(steady.bytes))
    steady.release()
  })

  test('a busy pool trims itself on the way', () => {
    const clock = new ManualClock()
    using pool = new BufferPool({ mode, clock, idleMs: 1000, bytesMax: 2 ** 15, classes: [64], slabBytes: 64 })
    const peak = Array.from({ length: 10 }, () => pool.acquire(64))
    for (const lease of peak) lease.release()
    for (let second = 0; second < 3; second++) {
      clock.advance(1000)
      for (let turn = 0; turn < 300; turn++) pool.acquire(64).release()
    }
    expect(pool.stats()).toMatchObject({ slabs: 1, slabsFreed: 9 })
  })

  test('after a trim the fullest slab is used first, so that the others become free', () => {
    const clock = new ManualClock()
    const options = { mode, clock, idleMs: 1000, bytesMax: 2 ** 15, classes: [64], slabBytes: 256 }
    using pool = new BufferPool({ ...options, ...arena(2 ** 16) })
    const [kept, ...others] = Array.from({ length: 8 }, () => pool.acquire(64))
    for (const lease of others) lease.release()
    clock.advance(1000)
    expect(pool.trim()).toBe(0)
    const near = pool.acquire(64)
    expect(near.bytes.byteOffset, 'in the first slab').toBeLessThan(256)
    clock.advance(1000)
    expect(pool.trim(), 'the second').toBe(256)
    near.release()
    kept!.release()
  })

  test('trim with all frees every slab that nobody is left in', () => {
    using pool = new BufferPool({
      mode,
      clock: new ManualClock(),
      bytesMax: 2 ** 15,
      classes: [64, 128],
      slabBytes: 64,
    })
    using _lease = pool.acquire(64)
    pool.acquire(128).release()
    expect(pool.trim({ all: true })).toBe(128)
    expect(pool.stats()).toMatchObject({ slabs: 1, bytesReserved: 64 })
  })

  test('clear hands out zeroes only', () => {
    using pool = new BufferPool({ mode, bytesMax: 64, clear: true })
    for (let turn = 0; turn < 3; turn++) {
      using lease = pool.acquire(64)
      expect(lease.bytes.every((byte) => byte === 0)).toBe(true)
      lease.bytes.fill(7)
    }
  })

  test('after the end a slab stays until its last lease comes back', () => {
    const memory = arena(4096)
    const pool = new BufferPool({ mode, bytesMax: 1024, classes: [64], slabBytes: 1024, ...memory })
    const [one, two] = [pool.acquire(64), pool.acquire(64)]
    pool.acquire(64).release()
    const end = (): void => pool[Symbol.dispose]()
    if (mode === 'development') expect(thrownBy(end).message).toMatch(/2 leases were not given back/)
    else end()
    expect(thrownBy(() => pool.acquire(64)).code).toBe('QPS_POOL_CLOSED')
    one.release()
    expect(memory.taken).toBe(0)
    expect(thrownBy(() => pool.acquire(64)).code).toBe('QPS_POOL_CLOSED')
    two.release()
    expect(memory.taken).toBe(1)
    expect(pool.stats()).toMatchObject({ slabs: 0, bytesReserved: 0, held: 0, idle: 0 })
  })

  test('memory that may not be transferred cannot be taken to another thread', () => {
    const allocate = (bytes: number): Uint8Array => {
      const slab = new Uint8Array(bytes)
      markAsUntransferable(slab.buffer)
      return slab
    }
    using pool = new BufferPool({ mode, bytesMax: 1024, allocate })
    using lease = pool.acquire(64)
    expect(() => structuredClone(lease.bytes, { transfer: [lease.bytes.buffer as ArrayBuffer] })).toThrow()
    expect(lease.bytes.length).toBe(64)
  })
})

test('production hands out what the last holder left, unless clear is asked for', () => {
  using pool = new BufferPool({ mode: 'production', bytesMax: 64 })
  const first = pool.acquire(3)
  first.bytes.set([1, 2, 3])
  first.release()
  using second = pool.acquire(3)
  expect([...second.bytes.subarray(0, 3)]).toEqual([1, 2, 3])
})

test('the defaults are these', () => {
  expect(bufferPoolDefaults).toEqual({ slabBytes: 65_536, largestBytes: 1_048_576, alignment: 64, clear: false })
})

test.each([
  [{ bytesMax: undefined }, 'bytesMax'],
  [{ bytesMax: 63 }, 'bytesMax'],
  [{ bytesHardMax: 1 }, 'bytesHardMax'],
  [{ alignment: 24 }, 'alignment'],
  [{ alignment: 4 }, 'alignment'],
  [{ classes: [] }, 'the number of classes'],
  [{ classes: [128, 64] }, 'a class'],
  [{ classes: [100] }, 'a class'],
  [{ classes: [8192] }, 'a class'],
  [{ slabBytes: 1 }, 'slabBytes'],
  [{ allocate: 1 }, 'allocate'],
  [{ free: 1 }, 'free'],
])('%o is refused', (options, name) => {
  const error = thrownBy(() => new BufferPool({ bytesMax: 4096, ...options } as BufferPoolOptions))
  expect(error.code).toBe('QPS_OPTION')
  expect(error.message).toMatch(new RegExp(`^${name}`))
})
