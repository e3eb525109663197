import type { Results, VariantResult } from '../src/results.ts'
import type { Round } from '../src/round.ts'

/** A round with these measures and nothing wrong. */
export function sampleRound(measures: Round['measures'], findings: Round['findings'] = [], round = 1): Round {
  return { round, position: 1, measures, findings, phases: [] }
}

export function sampleVariant(name: string, cpu: number, kind: VariantResult['kind'] = 'ours'): VariantResult {
  return {
    name,
    kind,
    responseBytes: 190,
    rounds: [sampleRound({ cpuUsPerRequest: cpu })],
    summary: {
      cpuUsPerRequest: { median: cpu, min: cpu - 1, max: cpu + 1 },
      achievedQps: { median: 1e6 / cpu, min: 1e6 / cpu, max: 1e6 / cpu },
      latencyMsP99: { median: 1.5, min: 1, max: 2 },
    },
    void: {},
  }
}

/** A whole result as `--save` stores it. */
export function sampleResults(changes: Partial<Results> = {}): Results {
  return {
    schema: 1,
    scenario: '01-minimal-server',
    question: 'What does it cost?',
    claims: ['1.1'],
    commit: 'a'.repeat(40),
    dirty: false,
    measuredAt: '2026-11-22T12:00:00.000Z',
    machine: { slug: 'test-1c-linux', cpu: 'Test', cores: 1, memoryBytes: 1, os: 'Test', kernel: '1', node: 'v26.0.0' },
    parameters: { rounds: 1, order: 'alternating', phases: [] },
    variants: [sampleVariant('minimal', 40), sampleVariant('observed', 60), sampleVariant('bun', 20, 'peer')],
    skipped: [],
    noise: { variant: 'minimal', rounds: [], summary: {} },
    noiseFloor: 0.02,
    noiseFloors: { cpuUsPerRequest: 0.02 },
    verdict: 'held',
    reasons: ['1.1 held: it is so'],
    ...changes,
  }
}
