import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { requireProgram, startBystander, type StageProcess } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { hardenedWithOwn, start, type Variant } from './variants.ts'

const program = requireProgram('slowhttptest', 'apt-get install slowhttptest')
const count = 500

/** Established connections that the server's side of this port has, as the kernel counts them. */
async function established(port: number): Promise<number> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = (await readFile('/proc/net/tcp', 'utf8')).split('\n').slice(1)
  const fields = lines.map((line) => line.trim().split(/\s+/))
  return fields.filter(([, local, , state]) => local?.endsWith(suffix) && state === '01').length
}

/** Attacks and returns the seconds from the first connection to the last one's end. */
async function attack(stage: StageProcess, mode: string, limitS: number): Promise<{ most: number; seconds: number }> {
  const args = ['-c', String(count), '-r', String(count), mode, '-l', '25', '-i', '5', '-u', `${stage.url}/`]
  const child = spawn('slowhttptest', args, { stdio: 'ignore' })
  const exited = once(child, 'exit')
  let most = 0
  let firstMs = 0
  let lastMs = 0
  // The bystander's own connection does not count.
  while (lastMs === 0 || lastMs - firstMs < (limitS + 2) * 1000) {
    const open = (await established(stage.port)) - 1
    most = Math.max(most, open)
    if (open > 0) lastMs = performance.now()
    firstMs ||= lastMs
    if (most > 0 && open === 0 && performance.now() - lastMs > 1_000) break
    await sleep(100)
  }
  child.kill('SIGINT')
  await exited
  return { most, seconds: (lastMs - firstMs) / 1000 }
}

describe.skipIf(!program.available)(`500 connections of slowhttptest ${program.reason}`, () => {
  describe.each([
    ['-H', 'slow headers', 6],
    ['-B', 'slow body', 11],
    ['-X', 'slow read', 11],
  ] as const)('%s (%s)', (mode, _name, limitS) => {
    test.for<Variant>(hardenedWithOwn('connections').slice(0, 1))(
      `$variant: gone within ${limitS} s, a bystander unharmed`,
      async (variant) => {
        await using stage = await start(variant)
        const bystander = await startBystander(stage.port)
        await sleep(200)
        const { most, seconds } = await attack(stage, mode, limitS)
        const { latencyMsP99, errors } = await bystander.stop()
        expect(most).toBeGreaterThan(count * 0.9)
        expect(seconds).toBeLessThanOrEqual(limitS)
        expect(errors).toBe(0)
        expect(latencyMsP99).toBeLessThan(100)
      },
    )
  })
})
