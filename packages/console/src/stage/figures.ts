import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatChange, formatMs, formatNumber } from '../format.ts'
import { type Column, textTable } from '../table.ts'
import { readStage, type StageDefinition } from './definition.ts'

interface Spread {
  median: number
  min: number
  max: number
}

/** The parts of a committed result (`bench/results/<machine>/<scenario>.json`) that a console shows. */
interface StoredResult {
  scenario: string
  commit: string
  machine: { cpu?: string; cores?: number }
  variants: {
    name: string
    kind: string
    summary: Record<string, Spread | undefined>
    /** Measures that some round made void, with the reason. */
    void?: Record<string, string | undefined>
  }[]
}

/** Every stage of the ladder, in order. `root` is the repository's folder. */
export function readLadder(root: string = repositoryRoot()): StageDefinition[] {
  return readdirSync(join(root, 'stages'))
    .filter((folder) => existsSync(join(root, 'stages', folder, 'stage.json')))
    .toSorted()
    .map((folder) => readStage(new URL(`file://${join(root, 'stages', folder, 'stage.json')}`)))
}

/** The folder that holds `stages/` and `bench/`, from wherever this module runs. */
export function repositoryRoot(): string {
  const named = process.env['QPS_ROOT']
  if (named !== undefined) return named
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'stages'))) {
    const parent = dirname(folder)
    if (parent === folder) return process.cwd()
    folder = parent
  }
  return folder
}

/** The newest committed result of a scenario over all machines, or undefined. A file that is no result is passed over. */
export function storedResult(scenario: string, root: string = repositoryRoot()): StoredResult | undefined {
  const results = join(root, 'bench', 'results')
  if (!existsSync(results)) return undefined
  const files = readdirSync(results)
    .map((machine) => join(results, machine, `${scenario}.json`))
    .filter((file) => existsSync(file))
    .toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
  for (const file of files) {
    try {
      const result = JSON.parse(readFileSync(file, 'utf8')) as StoredResult
      if (Array.isArray(result.variants)) return result
    } catch {
      continue
    }
  }
  return undefined
}

const columns: Column[] = [
  { title: 'Stage' },
  { title: 'Variant' },
  { title: 'CPU µs/request', align: 'right' },
  { title: 'QPS', align: 'right' },
  { title: 'p99', align: 'right' },
  { title: 'Cores for 1M', align: 'right' },
  { title: 'Difference', align: 'right' },
]

/**
 * The last measured figures of these stages' variants as a table; the difference is in CPU per request: to the row above
 * it among all variants, else to the scenario's `baseline`, the best of the stage before. Where nothing was measured the
 * cells say so.
 *
 * @param every all variants of each stage, or only the best one.
 */
export function figuresTable(
  stages: readonly StageDefinition[],
  every: boolean,
  root: string = repositoryRoot(),
): string {
  const rows: string[][] = []
  for (const stage of stages) {
    const result = stage.scenarios.map((scenario) => storedResult(scenario, root)).find((found) => found !== undefined)
    const cpuOf = (wanted: string): number | undefined =>
      result?.variants.find(({ name }) => name === wanted)?.summary['cpuUsPerRequest']?.median
    let previous = every ? undefined : cpuOf('baseline')
    for (const { name } of stage.variants.filter((variant) => every || variant.name === stage.best)) {
      const found = result?.variants.find((variant) => variant.name === name)
      // What a round could not tell is left out; the stage's README shows it with its reason.
      const median = (measure: string): number | undefined =>
        found?.void?.[measure] === undefined ? found?.summary[measure]?.median : undefined
      const cpu = median('cpuUsPerRequest')
      rows.push([
        `${stage.number} ${stage.title}`,
        name,
        cpu === undefined ? 'not measured yet' : formatNumber(cpu),
        figure(median('achievedQps'), formatNumber),
        figure(median('latencyMsP99'), formatMs),
        figure(cpu, formatNumber),
        cpu === undefined || previous === undefined ? '' : formatChange(cpu, previous),
      ])
      previous = cpu ?? previous
    }
  }
  return textTable(columns, rows)
}

function figure(value: number | undefined, format: (value: number) => string): string {
  return value === undefined ? '' : format(value)
}
