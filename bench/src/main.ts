import { type CommandSpec, runCommand } from '@qps/console'
import { runLoadProcess } from '@qps/loadgen'
import { scenarios } from '../scenarios/index.ts'
import { interruptible } from './interrupt.ts'
import { thisMachine } from './machine.ts'
import { missingFor, requireReady } from './readiness.ts'
import { readResults, resultsPath } from './results-file.ts'
import { secondsOption } from './round.ts'
import { runSelected } from './run-selected.ts'
import { selectScenarios } from './select.ts'

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
    await runSelected(selected, {
      rounds: command.number('rounds') ?? 5,
      seconds: command.number('seconds'),
      signal,
      load: runLoadProcess,
      save: command.flag('save'),
      json,
      print: (text) => process.stdout.write(text),
    })
    return 0
  })
})

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
