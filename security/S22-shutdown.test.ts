import { setTimeout as sleep } from 'node:timers/promises'
import { rawExchange, startSteadyClients } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { hardenedVariants, start, variants } from './variants.ts'

describe.each(hardenedVariants)('S22 shutdown: $variant', (variant) => {
  test('SIGTERM under load loses no request and ends with 0 within 5 s', async () => {
    await using stage = await start(variant)
    const clients = [
      startSteadyClients(stage.port, 32),
      startSteadyClients(stage.port, 32, 50),
      startSteadyClients(stage.port, 8, 600),
    ]
    await sleep(1_500)
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

  test('while draining /readyz says 503', async () => {
    await using stage = await start(variant)
    const held = rawExchange(stage.port, 'GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n', { timeoutMs: 3_000 })
    await sleep(200)
    expect((await fetch(`${stage.admin}/readyz`)).status).toBe(200)
    stage.signal('SIGTERM')
    await sleep(200)
    expect((await fetch(`${stage.admin}/readyz`)).status).toBe(503)
    expect((await held).closed).toBe('end')
  })
})

describe.each(variants)('S22 second signal: $variant', (variant) => {
  test('ends at once with 130', async () => {
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
  })
})
