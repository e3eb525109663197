import { setTimeout as sleep } from 'node:timers/promises'
import { runLoadProcess } from '@qps/loadgen'
import { type StageProcess, startStage } from '@qps/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { metricsOf, sum } from './metrics.ts'

const folder = '02-event-loop'

describe.each(['libuv', 'epoll', 'io_uring', 'fastify-netpoll'])('the loop of %s', (variant) => {
  const hasTrace = variant !== 'fastify-netpoll'
  let stage: StageProcess
  beforeAll(async () => {
    stage = await startStage(folder, ['--variant', variant])
    await fetch(`${stage.url}/`)
  })
  afterAll(() => stage?.[Symbol.asyncDispose]())

  test.runIf(hasTrace)('GET /trace shows a request on its way through the loop', async () => {
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

  test('a block of 50 ms is what its clients wait, and the next ones do not', async () => {
    const block = async (): Promise<{ max: number; p50: number }> => {
      const loading = runLoadProcess({ url: `${stage.url}/`, durationS: 1.2, connections: 8, rateQps: 1_000 })
      await sleep(800)
      expect((await fetch(`${stage.admin}/block?ms=50`, { method: 'POST' })).status).toBe(200)
      const { latencyMs, errors } = await loading
      expect(errors).toBe(0)
      return latencyMs
    }
    let latencyMs = await block()
    // Others may have the cores, and then everybody waits: tried a few times.
    for (let again = 0; again < 4 && latencyMs.p50 >= 25; again++) latencyMs = await block()
    // Somebody asks within the first two milliseconds of it, and waits for the rest.
    expect(latencyMs.max).toBeGreaterThan(48)
    expect(latencyMs.p50).toBeLessThan(25)
  })

  test('its utilization is near 0 when idle and near 1 when saturated', async () => {
    const utilization = async (): Promise<number> => sum(await metricsOf(stage), 'nodejs_eventloop_utilization')
    await utilization()
    await sleep(600)
    expect(await utilization()).toBeLessThan(0.2)
    // Deep enough for work to lie ready whenever the generator is off its core.
    const enough = new AbortController()
    const load = { connections: 64, pipeline: 16, durationS: 10, signal: enough.signal }
    const loading = runLoadProcess({ url: `${stage.url}/`, ...load })
    await sleep(700)
    await utilization()
    let busiest = 0
    // What the generator does not ask for in time, where it has no core of its own, is not the loop's: a window at a time.
    for (let window = 0; window < 20 && busiest <= 0.75; window++) {
      await sleep(350)
      busiest = Math.max(busiest, await utilization())
    }
    expect(busiest).toBeGreaterThan(0.75)
    enough.abort()
    await loading
  })
})
