import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { httpSurfaceConformance, startStage } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { teachingVariants, usableVariants } from './variants.ts'

const folder = '04-memory-pooling'
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const variants = [...usableVariants, ...teachingVariants]

for (const variant of usableVariants) {
  httpSurfaceConformance(
    variant,
    () => startStage(folder, ['--variant', variant]),
    (stage) => {
      test('counts items under their route, whatever their id', async () => {
        const { url, admin } = stage()
        for (const id of ['1', '2', '9999']) await (await fetch(`${url}/items/${id}`)).text()
        await (await fetch(`${url}/items/10001`)).text()
        const metrics = await (await fetch(`${admin}/metrics`)).text()
        expect(metrics).toContain('http_server_requests_total{method="GET",route="/items/:id",status="200"} 3')
        expect(metrics).toContain('http_server_requests_total{method="GET",route="/items/:id",status="404"} 1')
      })

      test('says where it listens, and drains at SIGTERM with exit code 0', async () => {
        const { events } = stage()
        expect(events[0]).toMatchObject({ event: 'listening', stage: 4, variant, workers: 1, endpoints: {} })
        expect((await stage().stop()).code).toBe(0)
        expect(events.at(-1)).toMatchObject({ event: 'drained', dropped: 0 })
      })
    },
  )
}

describe('the command', () => {
  test.each(teachingVariants)('%s says where it listens, and drains at SIGTERM with exit code 0', async (variant) => {
    await using stage = await startStage(folder, ['--variant', variant])
    expect(stage.events[0]).toMatchObject({ event: 'listening', stage: 4, variant, workers: 1, endpoints: {} })
    expect((await fetch(`${stage.url}/items/7`)).status).toBe(200)
    const { code, events } = await stage.stop()
    expect(code).toBe(0)
    expect(events.at(-1)).toMatchObject({ event: 'drained', dropped: 0 })
  })

  test('--list names the variants', () => {
    const options = ['--conditions=@qps/source', main, '--list', '--json']
    const { stdout } = spawnSync(process.execPath, options, { encoding: 'utf8', timeout: 20_000 })
    const listed = JSON.parse(stdout) as { best: string; variants: { name: string }[] }
    expect(listed).toMatchObject({ stage: 4, best: 'zero' })
    expect(listed.variants.map(({ name }) => name)).toEqual(variants)
  })

  test('--pool-bytes means nothing to a variant without a pool', () => {
    const options = ['--conditions=@qps/source', main, '--variant', 'baseline', '--pool-bytes', '65536']
    const { status, stderr } = spawnSync(process.execPath, options, { encoding: 'utf8', timeout: 20_000 })
    expect(status).toBe(2)
    expect(stderr).toContain('--variant pooled')
  })
})
