import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runLoadProcess } from '@qps/loadgen'
import { httpSurfaceConformance, startStage } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { metricsOf, sum } from './metrics.ts'

const folder = '02-event-loop'
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const engines = ['libuv', 'epoll', 'io_uring', 'fastify-netpoll']
const variants = ['baseline', 'cluster', 'reuseport', ...engines]

for (const variant of variants) {
  httpSurfaceConformance(
    variant,
    () => startStage(folder, ['--variant', variant]),
    (stage) => {
      test('says where it listens, and drains at SIGTERM with exit code 0', async () => {
        const { pid, events } = stage()
        expect(events[0]).toMatchObject({ event: 'listening', stage: 2, variant, pid, endpoints: {}, parts: {} })
        expect((await stage().stop()).code).toBe(0)
        const drained = { event: 'drained', completed: expect.any(Number), dropped: 0, ms: expect.any(Number) }
        expect(events.at(-1)).toEqual(drained)
      })
    },
  )
}

describe('the command', () => {
  test('of a server that nobody asked anything, nothing is completed', async () => {
    await using stage = await startStage(folder)
    const { code, events } = await stage.stop()
    expect(code).toBe(0)
    expect(events.at(-1)).toMatchObject({ event: 'drained', completed: 0, dropped: 0 })
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
