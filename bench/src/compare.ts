import { type CommandSpec, formatNumber, progressBar, runCommand, textTable } from '@qps/console'
import { QpsError } from '@qps/core'
import { runLoadProcess } from '@qps/loadgen'
import { existsSync } from 'node:fs'
import { scenarios } from '../scenarios/index.ts'
import type { ArmSpec } from './arm.ts'
import { type Comparison, compareRounds } from './comparison.ts'
import { currentCommit } from './commit.ts'
import { interruptible } from './interrupt.ts'
import { thisMachine } from './machine.ts'
import { type Measure, measures } from './measures.ts'
import { noiseFloor, type RoundValues } from './noise.ts'
import { missingFor, requireReady } from './readiness.ts'
import type { Spread } from './results.ts'
import {
  planAt,
  type Round,
  type RoundOptions,
  type RoundPlan,
  roundSeconds,
  runRound,
  secondsOption,
} from './round.ts'
import { inOrder, ownArms } from './run-scenario.ts'
import type { Scenario } from './scenario.ts'
import { selectScenarios } from './select.ts'
import { showMeasure } from './show.ts'
import { soundValues } from './summary.ts'
import { pointsOf } from './sweep.ts'
import { openWorktree, resolveRevision, type Worktree } from './worktree.ts'

const spec: CommandSpec = {
  name: 'npm run bench:compare --',
  usage: 'REF [NAME…] [options]',
  summary:
    'Compares the working tree with a git revision, scenario by scenario: paired arms, alternating order; of a sweep its headline.',
  positionals: { min: 1, max: 64 },
  options: {
    rounds: { type: 'integer', default: 5, min: 1, max: 100, help: 'pairs per variant' },
    seconds: secondsOption,
    json: { type: 'boolean', help: 'one JSON line per scenario; progress goes to standard error' },
  },
  examples: ['npm run bench:compare -- main', 'npm run bench:compare -- HEAD~3 01-minimal-server --rounds 9'],
}

/** What is run in each round: a program of the old tree or of the new one. */
interface Side {
  variant: string
  tree: 'before' | 'after' | 'twin'
  spec: ArmSpec
  rounds: Round[]
}

await runCommand(spec, process.argv.slice(2), async (command) => {
  const [revision = '', ...names] = command.positionals
  const all = names.length === 0
  const selected = all
    ? scenarios.filter((scenario) => missingFor(scenario) === undefined)
    : selectScenarios(names, scenarios)
  requireReady(selected)
  const commit = await resolveRevision(revision)
  const rounds = command.number('rounds') ?? 5
  return interruptible(async (signal) => {
    process.stderr.write(`compiling ${commit.slice(0, 12)}\n`)
    using worktree = await openWorktree(commit, signal)
    const options: RoundOptions = { seconds: command.number('seconds'), signal, load: runLoadProcess }
    for (const scenario of selected) {
      // A chapter that came later is no reason to compare none; asked for by name, it is an error.
      if (all && sidesOf(pointsOf(scenario)[0], worktree).length === 0) continue
      await compareScenario(scenario, worktree, rounds, options, command.flag('json'))
    }
    return 0
  })
})

async function compareScenario(
  scenario: Scenario,
  worktree: Worktree,
  rounds: number,
  options: RoundOptions,
  json: boolean,
): Promise<void> {
  const measure = scenario.decidedBy
  const [headline] = pointsOf(scenario)
  const isAsked = ({ gives }: { gives: Partial<Record<Measure, unknown>> }): boolean => gives[measure] !== undefined
  // Idle connections are looked at after the loads, which are what warms a server up: then all of them are needed.
  const idle = headline.idle && isAsked(headline.idle) ? headline.idle : undefined
  const phases = idle ? headline.phases : headline.phases.filter(isAsked)
  const sides = sidesOf(headline, worktree)
  if (sides.length === 0) {
    throw new QpsError('QPS_USAGE', `${worktree.commit.slice(0, 12)} has no variant of ${scenario.name}`, {
      hint: 'choose a revision that has this stage: git log --oneline -- stages',
    })
  }
  const asked = { ...headline, phases, idle }
  await runSides(scenario.name, sides, planAt(scenario, asked), roundSeconds(asked, options.seconds), rounds, options)
  const values = (variant: string, tree: Side['tree']): RoundValues =>
    soundValues(sides.find((side) => side.variant === variant && side.tree === tree)?.rounds ?? [], measure)
  const first = sides[0]!.variant
  const floor = noiseFloor(values(first, 'after'), values(first, 'twin'))
  const variants = [...new Set(sides.map(({ variant }) => variant))]
  const comparisons = variants.map((variant) =>
    compareRounds(variant, measure, values(variant, 'before'), values(variant, 'after'), floor),
  )
  if (json) {
    const record = {
      schema: 1,
      scenario: scenario.name,
      before: { commit: worktree.commit },
      after: currentCommit(),
      machine: thisMachine(),
      parameters: { rounds, order: 'alternating', phases, idle, program: headline.program },
      measure,
      noiseFloor: floor ?? null,
      comparisons,
      arms: sides.map(({ variant, tree, rounds: kept }) => ({ variant, tree, rounds: kept })),
    }
    process.stdout.write(`${JSON.stringify(record)}\n`)
  } else print(scenario, comparisons, floor, sides)
}

/**
 * Old and new of every variant side by side; the new one of the first variant twice, for the noise floor. Empty where the
 * old tree has none of them.
 */
function sidesOf(scenario: Pick<Scenario, 'variants'>, worktree: Worktree): Side[] {
  const old = ownArms(scenario, worktree.folder)
  const sides = ownArms(scenario).flatMap((fresh, index): Side[] => {
    const before = old[index]!
    const program = before.command.find((word) => word.startsWith(worktree.folder))
    if (program !== undefined && !existsSync(program)) {
      process.stderr.write(`left out ${fresh.name}: ${worktree.commit.slice(0, 12)} does not have it\n`)
      return []
    }
    const side = (tree: Side['tree'], arm: ArmSpec): Side => ({ variant: fresh.name, tree, spec: arm, rounds: [] })
    return [side('before', before), side('after', fresh)]
  })
  const first = sides[1]
  return first === undefined ? [] : [...sides.slice(0, 2), { ...first, tree: 'twin', rounds: [] }, ...sides.slice(2)]
}

async function runSides(
  name: string,
  sides: readonly Side[],
  plan: RoundPlan,
  perArmS: number,
  rounds: number,
  options: RoundOptions,
): Promise<void> {
  let doneS = 0
  using bar = progressBar(name, rounds * sides.length * perArmS)
  for (let round = 1; round <= rounds; round++) {
    for (const [index, side] of inOrder(sides, round).entries()) {
      const onProgress = (seconds: number): void =>
        bar.update((doneS += seconds), `pair ${round}/${rounds} · ${side.variant} ${side.tree}`)
      const done = await runRound(side.spec, plan, { round, position: index + 1 }, { ...options, onProgress })
      side.rounds.push(done)
      for (const { message } of done.findings) {
        process.stderr.write(`pair ${round} ${side.variant} ${side.tree}: ${message}\n`)
      }
    }
  }
}

function print(scenario: Scenario, comparisons: Comparison[], floor: number | undefined, sides: readonly Side[]): void {
  const measure = scenario.decidedBy
  const columns = [
    { title: 'variant' },
    { title: `${measures[measure].title} before`, align: 'right' as const },
    { title: 'after', align: 'right' as const },
    { title: 'ratio', align: 'right' as const },
    { title: 'min to max', align: 'right' as const },
    { title: 'verdict' },
  ]
  const median = (spread: Spread | null): string => showMeasure(measure, spread?.median)
  const rows = comparisons.map(({ variant, before, after, ratio, change }) => [
    variant,
    median(before),
    median(after),
    ratio ? ratio.median.toFixed(3) : '–',
    ratio ? `${ratio.min.toFixed(3)} to ${ratio.max.toFixed(3)}` : '–',
    change,
  ])
  const noise = floor === undefined ? 'no noise floor' : `noise floor ${formatNumber(floor * 100)} %`
  const pairs = sides[0]?.rounds.length ?? 0
  process.stdout.write(`${scenario.name}\n\n${textTable(columns, rows)}\n\n${noise}, ${pairs} pairs\n`)
}
