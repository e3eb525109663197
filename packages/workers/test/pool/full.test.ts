import { ManualClock } from '@qps/core'
import type { WorkerPoolOptions } from '@qps/workers'
import { threadId } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { codeOf, poolOf, type TestPool, until } from './pool-of.ts'

/** A pool with one thread, which is busy, and with two places, which are taken. */
async function full(
  options: Partial<WorkerPoolOptions>,
  work: (pool: TestPool, queued: Promise<string>[]) => Promise<void>,
): Promise<void> {
  await using pool = poolOf({ queueMax: 2, ...options })
  await pool.ready()
  const controller = new AbortController()
  const running = codeOf(pool.run('untilCancelled', 10_000, { signal: controller.signal }))
  await until(() => pool.stats().running === 1, 'that the task runs')
  setTimeout(() => controller.abort(), 100)
  const queued = [codeOf(pool.run('note', 'a')), codeOf(pool.run('note', 'b'))]
  expect(pool.stats().bytes).toBeGreaterThan(0)
  await work(pool, queued)
  expect(await running).toBe('QPS_TASK_CANCELLED')
  await Promise.all(queued)
}

describe('a full pool', () => {
  test('abort: refuses, and says that trying again may help', () =>
    full({ whenFull: 'abort' }, async (pool, queued) => {
      await expect(pool.run('note', 'c')).rejects.toMatchObject({ code: 'QPS_POOL_FULL', retryable: true })
      expect(await Promise.all(queued)).toEqual(['none', 'none'])
      expect(await pool.run('taken', undefined)).toEqual(['a', 'b'])
      expect(pool.stats().endings.refused).toBe(1)
    }))

  test('discard: drops the new one', () =>
    full({ whenFull: 'discard' }, async (pool, queued) => {
      await expect(pool.run('note', 'c')).rejects.toMatchObject({ code: 'QPS_TASK_DISCARDED', retryable: false })
      expect(await Promise.all(queued)).toEqual(['none', 'none'])
      expect(await pool.run('taken', undefined)).toEqual(['a', 'b'])
    }))

  test('discard-oldest: drops the one that has waited longest', () =>
    full({ whenFull: 'discard-oldest' }, async (pool, queued) => {
      const last = codeOf(pool.run('note', 'c'))
      expect(await Promise.all([...queued, last])).toEqual(['QPS_TASK_DISCARDED', 'none', 'none'])
      expect(await pool.run('taken', undefined)).toEqual(['b', 'c'])
    }))

  test('discard-oldest: the least urgent go first, and never for one that is less urgent still', () =>
    full({ whenFull: 'discard-oldest', priorities: 3 }, async (pool, queued) => {
      const low = codeOf(pool.run('note', 'low', { priority: 2 }))
      const high = codeOf(pool.run('note', 'high', { priority: 0 }))
      expect(await low).toBe('QPS_TASK_DISCARDED')
      expect(await Promise.all([...queued, high])).toEqual(['QPS_TASK_DISCARDED', 'none', 'none'])
      expect(await pool.run('taken', undefined)).toEqual(['high', 'b'])
    }))

  test('caller-runs: this thread does it, at once', () =>
    full({ whenFull: 'caller-runs' }, async (pool, queued) => {
      expect(await pool.run('thread', undefined)).toBe(threadId)
      expect(await pool.run('later', 1)).toBe('later')
      expect(await codeOf(pool.run('fail', 'here'))).toBe('QPS_TASK_FAILED')
      expect(await codeOf(pool.run('later', 10_000, { timeoutMs: 10 }))).toBe('QPS_TASK_TIMEOUT')
      expect(pool.stats()).toMatchObject({ callerRuns: 4, endings: { done: 2, failed: 1, timedOut: 1 } })
      expect(await Promise.all(queued)).toEqual(['none', 'none'])
    }))

  test('wait: for a place, in order, and not longer than is said', () =>
    full({ whenFull: { waitMs: 10_000, waitersMax: 2 } }, async (pool, queued) => {
      const waiting = ['c', 'd'].map((note) => codeOf(pool.run('note', note)))
      expect(pool.stats()).toMatchObject({ waiting: 2, depth: 2 })
      expect(await codeOf(pool.run('note', 'e'))).toBe('QPS_POOL_FULL')
      expect(await Promise.all([...queued, ...waiting])).toEqual(['none', 'none', 'none', 'none'])
      expect(await pool.run('taken', undefined)).toEqual(['a', 'b', 'c', 'd'])
    }))
})

test('a wait for a place that never comes ends with its time', async () => {
  const clock = new ManualClock()
  await using pool = poolOf({ queueMax: 0, whenFull: { waitMs: 100, waitersMax: 2 }, clock })
  await pool.ready()
  const controller = new AbortController()
  const running = codeOf(pool.run('untilCancelled', 10_000, { signal: controller.signal }))
  const waiting = codeOf(pool.run('double', 1))
  const hurried = codeOf(pool.run('double', 1, { timeoutMs: 50 }))
  clock.advance(99)
  expect(await hurried).toBe('QPS_TASK_TIMEOUT')
  expect(pool.stats().waiting).toBe(1)
  clock.advance(1)
  expect(await waiting).toBe('QPS_POOL_FULL')
  controller.abort()
  expect(await running).toBe('QPS_TASK_CANCELLED')
})

test('bytes are bounded like tasks', async () => {
  await using pool = poolOf({ queueBytesMax: 10_000 })
  await pool.ready()
  const sum = pool.run('sum', new Uint8Array(6000))
  expect(await codeOf(pool.run('sum', new Uint8Array(6000)))).toBe('QPS_POOL_FULL')
  expect(await codeOf(pool.run('echo', { deep: [new Uint8Array(6000)] }))).toBe('QPS_POOL_FULL')
  expect(await sum).toBe(0)
  expect(await pool.run('sum', new Uint8Array(6000))).toBe(0)
})

test.each(['discard-oldest', { waitMs: 10_000 }] as const)(
  '%j: what can never fit takes nobody’s place',
  async (whenFull) => {
    await using pool = poolOf({ queueBytesMax: 10_000, whenFull })
    const queued = [pool.run('double', 1), pool.run('double', 2)]
    await expect(pool.run('sum', new Uint8Array(10_001))).rejects.toMatchObject({
      code: 'QPS_POOL_FULL',
      retryable: false,
    })
    expect(await Promise.all(queued)).toEqual([2, 4])
  },
)

test('the depth never goes beyond the capacity at twice the load', async () => {
  await using pool = poolOf({ queueMax: 50 })
  await pool.ready()
  const outcomes: Promise<string>[] = []
  let depthMax = 0
  let bytesMax = 0
  for (let burst = 0; burst < 50; burst++) {
    for (let index = 0; index < 100; index++) outcomes.push(codeOf(pool.run('echo', burst)))
    const { depth, bytes } = pool.stats()
    depthMax = Math.max(depthMax, depth)
    bytesMax = Math.max(bytesMax, bytes)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const counts = Object.groupBy(await Promise.all(outcomes), (code) => code)
  expect(depthMax).toBeLessThanOrEqual(51)
  expect(bytesMax).toBeLessThanOrEqual(51 * 16)
  expect(counts['none']!.length + counts['QPS_POOL_FULL']!.length).toBe(5000)
})
