import { createRegistry, exposition, poolMetrics } from '@qps/metrics'
import { requireProgram } from '@qps/testkit'
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

const objects = { held: 1, idle: 2, waiting: 3, acquired: 10, rejected: 4, forgotten: 0 }
const buffers = { ...objects, held: 5, bytesReserved: 65_536, bytesHeld: 5120 }

test('pools of both kinds show what they lend, anew at each scrape', async () => {
  const registry = createRegistry()
  const figures = { ...objects }
  poolMetrics(registry, [
    { name: 'objects', stats: () => figures },
    { name: 'buffers', stats: () => buffers },
  ])
  const shown = async (): Promise<string[]> =>
    (await exposition(registry)).body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  expect(await shown()).toContain('pool_acquired_total{pool="objects"} 10')
  figures.acquired = 11
  expect(await shown()).toEqual([
    'pool_leases{pool="objects",state="held"} 1',
    'pool_leases{pool="objects",state="idle"} 2',
    'pool_leases{pool="objects",state="waiting"} 3',
    'pool_leases{pool="buffers",state="held"} 5',
    'pool_leases{pool="buffers",state="idle"} 2',
    'pool_leases{pool="buffers",state="waiting"} 3',
    // Objects have no bytes that a pool could know.
    'pool_memory_bytes{pool="buffers",state="reserved"} 65536',
    'pool_memory_bytes{pool="buffers",state="held"} 5120',
    'pool_acquired_total{pool="objects"} 11',
    'pool_acquired_total{pool="buffers"} 10',
    'pool_rejected_total{pool="objects"} 4',
    'pool_rejected_total{pool="buffers"} 4',
    'pool_forgotten_total{pool="objects"} 0',
    'pool_forgotten_total{pool="buffers"} 0',
  ])
})

const promtool = requireProgram('promtool', 'apt-get install prometheus')
test.skipIf(!promtool.available)('promtool finds nothing to complain about', async () => {
  const registry = createRegistry()
  poolMetrics(registry, [{ name: 'buffers', stats: () => buffers }])
  const { body: input } = await exposition(registry)
  const check = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })
  expect(check.stderr + check.stdout).toBe('')
  expect(check.status).toBe(0)
})
