import { globSync } from 'node:fs'
import { basename } from 'node:path'
import { Fields } from './fields.ts'
import { repositoryRoot } from './repository.ts'

export const kinds = ['ours', 'peer', 'reference'] as const
export type Kind = (typeof kinds)[number]

export const benchVerdicts = ['held', 'not-held', 'no-difference', 'invalid'] as const

export interface Spread {
  median: number
  min: number
  max: number
}

/** One arm of an experiment. */
export interface Variant {
  name: string
  kind: Kind
  /** By measure, e.g. `cpuUsPerRequest`. */
  summary: Record<string, Spread>
  /** Measures that must not be compared, with the reason. */
  void: Record<string, string>
  /** The measures of every round, in order. */
  rounds: Record<string, number>[]
}

/** Further inputs of a sweep, beside the headline. */
export interface Sweep {
  /** The inputs in words, e.g. `threads 2, reads 0.9`. */
  inputs: string
  variants: Variant[]
}

/** One committed results file, as far as a page shows it. */
export interface Results {
  /** Path from the top folder. */
  file: string
  scenario: string
  question: string
  commit: string
  dirty: boolean
  /** ISO 8601 */
  measuredAt: string
  machine: { slug: string; cpu: string; cores: number; os: string; node: string }
  rounds: number
  variants: Variant[]
  sweeps: Sweep[]
  skipped: { name: string; reason: string; install: string }[]
  noiseFloor: number | undefined
  verdict: (typeof benchVerdicts)[number]
  reasons: string[]
}

/**
 * Every committed result, the latest measurement of a scenario first.
 *
 * @throws Error with code QPS_RESULTS_CORRUPT in its message, the file, the field and the next step.
 */
export function readResults(): Results[] {
  return globSync('bench/results/*/*.json', { cwd: repositoryRoot })
    .toSorted()
    .map(readOne)
    .toSorted((left, right) => right.measuredAt.localeCompare(left.measuredAt))
}

/** All measurements of one scenario, the latest first: one per machine. */
export function resultsOf(scenario: string, all: readonly Results[]): Results[] {
  return all.filter((results) => results.scenario === scenario)
}

function readOne(file: string): Results {
  try {
    return toResults(file, Fields.ofFile(file))
  } catch (error) {
    const next = `restore it (git checkout -- ${file}) or measure again (npm run bench -- NAME --save)`
    throw new Error(`QPS_RESULTS_CORRUPT: ${(error as Error).message}; ${next}`, { cause: error })
  }
}

function toResults(file: string, fields: Fields): Results {
  if (fields.number('schema') !== 1) throw new Error(`${file}: schema must be 1, not ${fields.number('schema')}`)
  const scenario = fields.text('scenario')
  if (scenario !== basename(file, '.json')) throw new Error(`${file}: scenario is ${JSON.stringify(scenario)}`)
  const machine = fields.object('machine')
  return {
    file,
    scenario,
    question: fields.has('question') ? fields.text('question') : '',
    commit: fields.text('commit'),
    dirty: fields.flag('dirty'),
    measuredAt: fields.text('measuredAt'),
    machine: {
      slug: machine.text('slug'),
      cpu: machine.text('cpu'),
      cores: machine.number('cores'),
      os: machine.text('os'),
      node: machine.text('node'),
    },
    rounds: fields.object('parameters').number('rounds'),
    variants: fields.list('variants').map(toVariant),
    sweeps: fields.has('sweeps') ? fields.list('sweeps').map(toSweep) : [],
    skipped: fields.has('skipped') ? fields.list('skipped').map(toSkipped) : [],
    noiseFloor: fields.has('noiseFloor') ? fields.number('noiseFloor') : undefined,
    verdict: fields.choice('verdict', benchVerdicts),
    reasons: fields.texts('reasons'),
  }
}

function toVariant(fields: Fields): Variant {
  const summary = fields.object('summary')
  const voided = fields.has('void') ? fields.object('void') : undefined
  return {
    name: fields.text('name'),
    kind: fields.choice('kind', kinds),
    summary: fromKeys(summary.keys(), (measure) => toSpread(summary.object(measure))),
    void: fromKeys(voided?.keys() ?? [], (measure) => voided!.text(measure)),
    rounds: fields.list('rounds').map((round) => {
      const measures = round.has('measures') ? round.object('measures') : round
      return fromKeys(
        measures.keys().filter((key) => measures.isNumber(key)),
        (key) => measures.number(key),
      )
    }),
  }
}

function toSpread(fields: Fields): Spread {
  return { median: fields.number('median'), min: fields.number('min'), max: fields.number('max') }
}

function toSweep(fields: Fields): Sweep {
  const inputs = fields.object('inputs')
  const words = inputs.keys().map((key) => `${key} ${inputs.shown(key)}`)
  return { inputs: words.join(', '), variants: fields.list('variants').map(toVariant) }
}

function toSkipped(fields: Fields): Results['skipped'][number] {
  return { name: fields.text('name'), reason: fields.text('reason'), install: fields.text('install') }
}

/** A null-prototype object: a measure named `__proto__` is a measure, nothing else. */
function fromKeys<T>(keys: readonly string[], valueOf: (key: string) => T): Record<string, T> {
  const made: Record<string, T> = Object.create(null)
  for (const key of keys) made[key] = valueOf(key)
  return made
}
