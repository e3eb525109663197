import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runLoadProcess } from '@qps/loadgen'
import { httpSurfaceConformance, type StageProcess, startStage } from '@qps/testkit'
import { describe, expect, test } from 'vitest'

const folder = '02-event-loop'
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const engines = ['libuv', 'epoll', 'io_uring', 'fastify-netpoll']
const variants = ['baseline', 'cluster', 'reuseport', ...engines]

for (const variant of variants) {
  httpSurfaceConformance(variant, () => startStage(folder, ['--variant', variant]))
}

const metricsOf = async (stage: StageProcess): Promise<string> => (await fetch(`${stage.admin}/metrics`)).text()

/** The sum of all samples of a metric whose labels contain this. */
function sum(metrics: string, name: string, labels = ''): number {
  const lines = metrics.split('\n').filter((line) => line.startsWith(name) && line.includes(labels))
  return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

describe('the command', () => {
  test.each(variants)('%s says where it listens, and drains at SIGTERM with exit code 0', async (variant) => {
    await using stage = await startStage(folder, ['--variant', variant])
    expect(stage.events[0]).toMatchObject({
      event: 'listening',
      stage: 2,
      variant,
      pid: stage.pid,
      endpoints: {},
      parts: {},
    })
    const { code, events } = await stage.stop()
    expect(code).toBe(0)
    expect(events.at(-1)).toEqual({ event: 'drained', completed: 0, dropped: 0, ms: expect.any(Number) })
  })

  test('--list names the variants', () => {
    const options = ['--conditions=@qps/source', main, '--list', '--json']
    const { stdout } = spawnSync(process.execPath, options, { encoding: 'utf8', timeout: 20_000 })
    const listed = JSON.parse(stdout) as { best: string; variants: { name: string }[] }
    expect(listed).toMatchObject({ stage: 2, best: 'io_uring' })
    expect(listed.variants.map(({ name }) => name)).toEqual(variants)
  })
})

describe.each(['cluster', 'reuseport', 'io_uring'])('two workers of %s', (variant) => {
  test('share the port, and the metrics are those of both', async () => {
    await using stage = await startStage(folder, ['--variant', variant, '--workers', '2'])
    expect(stage.events[0]).toMatchObject({ workers: 2 })
    const load = await runLoadProcess({ url: `${stage.url}/plaintext`, durationS: 0.7, connections: 32 })
    expect(load.errors).toBe(0)
    // Members hand their figures over now and then; the generator stops in the middle, with requests it does not count.
    const counted = async (): Promise<number> =>
      sum(await metricsOf(stage), 'http_server_requests_total', 'route="/plaintext",status="200"')
    await expect.poll(counted, { timeout: 5_000 }).toBeGreaterThanOrEqual(load.requests)
    let before = -1
    while (before !== (before = await counted())) await sleep(300)
    await Promise.all(Array.from({ length: 40 }, async () => (await fetch(`${stage.url}/plaintext`)).text()))
    await expect.poll(counted, { timeout: 5_000 }).toBe(before + 40)
    expect((await stage.stop()).code).toBe(0)
  })
})

describe.each(engines)('the loop of %s', (variant) => {
  const hasTrace = variant !== 'fastify-netpoll'

  test('a block of 50 ms is what its clients wait, and the next ones do not', async () => {
    await using stage = await startStage(folder, ['--variant', variant])
    await fetch(`${stage.url}/`)
    const loading = runLoadProcess({ url: `${stage.url}/`, durationS: 1.5, connections: 8, rateQps: 1_000 })
    await sleep(900)
    expect((await fetch(`${stage.admin}/block?ms=50`, { method: 'POST' })).status).toBe(200)
    const { latencyMs, errors } = await loading
    expect(errors).toBe(0)
    // Somebody asks within the first two milliseconds of it, and waits for the rest.
    expect(latencyMs.max).toBeGreaterThan(48)
    expect(latencyMs.p50).toBeLessThan(25)
  })

  test('its utilization is near 0 when idle and near 1 when saturated', async () => {
    await using stage = await startStage(folder, ['--variant', variant])
    const utilization = async (): Promise<number> => sum(await metricsOf(stage), 'nodejs_eventloop_utilization')
    await fetch(`${stage.url}/`)
    await utilization()
    await sleep(1_000)
    expect(await utilization()).toBeLessThan(0.2)
    // Deep enough for work to lie ready whenever the generator is off its core.
    const loading = runLoadProcess({ url: `${stage.url}/`, durationS: 3, connections: 64, pipeline: 16 })
    await sleep(1_000)
    await utilization()
    let busiest = 0
    for (let window = 0; window < 4; window++) {
      await sleep(500)
      busiest = Math.max(busiest, await utilization())
    }
    // The rest is what the generator does not ask for in time where it has no core of its own.
    expect(busiest).toBeGreaterThan(0.75)
    await loading
  })

  test.runIf(hasTrace)('GET /trace shows a request on its way through the loop', async () => {
    await using stage = await startStage(folder, ['--variant', variant])
    const traced = fetch(`${stage.admin}/trace`).then((answer) => answer.text())
    await sleep(200)
    await (await fetch(`${stage.url}/`)).text()
    const page = await traced
    expect(page).toMatch(/^ *µs {2}step {4}count\n/)
    expect(page).toMatch(/\n +\d+ {2}run +1 {2}a handler runs\n/)
    for (const line of page.trimEnd().split('\n').slice(1)) {
      expect(line).toMatch(/^ +\d+ {2}(submit|wait|wake|ready|run|flush) +\d+ {2}\w/)
    }
  })
})
