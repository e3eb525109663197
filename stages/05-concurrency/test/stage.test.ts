import { httpSurfaceConformance, startStage } from '@qps/testkit'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { folder, variants } from './variants.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const workers: Readonly<Record<string, number>> = { 'shared-map': 2, 'worker-pool': 2 }

for (const variant of variants) {
  httpSurfaceConformance(
    variant,
    () => startStage(folder, ['--variant', variant]),
    (stage) => {
      test('says where it listens, and drains at SIGTERM with exit code 0', async () => {
        const { events, stop, stderr } = stage()
        expect(events[0]).toMatchObject({ event: 'listening', stage: 5, variant, workers: workers[variant] ?? 1 })
        expect((await stop()).code).toBe(0)
        expect(events.at(-1)).toMatchObject({ event: 'drained', dropped: 0 })
        expect(stderr()).toBe('')
      })
    },
  )
}

function command(...options: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['--conditions=@qps/source', main, ...options], {
    encoding: 'utf8',
    timeout: 20_000,
  })
}

describe('the command', () => {
  test('--list names the variants', () => {
    const listed = JSON.parse(command('--list', '--json').stdout) as { best: string; variants: { name: string }[] }
    expect(listed).toMatchObject({ stage: 5, best: 'shared-map' })
    expect(listed.variants.map(({ name }) => name)).toEqual(variants)
  })

  test.each([
    [['--variant', 'shared-map', '--policy', 'abort'], '--variant worker-pool'],
    [['--variant', 'shared-map', '--map', 'optimist'], 'optimistic'],
    [['--variant', 'context', '--workers', '2'], '--variant shared-map or worker-pool'],
    [['--variant', 'worker-pool', '--policy', 'caller'], 'caller-runs'],
  ])('%j is refused with the next step', (options, hint) => {
    const { status, stderr } = command('--port', '0', '--admin-port', '0', ...options)
    expect(status).toBe(2)
    expect(stderr).toContain(hint)
  })

  test('--workers is how many threads there are', async () => {
    await using stage = await startStage(folder, ['--variant', 'shared-map', '--workers', '3'])
    expect(stage.events[0]).toMatchObject({ workers: 3 })
  })
})
