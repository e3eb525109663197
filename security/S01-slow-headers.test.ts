import { httpLimits } from '@qps/http'
import { slowClients } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { hardenedWithOwn, start, stockVariants } from './variants.ts'

// All variants are attacked at the same time: the waiting is the same, and they are processes of their own.
describe.concurrent('S1 slow headers', () => {
  const limitMs = httpLimits.headersTimeoutMs + 1_000

  test.for(hardenedWithOwn('connections'))(
    '$variant: 500 connections are gone within the limit + 1 s',
    async (variant, { expect }) => {
      await using stage = await start(variant)
      const slow = slowClients({ port: stage.port, mode: 'headers', count: 500, limitMs: limitMs + 2_000 })
      const silent = slowClients({ port: stage.port, mode: 'silent', count: 50, limitMs: limitMs + 2_000 })
      for (const { closedMs, held } of [await slow, await silent]) {
        expect(held).toBe(0)
        expect(Math.max(...closedMs)).toBeLessThanOrEqual(limitMs)
        expect(Math.min(...closedMs)).toBeGreaterThan(httpLimits.crowdedHeadersTimeoutMs - 1_000)
      }
      expect((await slow).firstAnswer).toMatch(/^HTTP\/1\.1 408 /)
      expect((await fetch(stage.url)).status).toBe(200)
    },
  )

  test.for(stockVariants)('$variant holds all of them: Node looks every 30 s', async (variant, { expect }) => {
    await using stage = await start(variant)
    const { held } = await slowClients({ port: stage.port, mode: 'headers', count: 100, limitMs })
    expect(held).toBe(100)
  })
})

test('the limit is the article’s read timeout', () => expect(httpLimits.headersTimeoutMs).toBe(5_000))
