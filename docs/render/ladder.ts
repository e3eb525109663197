import { type Results, resultsOf, type Variant } from '../data/results.ts'
import type { Stage } from '../data/stages.ts'
import { ranking, showChange, showMedian, showSpread } from './measures.ts'
import { plain, table } from './table.ts'

/**
 * One row per stage: its best variant, as the latest measurement of its own scenario has it, and the difference to the
 * `baseline` of the same, which is the best of the stage before.
 */
export function ladder(stages: readonly Stage[], results: readonly Results[]): string {
  const rows = stages.map((stage) => {
    const { variant, baseline } = bestOf(stage, results)
    const summary = variant?.summary
    const cpu = summary?.[ranking]
    const before = baseline?.summary[ranking]
    const change = cpu && before ? showChange(cpu.median, before.median) : ''
    return [
      `[${stage.number} ${plain(stage.title)}](/${stage.folder}.md)`,
      plain(stage.best),
      cpu ? showSpread(ranking, cpu) : 'not measured yet',
      ...['achievedQps', 'latencyMsP50', 'latencyMsP99'].map((key) =>
        // What a round could not tell is no rung of a ladder; the stage's page shows it with its reason.
        showMedian(key, variant?.void[key] === undefined ? summary?.[key] : undefined),
      ),
      showMedian(ranking, cpu),
      change,
    ]
  })
  return table(columns, rows)
}

const columns = [
  { title: 'stage' },
  { title: 'variant' },
  { title: 'CPU µs/request [min–max]', align: 'right' },
  { title: 'QPS', align: 'right' },
  { title: 'p50', align: 'right' },
  { title: 'p99', align: 'right' },
  { title: 'cores for 1M', align: 'right' },
  { title: 'to the stage before', align: 'right' },
] as const

function bestOf(
  stage: Stage,
  results: readonly Results[],
): { variant?: Variant | undefined; baseline?: Variant | undefined } {
  for (const scenario of stage.scenarios) {
    const variants = resultsOf(scenario, results)[0]?.variants ?? []
    const named = (wanted: string): Variant | undefined => variants.find(({ name }) => name === wanted)
    const variant = named(stage.best)
    if (variant) return { variant, baseline: named('baseline') }
  }
  return {}
}
