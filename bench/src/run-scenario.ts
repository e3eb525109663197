import { messageOf, QpsError } from '@qps/core'
import { type Answer, difference } from './answer.ts'
import { checkAnswer } from './answer-check.ts'
import { type ArmSpec, fillCommand, startArm } from './arm.ts'
import { currentCommit } from './commit.ts'
import { thisMachine } from './machine.ts'
import { type Measure, measureNames } from './measures.ts'
import { noiseFloor } from './noise.ts'
import { repositoryRoot } from './paths.ts'
import { preparePeer, type Skipped } from './peers.ts'
import type { Results, VariantResult } from './results.ts'
import { type Round, type RoundOptions, runRound } from './round.ts'
import type { Scenario } from './scenario.ts'
import { type ArmSummary, soundValues, summarizeRounds } from './summary.ts'
import { judge } from './verdict.ts'

export interface RunOptions extends RoundOptions {
  rounds: number
  /** Called after every arm of every round. */
  onRound?: ((arm: string, round: Round) => void) | undefined
  /** Called for every peer that is left out. */
  onSkipped?: ((skipped: Skipped) => void) | undefined
}

/** One arm of a running experiment. */
interface Subject {
  spec: ArmSpec
  answer: Answer
  rounds: Round[]
}

/** Our variants as arms, started from the tree at `root`. */
export function ownArms({ variants }: Pick<Scenario, 'variants'>, root: string = repositoryRoot): ArmSpec[] {
  return variants.map(({ name, command }) => ({
    name,
    kind: 'ours',
    command: fillCommand(command, { node: process.execPath, root }),
    folder: root,
  }))
}

/**
 * Runs an experiment: right answers first, then the rounds in alternating order, then the verdict.
 *
 * @throws QpsError QPS_ARM_FAILED or QPS_WRONG_ANSWER where a variant of ours does not start or answers wrongly; a peer
 *   that does is left out, with the reason. Whatever fails once the rounds have begun is kept as a finding.
 */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Results> {
  const { subjects, skipped } = await checkedSubjects(scenario, options)
  const [first, ...others] = subjects
  if (first === undefined) throw new QpsError('QPS_ARM_FAILED', `${scenario.name} has no variant of ours`)
  const twin: Subject = { ...first, rounds: [] }
  await runRounds([first, twin, ...others], scenario, first.answer, options)
  return report(scenario, options, subjects, twin, skipped)
}

/** Every arm once, before anything is timed: it starts, answers rightly, and as the first variant does. */
async function checkedSubjects(
  scenario: Scenario,
  { signal, onSkipped }: RunOptions,
): Promise<{ subjects: Subject[]; skipped: Skipped[] }> {
  const subjects: Subject[] = []
  const skipped: Skipped[] = []
  const skip = (entry: Skipped): void => {
    skipped.push(entry)
    onSkipped?.(entry)
  }
  for (const spec of ownArms(scenario)) {
    subjects.push({ spec, answer: await answerOf(spec, scenario, subjects[0]?.answer, signal), rounds: [] })
  }
  for (const name of scenario.peers) {
    const spec = await preparePeer(name)
    if ('reason' in spec) {
      skip(spec)
      continue
    }
    try {
      subjects.push({ spec, answer: await answerOf(spec, scenario, subjects[0]?.answer, signal), rounds: [] })
    } catch (error) {
      signal?.throwIfAborted()
      skip({ name, reason: messageOf(error), install: `correct bench/peers/${name}` })
    }
  }
  return { subjects, skipped }
}

async function answerOf(
  spec: ArmSpec,
  scenario: Scenario,
  reference: Answer | undefined,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  await using arm = await startArm(spec, signal)
  const answer = await checkAnswer(arm, scenario.answer)
  const differs = reference && difference(answer, reference, spec.kind)
  if (differs === undefined) return answer
  const first = scenario.variants[0]?.name
  throw new QpsError('QPS_WRONG_ANSWER', `${spec.name} answers other bytes than ${first}: ${differs}`, {
    hint: 'arms that do different work are not comparable; make them answer alike',
  })
}

async function runRounds(
  subjects: readonly Subject[],
  scenario: Scenario,
  reference: Answer,
  options: RunOptions,
): Promise<void> {
  for (let round = 1; round <= options.rounds; round++) {
    for (const [index, subject] of inOrder(subjects, round).entries()) {
      const note = `round ${round}/${options.rounds} · ${subject.spec.name}`
      const done = await runRound(
        subject.spec,
        scenario,
        { round, position: index + 1, reference },
        {
          ...options,
          onProgress: (seconds, phase) => options.onProgress?.(seconds, `${note} · ${phase}`),
        },
      )
      subject.rounds.push(done)
      options.onRound?.(subject.spec.name, done)
    }
  }
}

/** Forward in odd rounds, backward in even ones: a drift of the machine then weighs on every arm alike. */
export function inOrder<T>(arms: readonly T[], round: number): T[] {
  return round % 2 === 1 ? [...arms] : arms.toReversed()
}

function report(
  scenario: Scenario,
  options: RunOptions,
  subjects: readonly Subject[],
  twin: Subject,
  skipped: Skipped[],
): Results {
  const summaries = new Map<string, ArmSummary>(
    subjects.map(({ spec, rounds }) => [spec.name, summarizeRounds(rounds)] as const),
  )
  const floors = noiseFloors(subjects[0]!.rounds, twin.rounds)
  const { verdict, reasons } = judge(scenario.expectations, {
    median: (variant, measure) => summaries.get(variant)?.summary[measure]?.median,
    voidedBy: (variant, measure) => summaries.get(variant)?.voidedBy[measure] ?? [],
    noiseFloor: (measure) => floors[measure],
  })
  const variants = subjects.map(({ spec, answer, rounds }): VariantResult => {
    const { summary, void: voided } = summaries.get(spec.name)!
    return { name: spec.name, kind: spec.kind, responseBytes: answer.text.length, rounds, summary, void: voided }
  })
  return {
    schema: 1,
    scenario: scenario.name,
    question: scenario.question,
    claims: scenario.claims,
    ...currentCommit(),
    measuredAt: new Date().toISOString(),
    machine: thisMachine(),
    parameters: { rounds: options.rounds, order: 'alternating', phases: phasesAsRun(scenario, options) },
    variants,
    skipped,
    noise: { variant: twin.spec.name, rounds: twin.rounds, summary: summarizeRounds(twin.rounds).summary },
    noiseFloor: floors[scenario.decidedBy] ?? null,
    noiseFloors: floors,
    verdict,
    reasons: [...reasons, ...voidReasons(variants), ...endReasons(subjects)],
  }
}

function phasesAsRun({ phases }: Scenario, { seconds }: RunOptions): Results['parameters']['phases'] {
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

/** One sentence per variant and cause, however many measures it spoils. */
function voidReasons(variants: readonly VariantResult[]): string[] {
  return variants.flatMap(({ name, void: voided }) => {
    const byCause = Map.groupBy(Object.entries(voided), ([, why]) => why)
    return [...byCause].map(([why, entries]) => {
      const spoiled = entries.map(([measure]) => measure).join(', ')
      return `${spoiled} of ${name} ${entries.length === 1 ? 'is' : 'are'} void: ${why}`
    })
  })
}

function endReasons(subjects: readonly Subject[]): string[] {
  return subjects.flatMap(({ spec, rounds }) =>
    rounds.flatMap(({ round, findings }) =>
      findings.filter(({ gate }) => gate === 'end').map(({ message }) => `${spec.name} in round ${round}: ${message}`),
    ),
  )
}
