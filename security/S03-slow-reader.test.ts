import { httpLimits } from '@qps/http'
import { slowClients, startBystander } from '@qps/testkit'
import { describe, test } from 'vitest'
import { Turns } from './turns.ts'
import { hardenedWithOwn, start, stockVariants } from './variants.ts'

const limitMs = httpLimits.readerStallMs
/** A crowd has arrived by then. */
const arrivalMs = 1_500
/** The waits run side by side. Arrivals do not: several crowds at once would be what a bystander suffers from. */
const turns = new Turns()
const variants = hardenedWithOwn('connections')

describe.concurrent('S3 slow reader', () => {
  // Few enough to be no crowd: it is the drain-rate watchdog that is tried here, not the crowded idle limit.
  const large = { mode: 'reader', count: 10 } as const

  test.for(variants)('$variant: readers of large answers are cut within 10 s', async (variant, { expect }) => {
    using turn = await turns.next()
    await using stage = await start(variant)
    turn.end(arrivalMs)
    const { closedMs, held } = await slowClients({ ...large, port: stage.port, limitMs: limitMs + 2_000 })
    expect(held).toBe(0)
    // Counted from connecting; the wait begins a little later, when the buffers of both kernels are full.
    expect(Math.max(...closedMs)).toBeLessThanOrEqual(limitMs + 1_500)
    expect(Math.min(...closedMs)).toBeGreaterThan(limitMs - 2_000)
  })

  test.for(stockVariants)('$variant holds all of them', async (variant, { expect }) => {
    using turn = await turns.next()
    await using stage = await start(variant)
    turn.end(arrivalMs)
    const { held } = await slowClients({ ...large, port: stage.port, limitMs: limitMs + 1_000 })
    expect(held).toBe(large.count)
  })
})

describe.concurrent('S3 a crowd of connections that take small answers and stay', () => {
  test.for(variants)('$variant: 500 of 500 are closed within 10 s, others unharmed', async (variant, { expect }) => {
    using turn = await turns.next()
    await using stage = await start(variant)
    const bystander = await startBystander(stage.port)
    turn.end(arrivalMs)
    const { closedMs, held } = await slowClients({
      port: stage.port,
      mode: 'idle',
      count: 500,
      limitMs: limitMs + 1_000,
    })
    const { latencyMsP99, errors } = await bystander.stop()
    expect(held).toBe(0)
    expect(Math.max(...closedMs)).toBeLessThanOrEqual(limitMs + 250)
    expect(errors).toBe(0)
    expect(latencyMsP99).toBeLessThan(100)
  })
})
