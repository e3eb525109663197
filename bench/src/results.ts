import { describe, QpsError } from '@qps/core'
import type { Commit } from './commit.ts'
import type { Machine } from './machine.ts'
import type { Measure } from './measures.ts'
import type { Skipped } from './peers.ts'
import type { Round } from './round.ts'
import type { IdlePhase, Inputs, Phase, ProgramPlan } from './scenario.ts'
import type { Verdict } from './verdict.ts'

export interface Spread {
  median: number
  min: number
  max: number
}

export interface VariantResult {
  name: string
  kind: 'ours' | 'peer' | 'reference'
  /** Bytes of one whole response of HTTP/1.1 on the wire; absent elsewhere. */
  responseBytes?: number
  /** Every round, whole, void ones too. */
  rounds: Round[]
  summary: Partial<Record<Measure, Spread>>
  /** Measures that must not be compared, with the reason. Their figures stand in `summary` all the same. */
  void: Partial<Record<Measure, string>>
}

/** The arms under one further input of a sweep. */
export interface SweepResult {
  inputs: Inputs
  phases: readonly Phase[]
  variants: VariantResult[]
}

/** What one run of a scenario gives: the JSON of `--json`, and of the committed file. */
export interface Results extends Commit {
  schema: 1
  scenario: string
  question: string
  claims: readonly string[]
  /** ISO 8601, when the run ended. */
  measuredAt: string
  machine: Machine
  parameters: {
    rounds: number
    order: 'alternating'
    phases: readonly Phase[]
    idle?: IdlePhase
    program?: ProgramPlan
  }
  /** The input of `variants`; absent where the scenario is no sweep. */
  inputs?: Inputs
  variants: VariantResult[]
  /** The other inputs of a sweep, in its order. */
  sweeps?: SweepResult[]
  skipped: Skipped[]
  /** The twin of the first variant: the same program, measured as an arm of its own. */
  noise: { variant: string; rounds: Round[]; summary: Partial<Record<Measure, Spread>> }
  /** Noise floor of the measure that decides, as a ratio; null where nothing could be paired. */
  noiseFloor: number | null
  /** That measure; absent in files from before there was a choice: CPU per request. */
  decidedBy?: Measure
  noiseFloors: Partial<Record<Measure, number>>
  verdict: Verdict
  reasons: string[]
}

/**
 * Checks what a results file must have for the tables to be made from it.
 *
 * @param text the file's text. @param shown its path, for the message.
 * @throws QpsError QPS_RESULTS_CORRUPT naming the file, the field and the value.
 */
export function parseResults(text: string, shown: string): Results {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw corrupt(shown, (error as Error).message)
  }
  const root = record(value, 'the file', shown)
  if (root['schema'] !== 1) throw corrupt(shown, `schema must be 1, not ${describe(root['schema'])}`)
  for (const key of ['scenario', 'commit', 'measuredAt', 'verdict']) requireText(root, key, key, shown)
  const machine = record(root['machine'], 'machine', shown)
  for (const key of ['slug', 'cpu', 'node']) requireText(machine, key, `machine.${key}`, shown)
  list(root['reasons'], 'reasons', shown)
  list(root['skipped'], 'skipped', shown)
  list(root['variants'], 'variants', shown).forEach((entry, index) => checkVariant(entry, `variants[${index}]`, shown))
  if (root['inputs'] !== undefined) record(root['inputs'], 'inputs', shown)
  list(root['sweeps'] ?? [], 'sweeps', shown).forEach((entry, index) => checkSweep(entry, `sweeps[${index}]`, shown))
  return root as unknown as Results
}

function checkSweep(value: unknown, at: string, shown: string): void {
  const sweep = record(value, at, shown)
  record(sweep['inputs'], `${at}.inputs`, shown)
  list(sweep['variants'], `${at}.variants`, shown).forEach((entry, index) =>
    checkVariant(entry, `${at}.variants[${index}]`, shown),
  )
}

function checkVariant(value: unknown, at: string, shown: string): void {
  const variant = record(value, at, shown)
  requireText(variant, 'name', `${at}.name`, shown)
  requireText(variant, 'kind', `${at}.kind`, shown)
  list(variant['rounds'], `${at}.rounds`, shown)
  record(variant['void'], `${at}.void`, shown)
  for (const [measure, spread] of Object.entries(record(variant['summary'], `${at}.summary`, shown))) {
    for (const key of ['median', 'min', 'max']) {
      const number = record(spread, `${at}.summary.${measure}`, shown)[key]
      if (typeof number === 'number' && Number.isFinite(number)) continue
      throw corrupt(shown, `${at}.summary.${measure}.${key} must be a number, not ${describe(number)}`)
    }
  }
}

function record(value: unknown, at: string, shown: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw corrupt(shown, `${at} must be an object, not ${describe(value)}`)
}

function list(value: unknown, at: string, shown: string): unknown[] {
  if (Array.isArray(value)) return value
  throw corrupt(shown, `${at} must be a list, not ${describe(value)}`)
}

function requireText(holder: Record<string, unknown>, key: string, at: string, shown: string): void {
  if (typeof holder[key] !== 'string') throw corrupt(shown, `${at} must be a text, not ${describe(holder[key])}`)
}

function corrupt(shown: string, why: string): QpsError {
  return new QpsError('QPS_RESULTS_CORRUPT', `${shown} is not a results file: ${why}`, {
    hint: `restore it (git checkout -- ${shown}) or measure again (npm run bench -- NAME --save)`,
  })
}
