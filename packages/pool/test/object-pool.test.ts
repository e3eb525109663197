import { ManualClock } from '@qps/core'
import { ObjectPool, type ObjectPoolOptions, type PoolMode, poolDefaults } from '@qps/pool'
import { describe, expect, test } from 'vitest'
import { rejectionOf, thrownBy } from '@qps/testkit'

interface Session {
  id: number
  user: string
}

/** Sessions numbered in the order in which they were made. */
function open(options: Partial<ObjectPoolOptions<Session>>): ObjectPool<Session> {
  let made = 0
  return new ObjectPool<Session>({
    create: () => ({ id: ++made, user: '' }),
    reset: (session) => {
      session.user = ''
    },
    ...options,
  })
}

const modes: readonly PoolMode[] = ['development', 'production']

describe.each(modes)('in %s', (mode) => {
  test('an object that was given back is lent again, as if new', () => {
    using pool = open({ mode })
    const first = pool.acquire()
    first.value.user = 'ada'
    first.release()
    using second = pool.acquire()
    expect(second.value).toEqual({ id: 1, user: '' })
    expect(pool.stats()).toMatchObject({ size: 1, held: 1, idle: 0, acquired: 2, created: 1 })
  })

  test('what was used last is lent first', () => {
    using pool = open({ mode })
    const leases = [pool.acquire(), pool.acquire(), pool.acquire()]
    for (const lease of leases) lease.release()
    using next = pool.acquire()
    expect(next.value.id).toBe(3)
  })

  test('a lease is good across an await, until it is released', async () => {
    using pool = open({ mode })
    using lease = pool.acquire()
    const { generation } = lease
    lease.value.user = 'ada'
    await new Promise((resolve) => setTimeout(resolve, 1))
    expect(lease.value.user).toBe('ada')
    expect(lease.isCurrent(generation)).toBe(true)
  })

  test('a generation that was remembered tells that the lease is another one', () => {
    using pool = open({ mode, sizeMax: 1 })
    const mine = pool.acquire()
    const { generation } = mine
    mine.release()
    expect(mine.isCurrent(generation)).toBe(false)
    using theirs = pool.acquire()
    expect(mine.isCurrent(generation)).toBe(false)
    expect(theirs.isCurrent(theirs.generation)).toBe(true)
    expect(theirs.generation).toBe(generation + 1)
  })

  test('where all are lent, reject says when to try again', () => {
    using pool = open({ mode, sizeMax: 2, retryAfterMs: 250, name: 'sessions' })
    using _first = pool.acquire()
    using _second = pool.acquire()
    const error = thrownBy(() => pool.acquire())
    expect(error).toMatchObject({ code: 'QPS_POOL_EXHAUSTED', retryable: true, retryAfterMs: 250 })
    expect(error.message).toMatch(/^sessions: all 2 objects are lent/)
    expect(pool.stats()).toMatchObject({ size: 2, rejected: 1 })
  })

  test('where all are lent, tryAcquire gives nothing', () => {
    using pool = open({ mode, sizeMax: 1 })
    using _lease = pool.tryAcquire()
    expect(pool.tryAcquire()).toBeUndefined()
    expect(pool.stats()).toMatchObject({ held: 1, rejected: 1 })
  })

  test('acquireAsync rejects too, where nobody waits', async () => {
    using pool = open({ mode, sizeMax: 1 })
    using _lease = await pool.acquireAsync()
    expect(await rejectionOf(pool.acquireAsync())).toMatchObject({ code: 'QPS_POOL_EXHAUSTED' })
  })

  test('grow makes more up to the hard bound, and keeps none of it', () => {
    using pool = open({ mode, sizeMax: 1, sizeHardMax: 3, whenExhausted: 'grow' })
    const leases = [pool.acquire(), pool.acquire(), pool.acquire()]
    expect(new Set(leases.map(({ value }) => value)).size).toBe(3)
    expect(thrownBy(() => pool.acquire()).code).toBe('QPS_POOL_EXHAUSTED')
    for (const lease of leases) lease.release()
    expect(pool.stats()).toMatchObject({ size: 1, idle: 1, held: 0 })
  })

  test('a reset that throws loses the object and no room', () => {
    let broken = true
    const reset = (session: Session): void => {
      if (broken) throw new Error('cannot')
      session.user = ''
    }
    using pool = open({ mode, sizeMax: 1, reset })
    const lease = pool.acquire()
    lease.value.user = 'ada'
    const error = thrownBy(() => lease.release())
    expect(error).toMatchObject({ code: 'QPS_POOL_RESET', retryable: false, cause: new Error('cannot') })
    expect(pool.stats()).toMatchObject({ size: 0, discarded: 1 })
    broken = false
    using next = pool.acquire()
    expect(next.value).toEqual({ id: 2, user: '' })
  })

  test('a create that throws takes no room', () => {
    let broken = true
    const create = (): Session => {
      if (broken) throw new Error('no memory')
      return { id: 1, user: '' }
    }
    using pool = open({ mode, sizeMax: 1, create })
    expect(thrownBy(() => pool.acquire())).toMatchObject({ code: 'QPS_POOL_CREATE', cause: new Error('no memory') })
    broken = false
    using lease = pool.acquire()
    expect(lease.value.id).toBe(1)
  })

  test('after the end nothing is lent, and what comes back goes', () => {
    const pool = open({ mode, sizeMax: 2 })
    const lease = pool.acquire()
    pool.acquire().release()
    const end = (): void => pool[Symbol.dispose]()
    if (mode === 'development') expect(thrownBy(end).code).toBe('QPS_LEASE_LEAKED')
    else end()
    expect(thrownBy(() => pool.acquire()).code).toBe('QPS_POOL_CLOSED')
    lease.release()
    expect(pool.stats()).toMatchObject({ size: 0, idle: 0, held: 0 })
    expect(thrownBy(() => pool.acquire()).code).toBe('QPS_POOL_CLOSED')
    end()
  })

  test('what nobody needed for idleMs is trimmed, and what the load needs is not', () => {
    const clock = new ManualClock()
    using pool = open({ mode, clock, idleMs: 1000 })
    const peak = Array.from({ length: 10 }, () => pool.acquire())
    for (const lease of peak) lease.release()
    clock.advance(1000)
    expect(pool.trim(), 'the peak was in this period').toBe(0)
    for (let round = 0; round < 5; round++) {
      const [one, two] = [pool.acquire(), pool.acquire()]
      one.release()
      two.release()
    }
    clock.advance(999)
    expect(pool.trim(), 'too early').toBe(0)
    clock.advance(1)
    expect(pool.trim()).toBe(8)
    expect(pool.stats()).toMatchObject({ size: 2, idle: 2, trimmed: 8 })
    clock.advance(1000)
    expect(pool.trim()).toBe(2)
  })

  test('a busy pool trims itself on the way', () => {
    const clock = new ManualClock()
    using pool = open({ mode, clock, idleMs: 1000 })
    const peak = Array.from({ length: 10 }, () => pool.acquire())
    for (const lease of peak) lease.release()
    for (let second = 0; second < 3; second++) {
      clock.advance(1000)
      for (let turn = 0; turn < 300; turn++) pool.acquire().release()
    }
    expect(pool.stats()).toMatchObject({ size: 1, trimmed: 9 })
  })

  test('trim with all lets go of everything idle, at once', () => {
    using pool = open({ mode, clock: new ManualClock() })
    using _lease = pool.acquire()
    pool.acquire().release()
    expect(pool.trim({ all: true })).toBe(1)
    expect(pool.stats()).toMatchObject({ size: 1, idle: 0 })
  })

  test('memory reaches a plateau: bursts for ever make no more objects than the largest needs', () => {
    using pool = open({ mode, sizeMax: 50 })
    for (let burst = 0; burst < 50; burst++) {
      const leases = Array.from({ length: 1 + (burst % 40) }, () => pool.acquire())
      for (const lease of leases) lease.release()
    }
    expect(pool.stats()).toMatchObject({ created: 40, size: 40 })
  })
})

test('the defaults are these', () => {
  expect(poolDefaults).toEqual({
    sizeMax: 1024,
    waitersMax: 1024,
    waitTimeoutMs: 1000,
    retryAfterMs: 1000,
    idleMs: 30_000,
  })
})

test.each([
  [{ sizeMax: 0 }, 'sizeMax'],
  [{ sizeMax: 8, sizeHardMax: 7 }, 'sizeHardMax'],
  [{ waitersMax: -1 }, 'waitersMax'],
  [{ waitTimeoutMs: 2 ** 31 }, 'waitTimeoutMs'],
  [{ retryAfterMs: NaN }, 'retryAfterMs'],
  [{ idleMs: -1 }, 'idleMs'],
  [{ mode: 'fast' }, 'mode'],
  [{ whenExhausted: 'panic' }, 'whenExhausted'],
  [{ create: 7 }, 'create'],
  [{ reset: {} }, 'reset'],
  [{ carries: 'all' }, 'carries'],
  [{ onLeak: 1 }, 'onLeak'],
])('%o is refused', (options, name) => {
  const error = thrownBy(() => open(options as Partial<ObjectPoolOptions<Session>>))
  expect(error.code).toBe('QPS_OPTION')
  expect(error.message).toMatch(new RegExp(`^${name}`))
})
