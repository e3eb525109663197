import { ManualClock } from '@qps/core'
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { codeOf, poolOf, until } from './pool-of.ts'

test('threads that have nothing to do are ended, down to those that stay', async () => {
  const clock = new ManualClock()
  await using pool = poolOf({ threadsMin: 1, threadsMax: 3, idleMs: 1000, clock })
  await Promise.all(Array.from({ length: 30 }, () => pool.run('busy', 10)))
  await until(() => pool.stats().starting === 0)
  expect(pool.stats().threads).toBeGreaterThan(1)
  clock.advance(999)
  expect(pool.stats().threads).toBeGreaterThan(1)
  clock.advance(1)
  clock.advance(1000)
  expect(pool.stats()).toMatchObject({ threads: 1, lost: 0 })
  expect(await pool.run('double', 1)).toBe(2)
})

test('a pool without threads that stay starts one when it is needed', async () => {
  const clock = new ManualClock()
  await using pool = poolOf({ threadsMin: 0, idleMs: 1000, clock })
  expect(pool.stats()).toMatchObject({ threads: 0, starting: 0 })
  expect(await pool.run('double', 1)).toBe(2)
  clock.advance(1000)
  expect(pool.stats().threads).toBe(0)
  expect(await pool.run('double', 2)).toBe(4)
})

test('what a task leaves behind goes on while its thread has nothing to do', async () => {
  await using pool = poolOf()
  await pool.run('startTicking', 5)
  const before = await pool.run('ticked', undefined)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(await pool.run('ticked', undefined)).toBeGreaterThan(before + 4)
})

test('drain lets what was accepted end, and takes nothing more', async () => {
  const pool = poolOf()
  await pool.ready()
  const accepted = [pool.run('busy', 20), ...Array.from({ length: 20 }, (_, index) => pool.run('double', index))]
  const drained = pool.drain()
  expect(await codeOf(pool.run('double', 1))).toBe('QPS_POOL_CLOSED')
  expect((await Promise.all(accepted)).length).toBe(21)
  const report = await drained
  expect(report).toMatchObject({ completed: 21, dropped: 0 })
  expect(pool.stats()).toMatchObject({ threads: 0, depth: 0 })
})

test('drain drops what is not done in time', async () => {
  const pool = poolOf()
  await pool.ready()
  const stuck = codeOf(pool.run('loop', undefined))
  const behind = codeOf(pool.run('double', 1))
  const report = await pool.drain(50)
  expect(report).toMatchObject({ completed: 0, dropped: 2 })
  expect([await stuck, await behind]).toEqual(['QPS_POOL_CLOSED', 'QPS_POOL_CLOSED'])
})

test('the end of a pool rejects what is under way, and leaves no timer', async () => {
  const clock = new ManualClock()
  const pool = poolOf({ clock, whenFull: { waitMs: 1000 }, queueMax: 1 })
  const codes = Array.from({ length: 4 }, () => codeOf(pool.run('loop', undefined, { timeoutMs: 5000 })))
  await until(() => pool.stats().running === 1)
  await pool[Symbol.asyncDispose]()
  expect(new Set(await Promise.all(codes))).toEqual(new Set(['QPS_POOL_CLOSED', 'QPS_POOL_FULL']))
  expect(clock.pending).toBe(0)
  await pool[Symbol.asyncDispose]()
})

test('a process ends when nothing is left to do, with or without an end of its pool', () => {
  const program = fileURLToPath(new URL('./process-end.ts', import.meta.url))
  for (const how of ['dispose', 'forget', 'unused']) {
    const printed = execFileSync(process.execPath, ['--conditions=@qps/source', program, how], {
      encoding: 'utf8',
      timeout: 10_000,
    })
    expect(printed.trim(), how).toBe(how === 'unused' ? 'made' : 'made 42')
  }
})
