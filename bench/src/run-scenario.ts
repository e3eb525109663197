import { messageOf, QpsError } from '@qps/core'
import { type Answer, difference } from './answer.ts'
import { type ArmSpec, fillCommand, startArm } from './arm.ts'
import { checkArm } from './arm-check.ts'
import { currentCommit } from './commit.ts'
import { repositoryRoot } from './paths.ts'
import { preparePeer, type Skipped } from './peers.ts'
import { reportOf } from './run-report.ts'
import type { Results } from './results.ts'
import { planAt, type Round, type RoundOptions, runRound } from './round.ts'
import type { Scenario, ServerScenario } from './scenario.ts'
import { armName, type Subject } from './subject.ts'
import { type Point, pointsOf } from './sweep.ts'

export interface RunOptions extends RoundOptions {
  rounds: number
  /** Called after every arm of every round. */
  onRound?: ((arm: string, round: Round) => void) | undefined
  /** Called for every peer that is left out. */
  onSkipped?: ((skipped: Skipped) => void) | undefined
}

/** Our variants as arms, started from the tree at `root`. */
export function ownArms({ variants }: Pick<Scenario, 'variants'>, root: string = repositoryRoot): ArmSpec[] {
  return variants.map((variant) => ({
    ...variant,
    kind: 'ours',
    command: fillCommand(variant.command, { node: process.execPath, root }),
    folder: root,
  }))
}

/**
 * Runs an experiment: right answers first, then the rounds in alternating order, then the verdict. In a sweep every round
 * goes through all points, so that a drift of the machine weighs on them alike.
 *
 * @throws QpsError QPS_ARM_FAILED or QPS_WRONG_ANSWER where a variant of ours does not start or answers wrongly; a peer
 *   that does is left out, with the reason. Whatever fails once the rounds have begun is kept as a finding.
 */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Results> {
  const commit = currentCommit()
  const { subjects, skipped } = await checkedSubjects(scenario, options)
  const [first, ...others] = subjects
  if (first === undefined) throw new QpsError('QPS_ARM_FAILED', `${scenario.name} has no variant of ours`)
  const twin: Subject = { ...first, rounds: [] }
  await runRounds([first, twin, ...others], scenario, options)
  return reportOf({ scenario, commit, rounds: options.rounds, seconds: options.seconds, subjects, twin, skipped })
}

/** Every arm of every point once, before anything is timed: it starts, answers rightly, and as the point's first one does. */
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
  const peers: ArmSpec[] = []
  for (const name of scenario.peers) {
    const prepared = await preparePeer(name)
    if ('reason' in prepared) skip(prepared)
    else peers.push(prepared)
  }
  for (const point of pointsOf(scenario)) {
    let reference: Answer | undefined
    const check = async (spec: ArmSpec): Promise<void> => {
      const answer =
        scenario.program === undefined
          ? await answerOf(spec, scenario, point, reference, signal)
          : await tryProgram(spec, scenario, point, signal)
      reference ??= answer
      subjects.push({ point, spec, answer, reference, rounds: [] })
    }
    for (const spec of ownArms(point)) await check(spec)
    for (const spec of peers) {
      try {
        await check(spec)
      } catch (error) {
        signal?.throwIfAborted()
        skip({ name: spec.name, reason: messageOf(error), install: `correct bench/peers/${spec.name}` })
      }
    }
  }
  return { subjects, skipped }
}

async function answerOf(
  spec: ArmSpec,
  scenario: ServerScenario,
  { phases }: Point,
  reference: Answer | undefined,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  await using arm = await startArm(spec, signal)
  const answer = await checkArm(arm, { answer: scenario.answer, phases })
  const differs = reference && difference(answer, reference, spec.kind)
  if (differs === undefined) return answer
  const first = scenario.variants[0]?.name
  throw new QpsError('QPS_WRONG_ANSWER', `${spec.name} answers other bytes than ${first}: ${differs}`, {
    hint: 'arms that do different work are not comparable; make them answer alike',
  })
}

/** A program is right where a short run of it is. */
async function tryProgram(
  spec: ArmSpec,
  scenario: Scenario,
  point: Point,
  signal: AbortSignal | undefined,
): Promise<undefined> {
  const load = (): never => {
    throw new Error('a program is not loaded')
  }
  const { findings } = await runRound(
    spec,
    planAt(scenario, point),
    { round: 0, position: 0 },
    { seconds: trySeconds, signal, load },
  )
  const [fault] = findings
  if (fault === undefined) return undefined
  throw new QpsError('QPS_ARM_FAILED', `${spec.name}: ${fault.message}`, {
    hint: 'correct the program; a wrong one is not timed',
  })
}

/** Enough to see that it runs and is answered rightly. */
const trySeconds = 0.3

async function runRounds(subjects: readonly Subject[], scenario: Scenario, options: RunOptions): Promise<void> {
  for (let round = 1; round <= options.rounds; round++) {
    for (const [index, { point, spec, reference, rounds }] of inOrder(subjects, round).entries()) {
      const arm = armName(spec, point.inputs)
      const note = `round ${round}/${options.rounds} · ${arm}`
      const done = await runRound(
        spec,
        planAt(scenario, point),
        { round, position: index + 1, reference },
        {
          ...options,
          onProgress: (seconds, phase) => options.onProgress?.(seconds, `${note} · ${phase}`),
        },
      )
      rounds.push(done)
      options.onRound?.(arm, done)
    }
  }
}

/** Forward in odd rounds, backward in even ones: a drift of the machine then weighs on every arm alike. */
export function inOrder<T>(arms: readonly T[], round: number): T[] {
  return round % 2 === 1 ? [...arms] : arms.toReversed()
}
