import { progressBar, textTable } from '@qps/console'
import { fillDocuments } from './markers.ts'
import { type Measure, measures } from './measures.ts'
import { shownPath } from './paths.ts'
import { provenance, resultsNotes, resultsTable } from './report.ts'
import type { Results } from './results.ts'
import { saveResults } from './results-file.ts'
import { type Round, roundSeconds } from './round.ts'
import { runScenario, type RunOptions } from './run-scenario.ts'
import type { Scenario } from './scenario.ts'
import { showMeasure } from './show.ts'
import { type Point, pointsOf } from './sweep.ts'

export interface SelectedOptions extends RunOptions {
  /** Store each result and fill the documents from it. */
  save: boolean
  /** One line of JSON per scenario instead of a table. */
  json: boolean
  /** Takes what is meant for standard output. */
  print: (text: string) => void
}

/**
 * Runs scenarios one after the other. Each is stored and printed as soon as it is known, so that what was measured is not
 * lost where a later one fails. Progress goes to standard error.
 *
 * @throws whatever {@link runScenario} throws; the scenarios after it are not run.
 */
export async function runSelected(selected: readonly Scenario[], options: SelectedOptions): Promise<void> {
  for (const scenario of selected) {
    const results = await measure(scenario, options)
    if (options.save) store(results)
    options.print(options.json ? `${JSON.stringify(results)}\n` : pageOf(results))
  }
}

/** Runs one scenario with a bar on a terminal, and with a line per arm and round elsewhere. */
async function measure(scenario: Scenario, options: RunOptions): Promise<Results> {
  const line = (text: string): void => void (process.stderr.isTTY || process.stderr.write(`${text}\n`))
  const points = pointsOf(scenario)
  const perPoint = scenario.variants.length + scenario.peers.length
  line(`${scenario.name}: checking the answers, then ${options.rounds} rounds of ${points.length * perPoint + 1} arms`)
  const secondsAt = (point: Point): number => roundSeconds(point, options.seconds)
  const perRoundS = points.reduce((sum, point) => sum + perPoint * secondsAt(point), secondsAt(points[0]))
  let doneS = 0
  using bar = progressBar(scenario.name, options.rounds * perRoundS)
  return await runScenario(scenario, {
    ...options,
    onProgress: (seconds, note) => bar.update((doneS += seconds), note),
    onRound: (arm, round) => line(roundLine(arm, round, options.rounds)),
    onSkipped: ({ name, reason, install }) => process.stderr.write(`skipped ${name}: ${reason}; ${install}\n`),
  })
}

function roundLine(arm: string, { round, measures: values, findings }: Round, rounds: number): string {
  const shown = lineMeasures.filter((measure) => values[measure] !== undefined)
  const figures = shown.map((measure) => `${measures[measure].title} ${showMeasure(measure, values[measure])}`)
  const faults = findings.map(({ message }) => `; ${message}`).join('')
  return `round ${round}/${rounds} ${arm}: ${figures.join(', ') || 'nothing measured'}${faults}`
}

/** What a line per arm and round has room for. */
const lineMeasures: readonly Measure[] = [
  'cpuUsPerRequest',
  'clientCpuUsPerRequest',
  'hitRatio',
  'answerCopies',
  'systemCallsPerRequest',
  'cpuUsPerOperation',
  'megabytesPerSecond',
  'achievedQps',
  'latencyMsP99',
  'bytesPerConnection',
  'idleCpuRatio',
]

function store(results: Results): void {
  process.stderr.write(`stored in ${shownPath(saveResults(results))}\n`)
  for (const path of fillDocuments({ check: false })) process.stderr.write(`filled ${path}\n`)
}

function pageOf(results: Results): string {
  const { columns, rows } = resultsTable(results)
  const notes = resultsNotes(results).join('\n')
  return `${results.question}\n\n${textTable(columns, rows)}\n\n${notes}\n${provenance(results)}\n`
}
