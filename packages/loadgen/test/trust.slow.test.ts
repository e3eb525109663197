import { type LoadOptions, type LoadResult, runLoad } from '@qps/loadgen'
import { knownLatencyMs, type LatencyLaw, startKnownLatency } from '@qps/testkit'
import { expect, test } from 'vitest'

/*
 * The claim: p50 and p99 are within max(5 %, 50 µs) of a distribution that is known beforehand. Both instruments notice
 * when something else took their core: the server by answering late, the generator by sending late. Such a round is no
 * measurement of anything and is done again; the answer is never a reason to do so.
 */
const roundsMax = 20
const serverLateMsMax = 0.05

/** At most 5 %, or 50 µs where that is more. */
const toleranceMs = (expectedMs: number): number => Math.max(0.05 * expectedMs, 0.05)

const stall: LatencyLaw = { kind: 'stall', delayMs: 3, stallAfterMs: 1500, stallMs: 400 }
const cases: [string, LatencyLaw, Omit<LoadOptions, 'url'>][] = [
  ['constant, closed loop', { kind: 'constant', delayMs: 3 }, { connections: 4 }],
  ['constant, closed loop, pipelined', { kind: 'constant', delayMs: 3 }, { connections: 2, pipeline: 4 }],
  ['constant, open loop', { kind: 'constant', delayMs: 3 }, { connections: 16, rateQps: 1000 }],
  [
    'constant, open loop, two threads',
    { kind: 'constant', delayMs: 10 },
    { connections: 16, rateQps: 200, threads: 2 },
  ],
  [
    'bimodal, open loop',
    { kind: 'bimodal', fastMs: 3, slowMs: 20, slowRatio: 0.05, seed: 1 },
    { connections: 64, rateQps: 1000 },
  ],
  ['bimodal, closed loop', { kind: 'bimodal', fastMs: 3, slowMs: 20, slowRatio: 0.05, seed: 2 }, { connections: 4 }],
  ['a stall, open loop, a slot for every request', stall, { connections: 16, pipeline: 64, rateQps: 500 }],
  ['a stall, open loop, one at a time on 64 connections', stall, { connections: 64, rateQps: 500 }],
]

test.each(cases)('p50 and p99 are within max(5 %, 50 µs): %s', { timeout: 180_000 }, async (_name, law, options) => {
  const durationS = law.kind === 'stall' ? 4 : 1.5
  const result = await undisturbed(law, { ...options, durationS })
  for (const [ratio, measuredMs] of [
    [0.5, result.latencyMs.p50],
    [0.99, result.latencyMs.p99],
  ] as const) {
    const expectedMs = knownLatencyMs(law, ratio, durationS)
    const name = `p${ratio * 100} ${measuredMs} ms, expected ${expectedMs.toFixed(3)} ms`
    expect(Math.abs(measuredMs - expectedMs), name).toBeLessThanOrEqual(toleranceMs(expectedMs))
  }
  expect(result.errors).toBe(0)
  expect(result.littleRatio).toBeGreaterThan(0.9)
  expect(result.littleRatio).toBeLessThan(1.1)
})

/** The first round in which neither the server nor the generator was late by its own account. */
async function undisturbed(law: LatencyLaw, options: Omit<LoadOptions, 'url'>): Promise<LoadResult> {
  const notes: string[] = []
  for (let round = 0; round < roundsMax; round++) {
    await using server = await startKnownLatency(law)
    const result = await runLoad({ ...options, url: server.url })
    const lateMs = await server.lateMs()
    if (result.valid && lateMs <= serverLateMsMax) return result
    notes.push(`server late by ${lateMs} ms; ${result.reasons.join('; ') || 'generator undisturbed'}`)
  }
  throw new Error(`the machine was never quiet enough in ${roundsMax} rounds:\n${notes.join('\n')}`)
}
