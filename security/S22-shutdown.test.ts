import { setTimeout as sleep } from 'node:timers/promises'
import { rawExchange, startSteadyClients } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { hardenedWithOwn, start, variantsWithOwn } from './variants.ts'

const hardened = hardenedWithOwn('connections')

// One after the other: the clients of each take what there is of the cores.
describe('S22 shutdown', () => {
  test.for(hardened)('$variant: SIGTERM under load loses no request and ends with 0 within 5 s', async (variant) => {
    await using stage = await start(variant)
    const clients = [
      startSteadyClients(stage.port, 32),
      startSteadyClients(stage.port, 32, 50),
      startSteadyClients(stage.port, 8, 600),
    ]
    // Those that pause longest have asked twice.
    await sleep(800)
    const startMs = performance.now()
    const { code, events } = await stage.stop('SIGTERM')
    expect(performance.now() - startMs).toBeLessThan(5_000)
    expect(code).toBe(0)
    for (const { done } of clients) {
      const { answered, lost, toldToClose } = await done
      expect(lost).toBe(0)
      expect(answered).toBeGreaterThan(0)
      expect(toldToClose).toBeGreaterThan(0)
    }
    const drained = events.find(({ event }) => event === 'drained')
    expect(drained).toMatchObject({ dropped: 0 })
    expect(drained!['completed']).toBeGreaterThan(0)
  })
})

// These wait, and use next to nothing.
describe.concurrent('S22 shutdown, of a server at rest', () => {
  test.for(hardened)('$variant: while draining /readyz says 503', async (variant, { expect }) => {
    await using stage = await start(variant)
    const held = rawExchange(stage.port, 'GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n', { timeoutMs: 3_000 })
    await sleep(200)
    expect((await fetch(`${stage.admin}/readyz`)).status).toBe(200)
    stage.signal('SIGTERM')
    await sleep(200)
    expect((await fetch(`${stage.admin}/readyz`)).status).toBe(503)
    expect((await held).closed).toBe('end')
  })

  test.for(variantsWithOwn('connections'))(
    '$variant: a second signal ends it at once with 130',
    async (variant, { expect }) => {
      await using stage = await start(variant)
      // Half a request keeps the drain waiting.
      const held = rawExchange(stage.port, 'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n', {
        timeoutMs: 4_000,
      })
      await sleep(200)
      stage.signal('SIGTERM')
      await sleep(200)
      const startMs = performance.now()
      const { code } = await stage.stop('SIGINT')
      expect(code).toBe(130)
      expect(performance.now() - startMs).toBeLessThan(1_000)
      expect((await held).closed).not.toBe('open')
    },
  )
})
