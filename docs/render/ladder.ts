import { type Results, resultsOf, type Variant } from '../data/results.ts'
import type { Stage } from '../data/stages.ts'
import { ranking, showChange, showMedian, showSpread } from './measures.ts'
import { plain, table } from './table.ts'

/** One row per stage: its best variant, as the latest measurement of its own scenario has it. */
export function ladder(stages: readonly Stage[], results: readonly Results[]): string {
  let before: number | undefined
  const rows = stages.map((stage) => {
    const summary = bestOf(stage, results)?.summary
    const cpu = summary?.[ranking]
    const change = cpu && before !== undefined ? showChange(cpu.median, before) : ''
    before = cpu?.median
    return [
      `[${stage.number} ${plain(stage.title)}](/${stage.folder}.md)`,
      plain(stage.best),
      cpu ? showSpread(ranking, cpu) : 'not measured yet',
      ...['achievedQps', 'latencyMsP50', 'latencyMsP99'].map((key) => showMedian(key, summary?.[key])),
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

function bestOf(stage: Stage, results: readonly Results[]): Variant | undefined {
  for (const scenario of stage.scenarios) {
    const best = resultsOf(scenario, results)[0]?.variants.find(({ name }) => name === stage.best)
    if (best) return best
  }
  return undefined
}
