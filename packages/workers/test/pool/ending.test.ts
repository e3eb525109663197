import { background } from '@qps/context'
import { ManualClock } from '@qps/core'
import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { codeOf, poolOf, type TestPool, until } from './pool-of.ts'

/** Runs something that holds the only thread until it is cancelled. */
async function holding(pool: TestPool, signal?: AbortSignal): Promise<string> {
  const running = codeOf(pool.run('untilCancelled', 10_000, signal === undefined ? {} : { signal }))
  await until(() => pool.stats().running === 1, 'that the task runs')
  return running
}

describe('a task that nobody wants any more', () => {
  test('never runs where it is still queued', async () => {
    await using pool = poolOf()
    const hold = new AbortController()
    const held = codeOf(pool.run('untilCancelled', 10_000, { signal: hold.signal }))
    await until(() => pool.stats().running === 1)
    const controller = new AbortController()
    const reason = new Error('changed my mind')
    const queued = pool.run('note', 'never', { signal: controller.signal })
    controller.abort(reason)
    await expect(queued).rejects.toMatchObject({ code: 'QPS_TASK_CANCELLED', cause: reason })
    hold.abort()
    expect(await held).toBe('QPS_TASK_CANCELLED')
    expect(await pool.run('taken', undefined)).toEqual([])
  })

  test('never runs where it was sent ahead and has not begun', async () => {
    await using pool = poolOf()
    // Tiny tasks teach the pool to send many ahead.
    for (let round = 0; round < 20; round++)
      await Promise.all(Array.from({ length: 64 }, () => pool.run('nothing', undefined)))
    const busy = pool.run('busy', 50)
    const controller = new AbortController()
    const ahead = Array.from({ length: 20 }, () => codeOf(pool.run('note', 'never', { signal: controller.signal })))
    await Promise.resolve()
    await Promise.resolve()
    controller.abort()
    expect(new Set(await Promise.all(ahead))).toEqual(new Set(['QPS_TASK_CANCELLED']))
    await busy
    expect(await pool.run('taken', undefined)).toEqual([])
  })

  test('is told so by memory where it runs without a break', async () => {
    await using pool = poolOf()
    const controller = new AbortController()
    const running = codeOf(pool.run('untilCancelled', 10_000, { signal: controller.signal }))
    await until(() => pool.stats().running === 1)
    controller.abort()
    expect(await running).toBe('QPS_TASK_CANCELLED')
    expect(await pool.run('double', 2)).toBe(4)
    expect(pool.stats()).toMatchObject({ stuck: 0, lost: 0 })
  })

  test('is told so by its signal where it waits', async () => {
    await using pool = poolOf()
    const controller = new AbortController()
    const running = codeOf(pool.run('untilSignal', 'word', { signal: controller.signal }))
    await until(() => pool.stats().running === 1)
    controller.abort()
    expect(await running).toBe('QPS_TASK_CANCELLED')
    expect(await pool.run('taken', undefined)).toEqual(['word true QPS_TASK_CANCELLED'])
  })

  test('is refused at once where it is cancelled already', async () => {
    await using pool = poolOf()
    expect(await codeOf(pool.run('double', 1, { signal: AbortSignal.abort() }))).toBe('QPS_TASK_CANCELLED')
    using context = background().withTimeout(0)
    expect(await codeOf(pool.run('double', 1, { context }))).toBe('QPS_DEADLINE')
    expect(pool.stats().endings).toMatchObject({ cancelled: 1, timedOut: 1 })
  })

  test('costs its thread where it does not stop, and others are not held up', async () => {
    const losses: string[] = []
    await using pool = poolOf({ graceMs: 50, onLoss: (why) => losses.push(why) })
    const controller = new AbortController()
    const loop = codeOf(pool.run('loop', undefined, { signal: controller.signal }))
    await until(() => pool.stats().running === 1)
    controller.abort()
    expect(await loop).toBe('QPS_TASK_CANCELLED')
    expect(await pool.run('double', 4)).toBe(8)
    expect(pool.stats()).toMatchObject({ stuck: 1, lost: 0, threads: 1 })
    expect(losses).toEqual([])
  })
})

test('a timeout ends the task wherever it is', async () => {
  const clock = new ManualClock()
  await using pool = poolOf({ clock, threadsMax: 1 })
  await pool.ready()
  const controller = new AbortController()
  const held = holding(pool, controller.signal)
  await until(() => pool.stats().running === 1)
  const soon = codeOf(pool.run('note', 'soon', { timeoutMs: 10 }))
  const later = codeOf(pool.run('note', 'later', { timeoutMs: 20 }))
  clock.advance(10)
  expect(await soon).toBe('QPS_TASK_TIMEOUT')
  expect(pool.stats().depth).toBe(1)
  controller.abort()
  expect(await held).toBe('QPS_TASK_CANCELLED')
  expect(await later).toBe('none')
  expect(await pool.run('taken', undefined)).toEqual(['later'])
})

test('a result that comes after the deadline is none', async () => {
  const clock = new ManualClock()
  await using pool = poolOf({ clock })
  await pool.ready()
  // The clock moves on without a timer of it, as when this thread was busy for longer than that.
  const late = codeOf(pool.run('double', 1, { timeoutMs: 10 }))
  await Promise.resolve()
  Object.defineProperty(clock, 'nowMs', { value: () => 10 })
  expect(await late).toBe('QPS_TASK_TIMEOUT')
  expect(pool.stats().endings).toMatchObject({ done: 0, timedOut: 1 })
})

test('the deadline of a context is told from a timeout, and from its cancellation', async () => {
  await using pool = poolOf()
  using late = background().withTimeout(20)
  expect(await codeOf(pool.run('untilCancelled', 10_000, { context: late }))).toBe('QPS_DEADLINE')
  using parent = background().withCancel()
  using child = parent.withTimeout(10_000)
  const running = pool.run('untilCancelled', 10_000, { context: child })
  await until(() => pool.stats().running === 1)
  parent.cancel(new Error('gone'))
  await expect(running).rejects.toMatchObject({ code: 'QPS_TASK_CANCELLED' })
})

test('no listener and no timer is left of tasks that are over', async () => {
  const clock = new ManualClock()
  await using pool = poolOf({ clock })
  const { signal } = new AbortController()
  using context = background({ clock }).withTimeout(1_000_000)
  const options = { signal, context, timeoutMs: 1000 }
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 50 }, () => pool.run('nothing', undefined, options)))
  }
  expect(getEventListeners(signal, 'abort')).toEqual([])
  expect(getEventListeners(context.signal, 'abort')).toEqual([])
  // The pool's look, the timer of deadlines, that of the context's signal.
  expect(clock.pending).toBeLessThanOrEqual(3)
  clock.advance(2000)
  expect(clock.pending).toBeLessThanOrEqual(1)
})
