import { formatChange } from '@qps/console'
import { didYouMean, QpsError } from '@qps/core'
import { alignedMarkdown, asBlock } from './marker-text.ts'
import { type Measure, measureNames } from './measures.ts'
import { provenance, resultsNotes, resultsTable, type Table } from './report.ts'
import type { Results, VariantResult } from './results.ts'
import { showMeasure } from './show.ts'
import type { StageManifest } from './stages.ts'

/** What markers are filled from. */
export interface MarkerSources {
  /** Names of all scenarios: a marker of one that was not measured yet says so. */
  scenarios: readonly string[]
  /** All stored results; of several machines the latest measurement of a scenario stands. */
  results: readonly Results[]
  stages: readonly StageManifest[]
}

/**
 * What belongs between the markers of a name:
 * `ladder` the table of all stages; `SCENARIO` its table, verdict and provenance; `SCENARIO:VARIANT:MEASURE` one median.
 *
 * @throws QpsError QPS_MARKER for a name that means nothing, with the nearest that does.
 */
export function markerContent(name: string, sources: MarkerSources): string {
  if (name === 'ladder') return asBlock(alignedMarkdown(ladderTable(sources)))
  const [scenario = '', variant, measure] = name.split(':')
  if (!sources.scenarios.includes(scenario)) throw unknown(name, scenario, ['ladder', ...sources.scenarios])
  const results = latest(scenario, sources.results)
  if (variant !== undefined) return oneFigure(name, variant, measure, results)
  if (results === undefined) return asBlock(`Not measured yet: \`npm run bench -- ${scenario} --save\`.`)
  const notes = resultsNotes(results).map((note) => `- ${note}`)
  return asBlock(alignedMarkdown(resultsTable(results)), notes.join('\n'), provenance(results))
}

/**
 * One row per stage, its best variant as its own scenario measured it. The difference is to that scenario's `baseline`, which
 * is the best of the stage before: another scenario's figures are of other work, on another day.
 */
export function ladderTable({ stages, results }: Pick<MarkerSources, 'stages' | 'results'>): Table {
  const rows = stages.map((stage) => {
    const { variant, baseline } = bestOf(stage, results)
    const cpu = variant?.summary.cpuUsPerRequest
    const before = baseline?.summary.cpuUsPerRequest
    const change = cpu && before ? formatChange(cpu.median, before.median) : ''
    // What a round could not tell is no rung of a ladder; the stage's table shows it with its reason.
    const median = (measure: Measure): string =>
      showMeasure(measure, variant?.void[measure] === undefined ? variant?.summary[measure]?.median : undefined)
    return [
      `[${String(stage.number)} ${stage.title}](stages/${stage.folder})`,
      stage.best,
      cpu
        ? `${median('cpuUsPerRequest')} (${showMeasure('cpuUsPerRequest', cpu.min)} to ${showMeasure('cpuUsPerRequest', cpu.max)})`
        : '–',
      median('achievedQps'),
      median('latencyMsP50'),
      median('latencyMsP99'),
      median('cpuUsPerRequest'),
      change,
    ]
  })
  return { columns: ladderColumns, rows }
}

/** Shared with `npm start`. X µs of CPU per request are X cores for a million requests a second. */
export const ladderColumns: Table['columns'] = [
  { title: 'stage' },
  { title: 'variant' },
  { title: 'CPU µs/request', align: 'right' },
  { title: 'QPS', align: 'right' },
  { title: 'p50', align: 'right' },
  { title: 'p99', align: 'right' },
  { title: 'cores for 1M', align: 'right' },
  { title: 'to the stage before', align: 'right' },
]

function bestOf(
  stage: StageManifest,
  results: readonly Results[],
): { variant?: VariantResult | undefined; baseline?: VariantResult | undefined } {
  for (const scenario of stage.scenarios) {
    const variants = latest(scenario, results)?.variants ?? []
    const named = (wanted: string): VariantResult | undefined => variants.find(({ name }) => name === wanted)
    const variant = named(stage.best)
    if (variant) return { variant, baseline: named('baseline') }
  }
  return {}
}

function latest(scenario: string, results: readonly Results[]): Results | undefined {
  return results
    .filter((candidate) => candidate.scenario === scenario)
    .toSorted((left, right) => left.measuredAt.localeCompare(right.measuredAt))
    .at(-1)
}

function oneFigure(name: string, variant: string, measure: string | undefined, results: Results | undefined): string {
  const known = measureNames.find((candidate) => candidate === measure)
  if (known === undefined) throw unknown(name, measure ?? '', measureNames)
  if (results === undefined) return '–'
  const found = results.variants.find((candidate) => candidate.name === variant)
  if (!found) {
    throw unknown(
      name,
      variant,
      results.variants.map((candidate) => candidate.name),
    )
  }
  return showMeasure(known, found.summary[known]?.median)
}

function unknown(name: string, part: string, candidates: readonly string[]): QpsError {
  return new QpsError('QPS_MARKER', `<!-- results:${name} --> names no result: ${JSON.stringify(part)} is unknown`, {
    hint: didYouMean(part, candidates),
  })
}
