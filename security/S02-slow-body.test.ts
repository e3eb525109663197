import { connect } from 'node:net'
import { httpLimits } from '@qps/http'
import { slowClients } from '@qps/testkit'
import { describe, test } from 'vitest'
import { hardenedWithOwn, start, stockVariants } from './variants.ts'

describe.concurrent('S2 slow body', () => {
  const limitMs = httpLimits.requestTimeoutMs
  const variants = hardenedWithOwn('connections')

  test.for(variants)('$variant: 500 trickling bodies are refused with 408', async (variant, { expect }) => {
    await using stage = await start(variant)
    const { closedMs, held, firstAnswer } = await slowClients({
      port: stage.port,
      mode: 'body',
      count: 500,
      limitMs: limitMs + 1_000,
    })
    expect(held).toBe(0)
    // The rate is judged once the grace is over; the total limit would come later.
    expect(Math.max(...closedMs)).toBeLessThanOrEqual(httpLimits.bodyGraceMs + 1_000)
    expect(firstAnswer).toMatch(/^HTTP\/1\.1 408 /)
  })

  test.for(variants)('$variant: a body above the least rate still has 10 s in all', async (variant, { expect }) => {
    await using stage = await start(variant)
    const startMs = performance.now()
    const socket = connect(stage.port, '127.0.0.1')
    socket.write('POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n')
    const trickle = setInterval(() => socket.write('x'.repeat(500)), 500)
    let answer = ''
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1'))).on('error', () => {})
    await new Promise((resolve) => socket.once('close', resolve))
    clearInterval(trickle)
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(performance.now() - startMs).toBeGreaterThan(limitMs - 500)
    expect(performance.now() - startMs).toBeLessThan(limitMs + 1_000)
  })

  test.for(stockVariants)('$variant holds all of them', async (variant, { expect }) => {
    await using stage = await start(variant)
    const { held } = await slowClients({ port: stage.port, mode: 'body', count: 100, limitMs })
    expect(held).toBe(100)
  })
})
