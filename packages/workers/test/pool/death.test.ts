import { ManualClock, seededRandom } from '@qps/core'
import { describe, expect, test } from 'vitest'
import { codeOf, poolOf, until } from './pool-of.ts'

describe('a thread that ends under a task', () => {
  test.each([
    ['by process.exit', 'exit', 3, 'exit code 3'],
    ['by an error that nobody catches', 'throwLater', undefined, 'thrown later'],
  ] as const)('%s: it is replaced', async (_, name, argument, why) => {
    const losses: string[] = []
    await using pool = poolOf({ onLoss: (loss) => losses.push(loss) })
    await codeOf(pool.run(name, argument as never))
    await until(() => losses.length === 1)
    expect(losses[0]).toContain(why)
    expect(await pool.run('double', 5)).toBe(10)
    expect(pool.stats()).toMatchObject({ lost: 1, threads: 1 })
  })

  test('for want of memory: the process lives on', async () => {
    await using pool = poolOf({ heapBytesMax: 2 ** 25 })
    await expect(pool.run('exhaust', undefined)).rejects.toMatchObject({
      code: 'QPS_WORKER_DIED',
      message: expect.stringContaining('memory'),
    })
    expect(await pool.run('double', 5)).toBe(10)
  })

  test('the task is rejected, and those behind it run on the next one', async () => {
    await using pool = poolOf()
    await pool.ready()
    const died = codeOf(pool.run('exit', 1))
    const behind = Array.from({ length: 50 }, (_, index) => pool.run('double', index))
    expect(await died).toBe('QPS_WORKER_DIED')
    expect(await Promise.all(behind)).toEqual(Array.from({ length: 50 }, (_, index) => 2 * index))
  })

  test('an idempotent task is begun again, as often as is allowed', async () => {
    await using pool = poolOf({ retriesMax: 2 })
    expect(await codeOf(pool.run('exit', 1, { idempotent: true }))).toBe('QPS_WORKER_DIED')
    expect(pool.stats()).toMatchObject({ lost: 3, retried: 2 })
  })

  test('what has moved to it cannot be begun again', async () => {
    await using pool = poolOf({ retriesMax: 5 })
    const buffer = new ArrayBuffer(8)
    expect(await codeOf(pool.run('exitWith', buffer, { idempotent: true, transfer: [buffer] }))).toBe('QPS_WORKER_DIED')
    expect(pool.stats().retried).toBe(0)
  })
})

test('a module that cannot be imported rejects what waits for it, with the reason', async () => {
  await using pool = poolOf({ module: new URL('./no-such-tasks.ts', import.meta.url) })
  const ready = pool.ready().catch((error: unknown) => error)
  await expect(pool.run('double', 1)).rejects.toMatchObject({
    code: 'QPS_WORKER_DIED',
    message: expect.stringContaining('no-such-tasks'),
  })
  expect(await ready).toMatchObject({ code: 'QPS_WORKER_DIED' })
})

test('threads that die again and again are not replaced without end', async () => {
  const clock = new ManualClock()
  const losses: string[] = []
  await using pool = poolOf({ replacementsMax: 3, clock, onLoss: (loss) => losses.push(loss) })
  for (let round = 0; round < 4; round++) expect(await codeOf(pool.run('exit', 1))).toBe('QPS_WORKER_DIED')
  // Whatever is asked for now finds no thread, and is told so at once.
  clock.advance(1000)
  await expect(pool.run('double', 1)).rejects.toMatchObject({
    code: 'QPS_WORKER_DIED',
    message: expect.stringContaining('no thread'),
  })
  expect(losses.length).toBe(4)
  // A minute later it is worth trying again.
  clock.advance(60_000)
  expect(await pool.run('double', 1)).toBe(2)
})

test('threads killed at random instants: every task ends once, and none runs twice that may not', async () => {
  const random = seededRandom(6)
  const tasks = 300
  const kills = 6
  await using pool = poolOf({ threadsMin: 2, threadsMax: 3, retriesMax: 3, replacementsMax: kills, graceMs: 0 })
  const cells = new Int32Array(new SharedArrayBuffer(4 * tasks))
  const endings = Array.from({ length: tasks }, () => 0)
  const codes: string[] = []
  const idempotent = Array.from({ length: tasks }, () => random() < 0.5)
  const all = endings.map(async (_, at) => {
    const task = pool.run('mark', { cells, at, ms: random() * 3 }, { idempotent: idempotent[at]! })
    codes[at] = await codeOf(task)
    endings[at]!++
  })
  for (let kill = 0; kill < kills; kill++) {
    const seen = codes.length
    await until(() => codes.length > seen || !endings.includes(0), 'that tasks go on')
    await new Promise((resolve) => setTimeout(resolve, random() * 10))
    // One ends by itself; one is cut off, with whatever else its thread had begun.
    if (kill % 2 === 0) expect(await codeOf(pool.run('exit', 1, { priority: 0 }))).toBe('QPS_WORKER_DIED')
    else {
      const controller = new AbortController()
      const loop = codeOf(pool.run('loop', undefined, { priority: 0, signal: controller.signal }))
      const { running } = pool.stats()
      await until(() => pool.stats().running > Math.min(running, 1))
      controller.abort()
      expect(await loop).toBe('QPS_TASK_CANCELLED')
    }
  }
  await Promise.all(all)
  expect(endings.every((count) => count === 1)).toBe(true)
  for (let at = 0; at < tasks; at++) {
    const runs = Atomics.load(cells, at)
    expect(codes[at], `task ${at}`).toMatch(/^(none|QPS_WORKER_DIED)$/)
    expect(runs, `runs of task ${at}`).toBeLessThanOrEqual(idempotent[at] ? 4 : 1)
    if (codes[at] === 'none') expect(runs, `runs of task ${at}`).toBeGreaterThanOrEqual(1)
  }
  expect(pool.stats()).toMatchObject({ depth: 0, bytes: 0, lost: kills / 2 })
}, 60_000)
