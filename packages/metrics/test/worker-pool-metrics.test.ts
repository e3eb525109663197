import { createRegistry, exposition, workerPoolMetrics } from '@qps/metrics'
import { requireProgram } from '@qps/testkit'
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

const durations = { count: 4, mean: 1500, percentile: (ratio: number) => 1000 * ratio }
const figures = {
  depth: 5,
  waiting: 1,
  running: 2,
  threads: 2,
  starting: 1,
  bytes: 160,
  waitUs: durations,
  runUs: { ...durations, count: 3 },
  endings: { done: 3, refused: 7 },
  callerRuns: 4,
  retried: 6,
  stuck: 8,
  lost: 9,
}

test('a pool shows its depth, its times and what became of its tasks, anew at each scrape', async () => {
  const registry = createRegistry()
  const now = { ...figures }
  workerPoolMetrics(registry, () => now)
  const shown = async (): Promise<string[]> =>
    (await exposition(registry)).body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  expect(await shown()).toContain('worker_pool_tasks{state="queued"} 5')
  now.depth = 0
  const lines = await shown()
  expect(lines).toEqual(
    expect.arrayContaining([
      'worker_pool_tasks{state="queued"} 0',
      'worker_pool_tasks{state="running"} 2',
      'worker_pool_tasks{state="waiting"} 1',
      'worker_pool_threads{state="ready"} 2',
      'worker_pool_argument_bytes 160',
      'worker_pool_tasks_ended_total{ending="refused"} 7',
      'worker_pool_threads_lost_total{reason="stuck"} 8',
      'worker_pool_detours_total{kind="caller"} 4',
      'worker_pool_wait_seconds{quantile="0.99"} 0.00099',
      'worker_pool_wait_seconds_sum 0.006',
      'worker_pool_run_seconds_count 3',
    ]),
  )
})

const promtool = requireProgram('promtool', 'apt-get install prometheus')
test.skipIf(!promtool.available)('promtool finds nothing to complain about', async () => {
  const registry = createRegistry()
  workerPoolMetrics(registry, () => figures)
  const { body: input } = await exposition(registry)
  const check = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })
  expect(check.stderr + check.stdout).toBe('')
  expect(check.status).toBe(0)
})
