import { ManualClock } from '@qps/core'
import { BufferPool, ObjectPool } from '@qps/pool'
import { describe, expect, test } from 'vitest'
import { thrownBy } from '@qps/testkit'

const here = /development\.test\.ts:\d+:\d+/

describe('where', () => {
  function takeSession<T>(pool: ObjectPool<T>): ReturnType<typeof pool.acquire> {
    return pool.acquire()
  }

  test('an error names the function, the file and the line of acquire and release', () => {
    using pool = new ObjectPool({ create: () => ({}) })
    const lease = takeSession(pool)
    lease.release()
    const { message } = thrownBy(() => lease.value)
    expect(message).toMatch(
      /acquired at takeSession \(.*development\.test\.ts:\d+:\d+\), released at .*development\.test/,
    )
  })

  test('the end of a using block is a release there', () => {
    using pool = new ObjectPool({ create: () => ({}) })
    const lease = takeSession(pool)
    const leaveBlock = (): void => lease[Symbol.dispose]()
    leaveBlock()
    expect(thrownBy(() => lease.value).message).toMatch(/released at leaveBlock \(.*development\.test\.ts/)
  })

  test('acquireAsync is where it was called, not where it was served', async () => {
    using pool = new ObjectPool({ create: () => ({}), sizeMax: 1, whenExhausted: 'wait' })
    const first = pool.acquire()
    const waiting = (async function waitForSession() {
      return pool.acquireAsync()
    })()
    first.release()
    const second = await waiting
    second.release()
    expect(thrownBy(() => second.release()).message).toMatch(/acquired at waitForSession/)
  })

  test('an exhausted pool names its oldest holder', () => {
    const clock = new ManualClock()
    using pool = new ObjectPool({ create: () => ({}), sizeMax: 2, clock })
    using _old = takeSession(pool)
    clock.advance(1500)
    using _young = pool.acquire()
    expect(thrownBy(() => pool.acquire()).message).toMatch(
      /the oldest lease is held for 1500 ms, acquired at takeSession/,
    )
  })

  test('production says that development would know', () => {
    using pool = new ObjectPool({ create: () => ({}), mode: 'production' })
    const lease = pool.acquire()
    lease.release()
    expect(thrownBy(() => lease.release()).message).toContain("mode: 'development'")
  })
})

describe('leaks', () => {
  test('names those that are held for long, with the place and the calls before it', () => {
    const clock = new ManualClock()
    using pool = new ObjectPool({ create: () => ({}), clock })
    using _slow = pool.acquire()
    clock.advance(5000)
    using _quick = pool.acquire()
    expect(pool.leaks()).toEqual([])
    const leaks = pool.leaks({ heldMsMin: 5000 })
    expect(leaks).toEqual([
      { heldMs: 5000, forgotten: false, acquired: expect.stringMatching(here), trace: expect.stringMatching(here) },
    ])
    expect(leaks[0]!.trace.split('\n').length).toBeGreaterThan(1)
  })

  test('the end of a pool names what is held, and ends nevertheless', () => {
    const pool = new ObjectPool({ create: () => ({}), name: 'sessions' })
    const leases = Array.from({ length: 7 }, () => pool.acquire())
    const { code, message } = thrownBy(() => pool[Symbol.dispose]())
    expect(code).toBe('QPS_LEASE_LEAKED')
    expect(message).toMatch(/^sessions: 7 leases were not given back: acquired at .* and 2 more$/)
    for (const lease of leases) lease.release()
    expect(pool.stats().size).toBe(0)
  })

  test('production knows of none', () => {
    const pool = new ObjectPool({ create: () => ({}), mode: 'production' })
    pool.acquire()
    expect(pool.leaks({ heldMsMin: 0 })).toEqual([])
    pool[Symbol.dispose]()
  })
})

describe('dirt', () => {
  interface State {
    user: string
    tags: string[]
    seen: Map<string, number>
    flags: Set<string>
    inner: { deep: { done?: (() => void) | undefined } }
    scratch: Uint8Array
    at: Date
  }
  const create = (): State => ({
    user: '',
    tags: [],
    seen: new Map(),
    flags: new Set(),
    inner: { deep: {} },
    scratch: new Uint8Array(8),
    at: new Date(0),
  })

  test.each<[string, (state: State) => unknown, RegExp]>([
    ['a string', (state) => (state.user = 'ada'), /\(\.user was "" and is "ada"\)/],
    ['an element', (state) => state.tags.push('x'), /\(\.tags was an array of 0 and is an array of 1\)/],
    ['an entry', (state) => state.seen.set('x', 1), /\(\.seen was a map of 0 and is a map of 1\)/],
    ['a member', (state) => state.flags.add('x'), /\(\.flags was a set of 0 and is a set of 1\)/],
    ['a function', (state) => (state.inner.deep.done = () => {}), /\(\.inner\.deep\.done was undefined and is a value/],
    ['a date', (state) => state.at.setTime(1), /\(\.at was 0 and is 1\)/],
    ['another length', (state) => (state.scratch = new Uint8Array(9)), /\(\.scratch was 8 bytes and is 9 bytes\)/],
    ['a new field', (state) => Object.assign(state, { extra: 1 }), /\(\.extra was undefined and is 1\)/],
    ['another kind', (state) => (state.tags = {} as string[]), /\(\.tags was an array of 0 and is an object\)/],
  ])('%s that is left behind is found, by name', (_name, change, expected) => {
    using pool = new ObjectPool({ create })
    const lease = pool.acquire()
    change(lease.value)
    const error = thrownBy(() => lease.release())
    expect(error.code).toBe('QPS_LEASE_DIRTY')
    expect(error.message).toMatch(expected)
    expect(error.message).toMatch(here)
    expect(pool.stats()).toMatchObject({ size: 0, discarded: 1 })
  })

  test('an element, an entry and a member that changed are found by their names', () => {
    const make = () => ({ tags: ['a', 'b'], seen: new Map([['x', 1]]), flags: new Set(['y']) })
    const changes: [(state: ReturnType<typeof make>) => unknown, string][] = [
      [(state) => (state.tags[1] = 'c'), '(.tags[1] was "b" and is "c")'],
      [(state) => state.seen.set('x', 2), '(.seen["x"] was 1 and is 2)'],
      [(state) => (state.flags.clear(), state.flags.add('z')), '(.flags[0] was "y" and is "z")'],
    ]
    for (const [change, expected] of changes) {
      using pool = new ObjectPool({ create: make })
      const lease = pool.acquire()
      change(lease.value)
      expect(thrownBy(() => lease.release()).message).toContain(expected)
    }
  })

  test('what a reset puts back as it was is clean, be it the same or new', () => {
    const reset = (state: State): void => {
      Object.assign(state, { user: '', tags: [], seen: new Map() })
      state.flags.clear()
      delete state.inner.deep.done
    }
    using pool = new ObjectPool({ create, reset })
    for (let turn = 0; turn < 3; turn++) {
      using lease = pool.acquire()
      lease.value.user = 'ada'
      lease.value.tags.push('x')
      lease.value.flags.add('y')
      lease.value.inner.deep.done = () => {}
      lease.value.scratch.fill(7)
    }
    expect(pool.stats()).toMatchObject({ created: 1, discarded: 0 })
  })

  test('what the pool is told that objects carry may stay', () => {
    using some = new ObjectPool({ create, carries: ['user'] })
    const lease = some.acquire()
    lease.value.user = 'ada'
    lease.release()
    using again = some.acquire()
    expect(again.value.user).toBe('ada')

    using all = new ObjectPool({ create, carries: 'everything' })
    const other = all.acquire()
    other.value.tags.push('x')
    other.release()
  })

  test('objects that refer to themselves, and large ones, are looked at for a bounded time', () => {
    interface Node {
      self?: Node
      list: number[]
    }
    const make = (): Node => {
      const node: Node = { list: Array.from({ length: 100_000 }, (_, index) => index) }
      node.self = node
      return node
    }
    using pool = new ObjectPool({ create: make })
    for (let turn = 0; turn < 20; turn++) pool.acquire().release()
    expect(pool.stats().created).toBe(1)
  })

  test('an object that is changed while it is idle is found when it is lent, or when asked', () => {
    using pool = new ObjectPool({ create })
    const lease = pool.acquire()
    const state = lease.value
    lease.release()
    pool.verify()
    state.user = 'ada'
    expect(thrownBy(() => pool.verify()).code).toBe('QPS_LEASE_WRITTEN')
    const error = thrownBy(() => pool.acquire())
    expect(error.code).toBe('QPS_LEASE_WRITTEN')
    expect(error.message).toMatch(/\.user was "" and is "ada".*acquired at .*released at .*development\.test/)
    using next = pool.acquire()
    expect(next.value).not.toBe(state)
  })
})

describe('poison', () => {
  test('a buffer is poison until it is written to, the first time and every time', () => {
    using pool = new BufferPool({ bytesMax: 64 })
    for (let turn = 0; turn < 2; turn++) {
      using lease = pool.acquire(64)
      expect(lease.bytes.every((byte) => byte === 0xdb)).toBe(true)
      lease.bytes.fill(1)
    }
  })

  test('a buffer sent beyond what was written shows nobody’s data', () => {
    using pool = new BufferPool({ bytesMax: 64 })
    const first = pool.acquire(16)
    new TextEncoder().encodeInto('password', first.bytes)
    first.release()
    using second = pool.acquire(16)
    new TextEncoder().encodeInto('hi', second.bytes)
    expect(new TextDecoder().decode(second.bytes)).not.toContain('ssword')
  })

  test('a write into an idle buffer is found, with its place, and the buffer is good again', () => {
    const allocate = (bytes: number): Uint8Array => new Uint8Array(bytes)
    using pool = new BufferPool({ bytesMax: 128, classes: [64], allocate })
    const lease = pool.acquire(64)
    const { bytes } = lease
    lease.release()
    bytes[13] = 7
    expect(thrownBy(() => pool.verify()).message).toMatch(/byte 13 is 7.*acquired at .*released at/)
    expect(thrownBy(() => pool.acquire(64)).code).toBe('QPS_LEASE_WRITTEN')
    using again = pool.acquire(64)
    expect(again.bytes[13]).toBe(0xdb)
  })

  test('the end of a pool finds it too', () => {
    const pool = new BufferPool({ bytesMax: 64 })
    const lease = pool.acquire(64)
    const { bytes } = lease
    lease.release()
    bytes[63] = 0
    expect(thrownBy(() => pool[Symbol.dispose]()).code).toBe('QPS_LEASE_WRITTEN')
    expect(pool.stats().slabs).toBe(0)
  })

  test('an old view is empty once somebody else has the buffer', () => {
    using pool = new BufferPool({ bytesMax: 64 })
    const lease = pool.acquire(64)
    const view = lease.bytes
    lease.release()
    using _theirs = pool.acquire(64)
    expect(view.length).toBe(0)
    expect(view[0]).toBeUndefined()
  })

  test('injected memory stays where it is: there an old view sees the next holder', () => {
    using pool = new BufferPool({ bytesMax: 64, allocate: (bytes) => new Uint8Array(bytes) })
    const lease = pool.acquire(64)
    const view = lease.bytes
    lease.release()
    expect(view[0]).toBe(0xdb)
    using theirs = pool.acquire(64)
    theirs.bytes[0] = 42
    expect(view[0]).toBe(42)
  })
})
