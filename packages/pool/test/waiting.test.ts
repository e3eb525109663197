import { ManualClock } from '@qps/core'
import { BufferPool, ObjectPool, type PoolMode } from '@qps/pool'
import { describe, expect, test } from 'vitest'
import { rejectionOf, thrownBy } from '@qps/testkit'

const modes: readonly PoolMode[] = ['development', 'production']

describe.each(modes)('waiting in %s', (mode) => {
  const openOne = (clock: ManualClock, waitersMax = 8): ObjectPool<object> =>
    new ObjectPool({ mode, clock, sizeMax: 1, whenExhausted: 'wait', waitersMax, create: () => ({}) })

  test('first come, first served', async () => {
    using pool = openOne(new ManualClock())
    const first = await pool.acquireAsync()
    const served: number[] = []
    const callers = [1, 2, 3].map(async (caller) => {
      using _lease = await pool.acquireAsync()
      served.push(caller)
    })
    expect(pool.stats().waiting).toBe(3)
    expect(thrownBy(() => pool.acquire()).code).toBe('QPS_POOL_EXHAUSTED')
    first.release()
    await Promise.all(callers)
    expect(served).toEqual([1, 2, 3])
  })

  test('no more than waitersMax wait', async () => {
    using pool = openOne(new ManualClock(), 1)
    const first = pool.acquire()
    const waiting = pool.acquireAsync()
    const error = await rejectionOf(pool.acquireAsync())
    expect(error.code).toBe('QPS_POOL_EXHAUSTED')
    expect(error.message).toContain('1 callers wait already')
    first.release()
    ;(await waiting).release()
  })

  test('a wait ends with its time, and nothing is left of it', async () => {
    const clock = new ManualClock()
    using pool = openOne(clock)
    const first = pool.acquire()
    const short = rejectionOf(pool.acquireAsync({ timeoutMs: 10 }))
    const usual = rejectionOf(pool.acquireAsync())
    clock.advance(10)
    expect(await short).toMatchObject({ code: 'QPS_POOL_EXHAUSTED', retryable: true })
    expect(pool.stats().waiting).toBe(1)
    clock.advance(990)
    expect((await usual).message).toContain('nothing was given back in 1000 ms')
    expect(clock.pending).toBe(0)
    first.release()
    expect(pool.stats()).toMatchObject({ waiting: 0, idle: 1 })
  })

  test('a wait ends with its signal, with the reason of it', async () => {
    const clock = new ManualClock()
    using pool = openOne(clock)
    const first = pool.acquire()
    const controller = new AbortController()
    const waiting = pool.acquireAsync({ signal: controller.signal })
    const reason = new Error('the client is gone')
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(pool.acquireAsync({ signal: controller.signal })).rejects.toBe(reason)
    expect(pool.stats().waiting).toBe(0)
    expect(clock.pending).toBe(0)
    first.release()
  })

  test('the end of the pool ends every wait', async () => {
    const pool = openOne(new ManualClock())
    const first = pool.acquire()
    const waiting = rejectionOf(pool.acquireAsync())
    if (mode === 'development') expect(() => pool[Symbol.dispose]()).toThrow('a lease was not given back')
    else pool[Symbol.dispose]()
    expect((await waiting).code).toBe('QPS_POOL_CLOSED')
    expect((await rejectionOf(pool.acquireAsync())).code).toBe('QPS_POOL_CLOSED')
    first.release()
  })

  test('a caller whose object cannot be made is told, and the next one is served', async () => {
    let broken = false
    const create = (): { n: number } => {
      if (!broken) return { n: 0 }
      broken = false
      throw new Error('once')
    }
    const reset = (value: { n: number }): void => {
      if (value.n === 1) throw new Error('broken by its holder')
    }
    using pool = new ObjectPool({ mode, sizeMax: 1, whenExhausted: 'wait', create, reset, carries: ['n'] })
    const first = await pool.acquireAsync()
    const failing = rejectionOf(pool.acquireAsync())
    const served = pool.acquireAsync()
    broken = true
    first.value.n = 1
    expect(thrownBy(() => first.release()).code).toBe('QPS_POOL_RESET')
    expect((await failing).code).toBe('QPS_POOL_CREATE')
    using lease = await served
    expect(lease.value.n).toBe(0)
  })

  test('one who waits for a large buffer is not overtaken by those who want small ones', async () => {
    using pool = new BufferPool({ mode, bytesMax: 1024, classes: [512, 1024], slabBytes: 512, whenExhausted: 'wait' })
    const [one, two] = [pool.acquire(512), pool.acquire(512)]
    const order: number[] = []
    const wait = async (bytes: number): Promise<void> => {
      using _lease = await pool.acquireAsync(bytes)
      order.push(bytes)
    }
    const large = wait(1024)
    const small = wait(512)
    one.release()
    expect(thrownBy(() => pool.acquire(512)).message).toContain('2 callers wait')
    expect(pool.stats().waiting).toBe(2)
    two.release()
    await Promise.all([large, small])
    expect(order).toEqual([1024, 512])
  })

  test('when the one who waits for much gives up, those behind are served', async () => {
    const clock = new ManualClock()
    using pool = new BufferPool({
      mode,
      clock,
      bytesMax: 1024,
      classes: [512, 1024],
      slabBytes: 512,
      whenExhausted: 'wait',
    })
    const [one, two] = [pool.acquire(512), pool.acquire(512)]
    const large = rejectionOf(pool.acquireAsync(1024, { timeoutMs: 5 }))
    const small = pool.acquireAsync(512)
    one.release()
    expect(pool.stats().waiting).toBe(2)
    clock.advance(5)
    expect((await large).message).toContain('nothing was given back in 5 ms')
    ;(await small).release()
    two.release()
  })

  test('a timeout that is none is refused', async () => {
    using pool = openOne(new ManualClock())
    expect((await rejectionOf(pool.acquireAsync({ timeoutMs: -1 }))).code).toBe('QPS_OPTION')
  })
})
