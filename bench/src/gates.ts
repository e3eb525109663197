import type { LoadResult } from '@qps/loadgen'
import type { IdleRecord } from './idle.ts'
import type { Measure } from './measures.ts'
import type { ProgramRecord } from './program-run.ts'
import type { IdlePhase, Phase, ProgramPlan, Reading, ServerScenario } from './scenario.ts'

/** A law that a load broke, and the measures that it makes worthless. */
export interface Finding {
  gate: string
  phase: string
  voids: Measure[]
  message: string
}

/** What a gate looks at: a part of the generator's result. */
export type LoadFacts = Pick<
  LoadResult,
  | 'requests'
  | 'errors'
  | 'status'
  | 'offeredQps'
  | 'achievedQps'
  | 'latencyMs'
  | 'littleRatio'
  | 'generatorBusy'
  | 'valid'
  | 'reasons'
>

/**
 * From design: how far off Little's law may be, how busy the generator, how much of the paced rate must be held; how far a
 * program's clock may be from ours, where a mark that is read late by a tenth of a second is none of its fault.
 */
export const gateLimits = {
  littleDeviation: 0.1,
  generatorBusy: 0.95,
  rateHeld: 0.95,
  clockRatio: 0.02,
  clockS: 0.1,
} as const

const rate: readonly Reading[] = ['achievedQps']
const latency: readonly Reading[] = ['latencyMsP50', 'latencyMsP99', 'latencyMsP999']
const cpu: readonly Reading[] = [
  'serverCpuUsPerRequest',
  'generatorCpuUsPerRequest',
  'residentBytes',
  'voluntarySwitchesPerRequest',
  'involuntarySwitchesPerRequest',
  'residentGrowthBytes',
  'heapBytesPerRequest',
  'externalBytes',
  'scavengesPerMillion',
  'markCompactsPerMillion',
  'gcPauseMsP99',
]

interface Gate {
  name: string
  /** CPU per request survives what only distorts time: a disturbed core does not make a request cost more cycles. */
  voids: readonly Reading[]
  /** What is wrong, or undefined. */
  broken: (load: LoadFacts) => string | undefined
}

/**
 * The physics that every load must obey. A table, so that each row can be read, and tested, alone; a cause stands before
 * what follows from it, since the first one is what a void figure is explained with.
 */
const gates: readonly Gate[] = [
  {
    name: 'no-requests',
    voids: [...rate, ...latency, ...cpu],
    broken: ({ requests }) => (requests > 0 ? undefined : 'no request was answered'),
  },
  {
    name: 'rate-not-held',
    voids: [...rate, ...latency, ...cpu],
    broken: ({ offeredQps, achievedQps }) =>
      offeredQps === null || achievedQps >= gateLimits.rateHeld * offeredQps
        ? undefined
        : `the paced rate was not held: ${Math.round(achievedQps)} of ${offeredQps} per second`,
  },
  {
    name: 'errors',
    voids: [...rate, ...latency, ...cpu],
    broken: ({ errors }) => (errors === 0 ? undefined : `${errors} requests failed`),
  },
  {
    name: 'status',
    voids: [...rate, ...latency, ...cpu],
    broken: ({ status }) => {
      const wrong = Object.entries(status).filter(([code, count]) => !code.startsWith('2') && count > 0)
      return wrong.length === 0
        ? undefined
        : `not every answer was 2xx: ${wrong.map(([code, count]) => `${count} of ${code}`).join(', ')}`
    },
  },
  {
    name: 'little',
    voids: [...rate, ...latency],
    broken: ({ littleRatio }) =>
      Math.abs(littleRatio - 1) <= gateLimits.littleDeviation + Number.EPSILON
        ? undefined
        : `Little's law is off by ${percent(littleRatio - 1)}`,
  },
  {
    name: 'generator-busy',
    voids: [...rate, ...latency],
    // An open loop waits by spinning: being busy says nothing there, and being late is found by the generator itself.
    broken: ({ offeredQps, generatorBusy }) =>
      offeredQps !== null || generatorBusy < gateLimits.generatorBusy
        ? undefined
        : `the generator was the limit: ${percent(generatorBusy)} busy`,
  },
  {
    name: 'mean-over-p99',
    voids: [...rate, ...latency],
    broken: ({ latencyMs: { mean, p99 } }) =>
      mean <= p99 ? undefined : `the mean latency ${mean.toFixed(2)} ms exceeds the p99 ${p99.toFixed(2)} ms`,
  },
]

/** What the generator itself objects to and no law above covers, such as requests that it sent late. */
const objection: Gate = {
  name: 'generator',
  voids: [...rate, ...latency],
  broken: ({ valid, reasons }) => (valid ? undefined : reasons.join('; ')),
}

/**
 * Every law that this load broke; empty where it is sound.
 *
 * @param lowerBounds measures that a generator at its limit does not void, see {@link ServerScenario.lowerBounds}; the finding
 *   stays, so that a reader knows.
 */
export function physics(phase: Phase, load: LoadFacts, lowerBounds: ServerScenario['lowerBounds'] = {}): Finding[] {
  const findings = gates.flatMap((gate) => findingOf(gate, phase, load))
  for (const finding of findings) {
    if (finding.gate !== 'generator-busy') continue
    finding.voids = finding.voids.filter((measure) => lowerBounds[measure] === undefined)
  }
  return findings.length > 0 ? findings : findingOf(objection, phase, load)
}

/** What idle connections must obey: bytes per connection are of those that were there, from the first to the last instant. */
export function idlePhysics({ connections, gives }: IdlePhase, { answered, lost, refusal }: IdleRecord): Finding[] {
  const voids = Object.keys(gives) as Measure[]
  const find = (gate: string, message: string): Finding[] => [
    { gate, phase: 'idle', voids, message: `idle: ${message}` },
  ]
  if (answered < connections) {
    const why = refusal === undefined ? '' : `; the first of the others: ${refusal}`
    return find('idle-refused', `only ${answered} of ${connections} connections were answered${why}`)
  }
  return lost === 0 ? [] : find('idle-lost', `${lost} of ${connections} connections were closed while they were held`)
}

/** What a program that measures itself must obey: what it says of the time must be what the runner saw. */
export function programPhysics({ gives }: Pick<ProgramPlan, 'gives'>, record: ProgramRecord): Finding[] {
  const voids = Object.keys(gives) as Measure[]
  const { requests, errors, elapsedS, seenS } = record
  const find = (gate: string, message: string): Finding => ({ gate, phase: 'program', voids, message })
  const findings: Finding[] = []
  if (requests === 0) findings.push(find('no-requests', 'no request was answered'))
  if (errors > 0) findings.push(find('errors', `${errors} requests failed`))
  if (Math.abs(elapsedS - seenS) > gateLimits.clockRatio * seenS + gateLimits.clockS) {
    findings.push(find('clock', `it says that ${elapsedS.toFixed(2)} s passed, and ${seenS.toFixed(2)} s did`))
  }
  return findings
}

function findingOf(gate: Gate, phase: Phase, load: LoadFacts): Finding[] {
  const message = gate.broken(load)
  if (message === undefined) return []
  const voids = measuresFrom(phase, gate.voids)
  return [{ gate: gate.name, phase: phase.name, voids, message: `${phase.name}: ${message}` }]
}

function measuresFrom({ gives }: Phase, readings: readonly Reading[]): Measure[] {
  return (Object.keys(gives) as Measure[]).filter((measure) => readings.includes(gives[measure]!))
}

function percent(ratio: number): string {
  return `${Math.abs(ratio * 100).toFixed(0)} %`
}
