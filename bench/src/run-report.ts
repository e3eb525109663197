import type { Commit } from './commit.ts'
import { thisMachine } from './machine.ts'
import { type Measure, measureNames } from './measures.ts'
import { noiseFloor } from './noise.ts'
import type { Skipped } from './peers.ts'
import type { Results, SweepResult, VariantResult } from './results.ts'
import type { Round } from './round.ts'
import type { Inputs, Phase, Scenario, ServerScenario } from './scenario.ts'
import { armName, type Subject } from './subject.ts'
import { type ArmSummary, soundValues, summarizeRounds } from './summary.ts'
import { inputsText, type Point, pointsOf } from './sweep.ts'
import { judge } from './verdict.ts'

/** A finished experiment. */
interface Run {
  scenario: Scenario
  /** As it was when the run began: what changed since was not measured. */
  commit: Commit
  rounds: number
  /** Length of the measured loads where it was not the phases' own. */
  seconds: number | undefined
  subjects: readonly Subject[]
  /** The second arm of the first subject. */
  twin: Subject
  skipped: Skipped[]
}

/** Medians, noise floors, verdict and reasons of a finished experiment. */
export function reportOf(run: Run): Results {
  const { scenario, subjects, twin } = run
  const [headline, ...others] = pointsOf(scenario)
  const summaries = new Map(
    subjects.map(({ spec, point, rounds }) => [keyOf(spec.name, point.inputs), summarizeRounds(rounds)]),
  )
  const summaryOf = (variant: string, inputs: Inputs = headline.inputs): ArmSummary | undefined =>
    summaries.get(keyOf(variant, inputs))
  const floors = noiseFloors(subjects[0]!.rounds, twin.rounds)
  const { verdict, reasons } = judge(scenario.expectations, {
    median: (variant, measure, at) => summaryOf(variant, at)?.summary[measure]?.median,
    voidedBy: (variant, measure, at) => summaryOf(variant, at)?.voidedBy[measure] ?? [],
    noiseFloor: (measure) => floors[measure],
  })
  return {
    schema: 1,
    scenario: scenario.name,
    question: scenario.question,
    claims: scenario.claims,
    ...run.commit,
    measuredAt: new Date().toISOString(),
    machine: thisMachine(),
    parameters: {
      rounds: run.rounds,
      order: 'alternating',
      phases: phasesAsRun(headline.phases, run.seconds),
      ...(headline.program && {
        program: { ...headline.program, durationS: run.seconds ?? headline.program.durationS },
      }),
      ...(headline.idle && { idle: { ...headline.idle, durationS: run.seconds ?? headline.idle.durationS } }),
    },
    ...(scenario.sweep && { inputs: headline.inputs }),
    variants: variantsAt(headline, subjects),
    ...(scenario.sweep && { sweeps: others.map((point) => sweepAt(point, run)) }),
    skipped: run.skipped,
    noise: { variant: twin.spec.name, rounds: twin.rounds, summary: summarizeRounds(twin.rounds).summary },
    noiseFloor: floors[scenario.decidedBy] ?? null,
    decidedBy: scenario.decidedBy,
    noiseFloors: floors,
    verdict,
    reasons: [
      ...reasons,
      ...subjects.flatMap((subject) => [
        ...voidReasons(subject),
        ...lowerBoundReasons(subject, (scenario.program === undefined && scenario.lowerBounds) || {}),
        ...endReasons(subject),
      ]),
    ],
  }
}

function keyOf(variant: string, inputs: Inputs): string {
  return JSON.stringify([variant, inputsText(inputs)])
}

function sweepAt(point: Point, { subjects, seconds }: Run): SweepResult {
  return {
    inputs: point.inputs,
    phases: phasesAsRun(point.phases, seconds),
    variants: variantsAt(point, subjects),
  }
}

function variantsAt({ inputs }: Point, subjects: readonly Subject[]): VariantResult[] {
  return subjects
    .filter(({ point }) => inputsText(point.inputs) === inputsText(inputs))
    .map(({ spec, answer, rounds }) => {
      const { summary, void: voided } = summarizeRounds(rounds)
      // Of HTTP/2 it would depend on what the connection carried before.
      const size = answer?.protocol === 'h1' && { responseBytes: answer.text.length }
      return { name: spec.name, kind: spec.kind, ...size, rounds, summary, void: voided }
    })
}

function phasesAsRun(phases: readonly Phase[], seconds: number | undefined): Phase[] {
  return phases.map((phase) => ({ ...phase, durationS: seconds ?? phase.durationS }))
}

function noiseFloors(rounds: readonly Round[], twins: readonly Round[]): Partial<Record<Measure, number>> {
  const floors: Partial<Record<Measure, number>> = {}
  for (const measure of measureNames) {
    const floor = noiseFloor(soundValues(rounds, measure), soundValues(twins, measure))
    if (floor !== undefined) floors[measure] = floor
  }
  return floors
}

/** One sentence per cause, however many measures it spoils. */
function voidReasons({ spec, point, rounds }: Subject): string[] {
  const byCause = Map.groupBy(Object.entries(summarizeRounds(rounds).void), ([, why]) => why)
  return [...byCause].map(([why, entries]) => {
    const spoiled = entries.map(([measure]) => measure).join(', ')
    return `${spoiled} of ${armName(spec, point.inputs)} ${entries.length === 1 ? 'is' : 'are'} void: ${why}`
  })
}

/** What a busy generator left standing because only a lower bound is asked for. */
function lowerBoundReasons(
  { spec, point, rounds }: Subject,
  bounds: NonNullable<ServerScenario['lowerBounds']>,
): string[] {
  const busy = rounds.filter(({ findings }) => findings.some(({ gate }) => gate === 'generator-busy')).length
  if (busy === 0) return []
  const when = `the generator was the limit in ${busy} of ${rounds.length} rounds`
  return Object.entries(bounds).map(
    ([measure, why]) => `${measure} of ${armName(spec, point.inputs)} is a lower bound, ${when}: ${why}`,
  )
}

function endReasons({ spec, point, rounds }: Subject): string[] {
  return rounds.flatMap(({ round, findings }) =>
    findings
      .filter(({ gate }) => gate === 'end')
      .map(({ message }) => `${armName(spec, point.inputs)} in round ${round}: ${message}`),
  )
}
