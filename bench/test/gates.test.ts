import { expect, test } from 'vitest'
import { type LoadFacts, physics } from '../src/gates.ts'
import type { Phase } from '../src/scenario.ts'

const phase: Phase = {
  name: 'closed',
  connections: 64,
  warmupS: 0,
  durationS: 1,
  gives: { cpuUsPerRequest: 'serverCpuUsPerRequest', achievedQps: 'achievedQps', latencyMsP99: 'latencyMsP99' },
}

const sound: LoadFacts = {
  requests: 1000,
  errors: 0,
  status: { '200': 1000 },
  offeredQps: null,
  achievedQps: 1000,
  latencyMs: { mean: 1, p50: 1, p90: 1.5, p99: 2, p999: 3, max: 4 },
  littleRatio: 1,
  generatorBusy: 0.5,
  valid: true,
  reasons: [],
}

const time = ['achievedQps', 'latencyMsP99']
const everything = ['cpuUsPerRequest', ...time]

test('a sound load breaks no law', () => {
  expect(physics(phase, sound)).toEqual([])
})

test.each<[string, Partial<LoadFacts>, string[], RegExp]>([
  ['no-requests', { requests: 0 }, everything, /no request/],
  ['errors', { errors: 3 }, everything, /3 requests failed/],
  ['status', { status: { '200': 990, '503': 10 } }, everything, /10 of 503/],
  ['rate-not-held', { offeredQps: 3000, achievedQps: 2849 }, everything, /2849 of 3000/],
  ['little', { littleRatio: 1.11 }, time, /off by 11 %/],
  ['little', { littleRatio: 0.89 }, time, /off by 11 %/],
  ['little', { littleRatio: NaN }, time, /Little/],
  ['generator-busy', { generatorBusy: 0.95 }, time, /generator was the limit/],
  ['mean-over-p99', { latencyMs: { ...sound.latencyMs, mean: 2.5 } }, time, /mean latency 2.50 ms exceeds/],
  ['generator', { valid: false, reasons: ['it was late'] }, time, /closed: it was late/],
])('%s is found in %j', (gate, facts, voids, message) => {
  const findings = physics(phase, { ...sound, ...facts })
  expect(findings.map((finding) => finding.gate)).toEqual([gate])
  expect(findings[0]!.voids).toEqual(voids)
  expect(findings[0]!.message).toMatch(message)
})

test.each<[string, Partial<LoadFacts>]>([
  ['Little at ten percent', { littleRatio: 1.1 }],
  ['a generator just under its limit', { generatorBusy: 0.949 }],
  ['a paced rate held to 95 %', { offeredQps: 3000, achievedQps: 2850 }],
  ['a generator that spins in an open loop', { offeredQps: 1000, generatorBusy: 1 }],
  ['a mean equal to the p99', { latencyMs: { ...sound.latencyMs, mean: 2 } }],
])('%s is let through', (_, facts) => {
  expect(physics(phase, { ...sound, ...facts })).toEqual([])
})
