import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { http2Floods, rawHttp2, settings } from '@qps/testkit'
import { describe, test } from 'vitest'
import { allHttp2Variants, startHttp2 } from './http2-variants.ts'

const megabyte = 1_000_000
/** In this time all of a flood has been read, or its connection is gone. */
const floodMs = 1_000

async function residentBytes(pid: number): Promise<number> {
  const [, pages] = (await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')
  return Number(pages) * 4096
}

// What stock Node counts ends these connections; the options of a server must not raise its bounds.
describe.concurrent('S10 floods of HTTP/2 frames', () => {
  test.for(allHttp2Variants)(
    '$name: none of them makes the process grow by more than 20 MB, or keeps others waiting',
    async (variant, { expect }) => {
      await using stage = await startHttp2(variant)
      // The code that such frames run for the first time is loaded and compiled once.
      for (const [, flood] of http2Floods) await attack(stage.http2Port, variant.secure, flood())
      for (const [name, flood] of http2Floods) {
        const before = await residentBytes(stage.pid)
        await attack(stage.http2Port, variant.secure, flood())
        const grownBytes = (await residentBytes(stage.pid)) - before
        expect(grownBytes, name).toBeLessThan(20 * megabyte)
        const startMs = performance.now()
        expect((await fetch(stage.url)).status, name).toBe(200)
        expect(performance.now() - startMs, name).toBeLessThan(1_000)
      }
    },
  )
})

/** Never reads: what the server has to answer is the server's to keep. */
async function attack(port: number, secure: boolean, flood: Buffer): Promise<void> {
  const attacker = await rawHttp2(port, secure)
  attacker.write(Buffer.concat([settings(), flood]))
  for (let waitedMs = 0; waitedMs < floodMs && !attacker.destroyed; waitedMs += 50) await sleep(50)
  attacker.destroy()
}
