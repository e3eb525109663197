import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { callOf, rapidReset, rawHttp2, settings, socketClosed, startBystander } from '@qps/testkit'
import { describe, test } from 'vitest'
import { hardenedHttp2Variants, startHttp2 } from './http2-variants.ts'

/** Others may use the cores for a moment, and then a time says nothing about the server: tried so often. */
const attempts = 4
const rateQps = 200

interface Figures {
  closedMs: number
  latencyMsP99: number
  answeredRatio: number
}

const good = ({ closedMs, latencyMsP99, answeredRatio }: Figures): boolean =>
  closedMs < 100 && latencyMsP99 < 100 && answeredRatio > 0.9

describe('S9 rapid reset', () => {
  test.for(hardenedHttp2Variants)(
    '$name: the socket is closed within 100 ms of 20,000 resets, and a bystander keeps its throughput',
    async (variant, { expect }) => {
      await using stage = await startHttp2(variant)
      const flood = rapidReset(variant.call === undefined ? undefined : callOf(variant.call))
      const memoryBefore = await residentBytes(stage.pid)
      const figures: Figures[] = []
      for (let attempt = 0; attempt < attempts; attempt++) {
        const bystander = await startBystander(stage.port, rateQps)
        const beganMs = performance.now()
        const attacker = await rawHttp2(stage.http2Port, variant.secure)
        attacker.write(settings())
        await sleep(300)
        attacker.write(flood)
        const closedMs = await socketClosed(attacker, 5_000)
        await sleep(200)
        const expected = (rateQps * (performance.now() - beganMs)) / 1_000
        const { requests, errors, latencyMsP99 } = await bystander.stop()
        expect(errors).toBe(0)
        figures.push({ closedMs, latencyMsP99, answeredRatio: requests / expected })
        if (good(figures.at(-1)!)) break
      }
      expect(figures.at(-1)).toSatisfy(good)
      expect((await residentBytes(stage.pid)) - memoryBefore).toBeLessThan(40 * 1024 * 1024)
      expect((await fetch(stage.url)).status).toBe(200)
    },
  )
})

async function residentBytes(pid: number): Promise<number> {
  const [, pages] = (await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')
  return Number(pages) * 4096
}
