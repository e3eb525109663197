import { runLoadProcess } from '@qps/loadgen'
import { type StageProcess, startStage } from '@qps/testkit'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'

const folder = '02-event-loop'

async function valueOf(stage: StageProcess, series: string): Promise<number> {
  const text = await (await fetch(`${stage.admin}/metrics`)).text()
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `))
  return line === undefined ? NaN : Number(line.slice(series.length + 1))
}

test.each(['cluster', 'reuseport', 'io_uring'])(
  'what two workers of %s allocate and collect is shown where the port is',
  async (variant) => {
    await using stage = await startStage(folder, ['--variant', variant, '--workers', '2'])
    const workers = (): Promise<number> => valueOf(stage, 'nodejs_workers_heap_allocated_bytes_total')
    const own = (): Promise<number> => valueOf(stage, 'nodejs_heap_allocated_bytes_total')
    const [workersBefore, ownBefore] = [await workers(), await own()]
    const scavenges = (): Promise<number> => valueOf(stage, 'nodejs_gc_duration_seconds_count{kind="scavenge"}')
    let requests = 0
    // On a crowded machine it takes longer until a young generation is full.
    for (let load = 0; load === 0 || (load < 10 && (await scavenges()) === 0); load++) {
      requests += (await runLoadProcess({ url: `${stage.url}/`, durationS: 0.6, connections: 16 })).requests
    }
    // They tell of themselves four times a second.
    await sleep(600)
    // A request of the engine allocates least, some dozens of bytes.
    expect((await workers()) - workersBefore).toBeGreaterThan(20 * requests)
    expect((await own()) - ownBefore).toBeGreaterThan(0)
    expect(await scavenges()).toBeGreaterThan(0)
  },
)

test('the main thread of one worker counts the bytes of its requests', async () => {
  await using stage = await startStage(folder, ['--variant', 'baseline'])
  const own = (): Promise<number> => valueOf(stage, 'nodejs_heap_allocated_bytes_total')
  const before = await own()
  const { requests } = await runLoadProcess({ url: `${stage.url}/`, durationS: 0.5, connections: 16 })
  // node:http makes a request, a response and their headers for each.
  expect((await own()) - before).toBeGreaterThan(1000 * requests)
  expect(await valueOf(stage, 'nodejs_workers_heap_allocated_bytes_total')).toBe(0)
})
