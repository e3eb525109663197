import { expect, test } from 'vitest'
import { idlePhysics, type LoadFacts, physics } from '../src/gates.ts'
import type { IdleRecord } from '../src/idle.ts'
import type { IdlePhase, Phase } from '../src/scenario.ts'

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

test('a generator at its limit leaves a measure standing that only a lower bound is asked of, and stays a finding', () => {
  const busy = { ...sound, generatorBusy: 1 }
  const [finding, ...others] = physics(phase, busy, { achievedQps: 'more could have been answered' })
  expect(others).toEqual([])
  expect(finding).toMatchObject({ gate: 'generator-busy', voids: ['latencyMsP99'] })
})

test('another broken law voids such a measure all the same', () => {
  const findings = physics(phase, { ...sound, generatorBusy: 1, errors: 1 }, { achievedQps: 'enough' })
  expect(findings.find(({ gate }) => gate === 'errors')!.voids).toContain('achievedQps')
})

const idle: IdlePhase = {
  connections: 100,
  connectionsPerAddress: 10,
  settleS: 0,
  durationS: 1,
  gives: { bytesPerConnection: 'bytesPerConnection', idleCpuRatio: 'idleCpuRatio' },
}
const held: IdleRecord = {
  answered: 100,
  refusal: undefined,
  lost: 0,
  emptyBytes: 1000,
  residentBytes: 2000,
  serverCpuUs: 0,
  heldS: 1,
}

test.each<[string, Partial<IdleRecord>, RegExp]>([
  ['idle-refused', { answered: 99, refusal: 'ECONNRESET' }, /only 99 of 100 .* the first of the others: ECONNRESET/],
  ['idle-lost', { lost: 1 }, /1 of 100 connections were closed/],
])('%s voids what is said of idle connections', (gate, changes, message) => {
  expect(idlePhysics(idle, held)).toEqual([])
  const [finding] = idlePhysics(idle, { ...held, ...changes })
  expect(finding).toMatchObject({ gate, voids: ['bytesPerConnection', 'idleCpuRatio'] })
  expect(finding!.message).toMatch(message)
})

test('what memory did in a load is void with the load, and not for a generator at its limit', () => {
  const gives: Phase['gives'] = { bytesPerRequest: 'heapBytesPerRequest', residentGrowthBytes: 'residentGrowthBytes' }
  const [failed] = physics({ ...phase, gives }, { ...sound, errors: 3 })
  expect(failed!.voids).toEqual(['bytesPerRequest', 'residentGrowthBytes'])
  const [busy] = physics({ ...phase, gives }, { ...sound, generatorBusy: 1 })
  expect(busy!.voids).toEqual([])
})
