import { type Column, formatNumber } from '@qps/console'
import { type Measure, measures } from './measures.ts'
import { relativeDifference } from './noise.ts'
import type { Results, VariantResult } from './results.ts'
import type { Inputs } from './scenario.ts'
import { showMeasure } from './show.ts'

/** A table before it is drawn: as text for a terminal, as Markdown for a page. */
export interface Table {
  columns: Column[]
  rows: string[][]
}

/** Stands behind a figure that must not be compared; the reasons below the table say why. */
export const voidMark = '†'

const shown: readonly Measure[] = [
  'hitRatio',
  'reconnectsPerSecond',
  'resets',
  'copiesPerRequest',
  'systemCallsPerRequest',
  'copiedAfterAll',
  'nsPerOperation',
  'cpuUsPerOperation',
  'bytesPerRequest',
  'bytesPerOperation',
  'scavengesPerMillion',
  'markCompactsPerMillion',
  'gcPauseMsP99',
  'operationsPerSecond',
  'megabytesPerSecond',
  'achievedQps',
  'latencyMsP50',
  'latencyMsP99',
  'latencyMsP999',
  'residentBytes',
  'residentGrowthBytes',
  'externalBytes',
  'bytesPerConnection',
  'idleCpuRatio',
  'voluntarySwitchesPerRequest',
  'involuntarySwitchesPerRequest',
  'generatorCpuUsPerRequest',
]

/** One row per arm and input: what ranks first, with its range; QPS never stands alone. */
export function resultsTable(results: Results): Table {
  const ranked = results.decidedBy ?? 'cpuUsPerRequest'
  const [first] = results.variants
  const rows = rowsOf(results)
  const inputs = [...new Set(rows.flatMap((row) => Object.keys(row.inputs)))]
  const present = shown.filter(
    (measure) => measure !== ranked && rows.some(({ variant }) => variant.summary[measure] !== undefined),
  )
  return {
    columns: [
      { title: 'variant' },
      ...inputs.map((input): Column => ({ title: input, align: 'right' })),
      { title: measures[ranked].title, align: 'right' },
      { title: 'min to max', align: 'right' },
      { title: `against ${[first?.name ?? '', ...Object.values(results.inputs ?? {})].join(' ')}`, align: 'right' },
      ...present.map((measure): Column => ({ title: measures[measure].title, align: 'right' })),
    ],
    rows: rows.map((row) => [
      row.variant.kind === 'ours' ? row.variant.name : `${row.variant.name} (${row.variant.kind})`,
      ...inputs.map((input) => String(row.inputs[input] ?? '')),
      cell(row.variant, ranked),
      range(row.variant, ranked),
      against(row.variant, first, ranked, results.noiseFloors?.[ranked]),
      ...present.map((measure) => cell(row.variant, measure)),
    ]),
  }
}

/** The headline's arms, then those of the other inputs. */
function rowsOf({ inputs = {}, variants, sweeps = [] }: Results): { inputs: Inputs; variant: VariantResult }[] {
  return [{ inputs, variants }, ...sweeps].flatMap((point) =>
    point.variants.map((variant) => ({ inputs: point.inputs, variant })),
  )
}

/** The lines under the table: verdict, noise, reasons, peers left out. */
export function resultsNotes(results: Results): string[] {
  const { verdict, noiseFloor, reasons, skipped } = results
  const noise = noiseFloor === null ? 'no noise floor' : `noise floor ${(noiseFloor * 100).toFixed(1)} %`
  return [
    `Verdict: ${verdict} (${noise}).`,
    ...reasons.map((reason) => (/ (is|are) void: /.test(reason) ? `${voidMark} ${reason}` : reason)),
    ...skipped.map(({ name, reason, install }) => `skipped ${name}: ${reason}; ${install}`),
  ]
}

/** Where, when and on what it was measured, in one line. */
export function provenance({ machine, commit, dirty, measuredAt, parameters, scenario }: Results): string {
  const code = `${commit.slice(0, 12)}${dirty ? ' with changes' : ''}`
  return (
    `\`npm run bench -- ${scenario}\`: ${machine.cpu}, ${machine.cores} cores, Node ${machine.node.replace(/^v/, '')}, ` +
    `commit ${code}, ${measuredAt.slice(0, 10)}, ${parameters.rounds} rounds.`
  )
}

function cell({ summary, void: voided }: VariantResult, measure: Measure): string {
  const value = showMeasure(measure, summary[measure]?.median)
  return voided[measure] === undefined ? value : `${value} ${voidMark}`
}

function range({ summary }: VariantResult, measure: Measure): string {
  const spread = summary[measure]
  return spread === undefined ? '–' : `${showMeasure(measure, spread.min)} to ${showMeasure(measure, spread.max)}`
}

function against(
  variant: VariantResult,
  first: VariantResult | undefined,
  measure: Measure,
  floor: number | undefined,
): string {
  const value = variant.summary[measure]?.median
  const base = first?.summary[measure]?.median
  if (variant === first || value === undefined || base === undefined || variant.void[measure] !== undefined) return ''
  if (floor !== undefined && relativeDifference(value, base) <= floor) return 'no difference'
  return `× ${formatNumber(value / base)}`
}
