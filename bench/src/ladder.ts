import { formatChange } from '@qps/console'
import { join } from 'node:path'
import { ladderColumns } from './marker-content.ts'
import type { Measure } from './measures.ts'
import { repositoryRoot } from './paths.ts'
import { type Table, voidMark } from './report.ts'
import { type Round, type RoundOptions, runRound } from './round.ts'
import { ownArms } from './run-scenario.ts'
import { type Phase, stageVariant, statusAnswer } from './scenario.ts'
import { showMeasure } from './show.ts'
import type { StageManifest } from './stages.ts'

/** One step: a stage's best variant, measured once and shortly. */
export interface Rung {
  stage: StageManifest
  round: Round
}

/** A few seconds per stage: enough to see the order of magnitude. `npm run bench` is for figures with a spread. */
export const ladderPhases: readonly Phase[] = [
  {
    name: 'closed',
    connections: 64,
    warmupS: 1,
    durationS: 3,
    gives: {
      cpuUsPerRequest: 'serverCpuUsPerRequest',
      generatorCpuUsPerRequest: 'generatorCpuUsPerRequest',
      achievedQps: 'achievedQps',
    },
  },
  {
    name: 'paced',
    connections: 64,
    rateQps: 3000,
    warmupS: 0.5,
    durationS: 3,
    gives: { latencyMsP50: 'latencyMsP50', latencyMsP99: 'latencyMsP99' },
  },
]

/** Measures one stage's best variant; what goes wrong stands in the round's findings. */
export async function climb(stage: StageManifest, options: RoundOptions): Promise<Rung> {
  const { protocol = 'h1' } = stage.variants.find(({ name }) => name === stage.best) ?? {}
  const [spec] = ownArms({ variants: [stageVariant(stage.folder, stage.best, [], { protocol })] })
  const round = await runRound(
    spec!,
    { answer: statusAnswer, phases: ladderPhases },
    { round: 1, position: stage.number },
    options,
  )
  return { stage, round }
}

/** The compiled entry of a stage. */
export function stageMain({ folder }: StageManifest): string {
  return join(repositoryRoot, 'stages', folder, 'dist', 'main.js')
}

/** The table of `npm start`. */
export function rungTable(rungs: readonly Rung[]): Table {
  const rows = rungs.map(({ stage, round }, index) => {
    const { cpuUsPerRequest: cpu } = round.measures
    const before = rungs[index - 1]?.round.measures.cpuUsPerRequest
    const show = (measure: Measure): string => {
      const isVoid = round.findings.some(({ voids }) => voids.includes(measure))
      return `${showMeasure(measure, round.measures[measure])}${isVoid ? ` ${voidMark}` : ''}`
    }
    return [
      `${stage.number} ${stage.title}`,
      stage.best,
      show('cpuUsPerRequest'),
      show('achievedQps'),
      show('latencyMsP50'),
      show('latencyMsP99'),
      show('cpuUsPerRequest'),
      cpu === undefined || before === undefined ? '' : formatChange(cpu, before),
    ]
  })
  return { columns: ladderColumns, rows }
}

/** What the marked figures of the table suffer from. */
export function rungNotes(rungs: readonly Rung[]): string[] {
  return rungs.flatMap(({ stage, round }) =>
    round.findings.map(({ message }) => `${voidMark} stage ${stage.number}: ${message}`),
  )
}

/** One rung as a line of `--json`. */
export function rungEvent({ stage, round }: Rung): object {
  const reasons = round.findings.map(({ message }) => message)
  return {
    event: 'measured',
    stage: stage.number,
    variant: stage.best,
    ...round.measures,
    coresFor1M: round.measures.cpuUsPerRequest ?? null,
    valid: reasons.length === 0,
    reasons,
  }
}
