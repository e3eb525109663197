import { setTimeout as sleep } from 'node:timers/promises'
import { runLoadProcess } from '@qps/loadgen'
import { startStage } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { metricsOf, sum } from './metrics.ts'

const folder = '02-event-loop'

describe.each(['libuv', 'epoll', 'io_uring', 'fastify-netpoll'])('the loop of %s', (variant) => {
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
    await sleep(600)
    expect(await utilization()).toBeLessThan(0.2)
    // Deep enough for work to lie ready whenever the generator is off its core.
    const loading = runLoadProcess({ url: `${stage.url}/`, durationS: 2, connections: 64, pipeline: 16 })
    await sleep(900)
    await utilization()
    let busiest = 0
    for (let window = 0; window < 3; window++) {
      await sleep(400)
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
