import { background, parseTraceparent, parseTracestate } from '@qps/context'
import { WorkerPool } from '@qps/workers'
import { threadId } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { codeOf, poolOf, type TestPool, until } from './pool-of.ts'

test('runs functions on another thread, and gives what they return, in any number', async () => {
  await using pool = poolOf()
  expect(await pool.run('double', 21)).toBe(42)
  expect(await pool.run('thread', undefined)).not.toBe(threadId)
  const many = await Promise.all(Array.from({ length: 500 }, (_, index) => pool.run('double', index)))
  expect(many).toEqual(Array.from({ length: 500 }, (_, index) => 2 * index))
  const { endings, depth, running, bytes, runUs, waitUs } = pool.stats()
  expect({ ...endings, depth, running, bytes }).toMatchObject({ done: 502, depth: 0, running: 0, bytes: 0 })
  expect([runUs.count, waitUs.count]).toEqual([502, 502])
})

test('awaits what a function promises, as many at a time as is asked for', async () => {
  await using pool = poolOf({ concurrency: 3 })
  const early = pool.run('later', 30)
  expect(await pool.run('double', 1)).toBe(2)
  expect(await early).toBe('later')
})

test('one at a time is the default: what waits for a promise keeps others waiting', async () => {
  await using pool = poolOf()
  let isLate = false
  const late = pool.run('later', 50).then(() => (isLate = true))
  await pool.run('double', 1)
  expect(isLate).toBe(true)
  await late
})

test('values arrive as structured cloning would have them, however they travel', async () => {
  await using pool = poolOf()
  const values = [
    undefined,
    null,
    true,
    -0,
    NaN,
    1.5,
    'text',
    '\ud800',
    'ä'.repeat(10_000),
    { a: [1, { b: 'c' }] },
    [],
    Uint8Array.of(1, 2),
    new Uint8Array(100_000).fill(3),
    new Date(5),
    new Map([[{ a: 1 }, new Set([2])]]),
    10n ** 30n,
    { hole: undefined },
    /x/g,
  ]
  const echoed = await Promise.all(values.map((value) => pool.run('echo', value)))
  expect(echoed).toEqual(values)
  expect(Object.is(echoed[3], -0)).toBe(true)
  expect('hole' in (echoed[16] as object)).toBe(true)
})

test('shared memory stays shared', async () => {
  await using pool = poolOf()
  const cells = new Int32Array(new SharedArrayBuffer(8))
  await pool.run('mark', { cells, at: 1, ms: 0 })
  expect(cells[1]).toBe(1)
})

test('what is to be transferred moves, both ways', async () => {
  await using pool = poolOf()
  const bytes = new Uint8Array(1000).fill(2)
  const total = pool.run('sum', bytes, { transfer: [bytes.buffer] })
  expect(await total).toBe(2000)
  expect(bytes.length).toBe(0)
  const filled = (await pool.run('filled', 1_000_000)) as Uint8Array
  expect([filled.length, filled[999_999]]).toEqual([1_000_000, 7])
})

test('what a function throws is the cause, with name, code and trace of the original', async () => {
  await using pool = poolOf()
  for (const name of ['fail', 'reject'] as const) {
    const error = await pool.run(name, 'as told').catch((thrown: Error) => thrown)
    expect(error).toMatchObject({ code: 'QPS_TASK_FAILED', retryable: false })
    const cause = (error as Error).cause as Error
    expect(cause).toMatchObject({ name: 'RangeError', message: 'as told', code: 'E_TEST' })
    expect(cause.stack).toContain('tasks.ts')
  }
  await expect(pool.run('throwText', undefined)).rejects.toMatchObject({ code: 'QPS_TASK_FAILED', cause: 'only text' })
  expect(await pool.run('double', 1)).toBe(2)
})

test('what cannot be sent fails the task and nothing else', async () => {
  await using pool = poolOf()
  const before = pool.run('double', 1)
  const refused = codeOf(pool.run('echo', () => {}))
  const after = pool.run('double', 2)
  expect(await refused).toBe('QPS_TASK_FAILED')
  expect(await codeOf(pool.run('uncloneable', undefined))).toBe('QPS_TASK_FAILED')
  expect([await before, await after]).toEqual([2, 4])
})

test('a name that the module does not have, before and after it is known', async () => {
  await using pool = new WorkerPool({ module: new URL('./tasks.ts', import.meta.url), threadsMin: 1, threadsMax: 1 })
  expect(await codeOf(pool.run('doubel', 1))).toBe('QPS_TASK_UNKNOWN')
  expect(await codeOf(pool.run('doubel', 1))).toBe('QPS_TASK_UNKNOWN')
})

test('options are checked', async () => {
  expect(() => poolOf({ threadsMin: 2, threadsMax: 1 })).toThrow(/threadsMax must be a whole number from 2 to 64/)
  expect(() => poolOf({ whenFull: 'panic' as 'abort' })).toThrow(/whenFull must be one of/)
  await using pool = poolOf({ priorities: 2 })
  expect(await codeOf(pool.run('double', 1, { priority: 2 }))).toBe('QPS_OPTION')
  expect(await codeOf(pool.run('double', 1, { timeoutMs: -1 }))).toBe('QPS_OPTION')
})

/** Lets a task hold the only thread, so that what is run meanwhile has to queue. */
function occupy(pool: TestPool): Promise<unknown> {
  return pool.run('busy', 30, { priority: 0 })
}

test('the urgent go first, equals in their order', async () => {
  await using pool = poolOf({ priorities: 3 })
  await pool.ready()
  await pool.run('taken', undefined)
  const busy = occupy(pool)
  await Promise.resolve()
  const notes = [2, 1, 2, 0, 1, 0].map((priority, index) => pool.run('note', `${priority}${index}`, { priority }))
  await Promise.all([busy, ...notes])
  expect(await pool.run('taken', undefined)).toEqual(['03', '05', '11', '14', '20', '22'])
})

test('the deadline and the trace of the caller are the task’s', async () => {
  await using pool = poolOf()
  const trace = parseTraceparent(`00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`, parseTracestate('a=1,b=2'))
  using context = background().withTimeout(5000)
  const traced = await pool.run('traceOf', undefined, { context: context.withTrace(trace) })
  expect(traced).toEqual({ traceId: 'ab'.repeat(16), state: 'a=1,b=2' })
  const remainingMs = await pool.run('remaining', undefined, { context })
  expect(remainingMs).toBeGreaterThan(0)
  expect(remainingMs).toBeLessThan(5000)
  expect(await pool.run('remaining', undefined)).toBe(Infinity)
})

test('more threads are started while tasks wait for one, up to as many as there may be', async () => {
  await using pool = poolOf({ threadsMax: 3 })
  const controller = new AbortController()
  const { signal } = controller
  const long = Array.from({ length: 4 }, () => codeOf(pool.run('untilCancelled', 60_000, { signal })))
  await until(() => pool.stats().running === 3)
  expect(pool.stats()).toMatchObject({ threads: 3, starting: 0, depth: 1 })
  controller.abort()
  expect(await Promise.all(long)).toEqual(Array.from({ length: 4 }, () => 'QPS_TASK_CANCELLED'))
})

test('a task that takes long does not keep those behind it from other threads', async () => {
  await using pool = poolOf({ threadsMin: 2, threadsMax: 2 })
  // Tiny tasks teach the pool to send many ahead.
  for (let round = 0; round < 20; round++)
    await Promise.all(Array.from({ length: 64 }, () => pool.run('nothing', undefined)))
  const controller = new AbortController()
  const long = codeOf(pool.run('untilCancelled', 60_000, { signal: controller.signal }))
  await Promise.all(Array.from({ length: 50 }, () => pool.run('nothing', undefined)))
  controller.abort()
  expect(await long).toBe('QPS_TASK_CANCELLED')
})
