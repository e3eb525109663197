import { type CommandSpec, progressBar, runCommand, textTable } from '@qps/console'
import { runLoadProcess } from '@qps/loadgen'
import { scenarios } from '../scenarios/index.ts'
import { fillDocuments } from './markers.ts'
import { interruptible } from './interrupt.ts'
import { thisMachine } from './machine.ts'
import { type Measure, measures } from './measures.ts'
import { shownPath } from './paths.ts'
import { missingFor, requireReady } from './readiness.ts'
import { provenance, resultsNotes, resultsTable } from './report.ts'
import type { Results } from './results.ts'
import { readResults, resultsPath, saveResults } from './results-file.ts'
import { type Round, roundSeconds, secondsOption } from './round.ts'
import { runScenario, type RunOptions } from './run-scenario.ts'
import type { Scenario } from './scenario.ts'
import { selectScenarios } from './select.ts'
import { showMeasure } from './show.ts'
import { type Point, pointsOf } from './sweep.ts'

const spec: CommandSpec = {
  name: 'npm run bench --',
  usage: '[NAME…] [options]',
  summary: 'Lists the scenarios, or runs those that are named: CPU per request, rate and latency of every variant.',
  positionals: { min: 0, max: 64 },
  options: {
    rounds: { type: 'integer', default: 5, min: 1, max: 100, help: 'a fresh process per variant in each' },
    seconds: secondsOption,
    save: { type: 'boolean', help: 'store the result in bench/results and fill the tables of the documents' },
    json: {
      type: 'boolean',
      help: 'one line of JSON per scenario, in the order of names; progress goes to standard error',
    },
  },
  examples: [
    'npm run bench -- 01-minimal-server',
    'npm run bench -- 02 --save',
    'npm run bench -- 01-minimal-server --rounds 1 --seconds 1',
  ],
}

await runCommand(spec, process.argv.slice(2), async (command) => {
  const json = command.flag('json')
  if (command.positionals.length === 0) return listScenarios(json)
  const selected = selectScenarios(command.positionals, scenarios)
  requireReady(selected)
  return interruptible(async (signal) => {
    const options = {
      rounds: command.number('rounds') ?? 5,
      seconds: command.number('seconds'),
      signal,
      load: runLoadProcess,
    }
    for (const scenario of selected) {
      const results = await measure(scenario, options)
      if (command.flag('save')) store(results)
      // As soon as it is known: what was measured is not lost where a later scenario fails.
      if (json) process.stdout.write(`${JSON.stringify(results)}\n`)
      else print(results)
    }
    return 0
  })
})

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
  'achievedQps',
  'latencyMsP99',
  'bytesPerConnection',
  'idleCpuRatio',
]

function store(results: Results): void {
  process.stderr.write(`stored in ${shownPath(saveResults(results))}\n`)
  for (const path of fillDocuments({ check: false })) process.stderr.write(`filled ${path}\n`)
}

function print(results: Results): void {
  const { columns, rows } = resultsTable(results)
  const notes = resultsNotes(results).join('\n')
  process.stdout.write(`${results.question}\n\n${textTable(columns, rows)}\n\n${notes}\n${provenance(results)}\n`)
}

function listScenarios(json: boolean): number {
  const machine = thisMachine().slug
  const rows = scenarios.map((scenario) => {
    const last = readResults(resultsPath(machine, scenario.name))
    return {
      name: scenario.name,
      claims: scenario.claims,
      question: scenario.question,
      /** Null where it can run. */
      missing: missingFor(scenario) ?? null,
      verdict: last?.verdict ?? null,
      measuredAt: last?.measuredAt ?? null,
    }
  })
  if (json) {
    process.stdout.write(`${JSON.stringify(rows)}\n`)
    return 0
  }
  for (const { name, claims, question, missing, verdict, measuredAt } of rows) {
    const last = verdict === null ? 'not measured on this machine' : `${verdict}, ${measuredAt?.slice(0, 10)}`
    const state = missing === null ? last : `${last}; cannot run: ${missing}`
    process.stdout.write(`${name}  claims ${claims.join(', ') || 'none'}  (${state})\n  ${question}\n`)
  }
  process.stdout.write(`\nRun one: npm run bench -- ${scenarios[0]?.name}\n`)
  return 0
}
