import { type CommandSpec, progressBar, runCommand, textTable } from '@qps/console'
import { QpsError } from '@qps/core'
import { runLoadProcess } from '@qps/loadgen'
import { spawnSync } from 'node:child_process'
import { interruptible } from './interrupt.ts'
import { climb, ladderPhases, type Rung, rungEvent, rungNotes, rungTable, stageMain } from './ladder.ts'
import { phaseSeconds } from './round.ts'
import { readStages, type StageManifest } from './stages.ts'

const spec: CommandSpec = {
  name: 'npm start --',
  usage: '[--seconds S] [options of the last stage]',
  summary:
    'Measures every stage for a few seconds, prints the ladder, and leaves the last stage serving with its console. ' +
    'Further options, such as --port, are for that stage.',
  options: {
    seconds: {
      type: 'number',
      value: 'S',
      min: 0.2,
      max: 600,
      help: 'length of each measured load; else three seconds',
    },
    json: {
      type: 'boolean',
      help: 'one JSON object a line: a measured event per stage, then the events of the last stage',
    },
  },
  examples: ['npm start', 'npm start -- --port 0 --seconds 1'],
}

const { own, passed } = splitOptions(process.argv.slice(2))
let last: StageManifest | undefined
const exitCode = await runCommand(spec, own, async (command) => {
  const stages = readStages()
  const top = stages.at(-1)
  if (top === undefined)
    throw new QpsError('QPS_STAGE_INVALID', 'there is no stage in stages/', { hint: 'git checkout -- stages' })
  const refused = refusal(top, passed)
  if (refused !== undefined) return refused
  const code = await interruptible(async (signal) => {
    await climbAll(stages, command.number('seconds'), command.flag('json'), signal)
    return 0
  })
  if (code === 0) last = top
  return code
})
// This process becomes the stage: its terminal, its signals and its exit code need no one in between.
if (exitCode === 0 && last)
  process.execve!(process.execPath, [process.execPath, stageMain(last), ...passed], process.env)

/** `--seconds` is ours, `--help` and `--json` both have, everything else is for the stage. */
function splitOptions(argv: readonly string[]): { own: string[]; passed: string[] } {
  const own: string[] = []
  const passed: string[] = []
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index]!
    if (word === '--seconds') own.push(word, ...argv.slice(++index, index + 1))
    else if (word.startsWith('--seconds=') || word === '--help') own.push(word)
    else passed.push(word)
    if (word === '--json') own.push(word)
  }
  return { own, passed }
}

/** Lets the last stage check its options before minutes are spent: its own message and exit code, or undefined. */
function refusal(stage: StageManifest, options: readonly string[]): number | undefined {
  const checked = spawnSync(process.execPath, [stageMain(stage), ...options, '--list'], { encoding: 'utf8' })
  if (checked.status === 0) return undefined
  const json = options.includes('--json')
  ;(json ? process.stdout : process.stderr).write(json ? checked.stdout : checked.stderr)
  return checked.status ?? 1
}

async function climbAll(
  stages: readonly StageManifest[],
  seconds: number | undefined,
  json: boolean,
  signal: AbortSignal,
): Promise<void> {
  const perStageS = ladderPhases.reduce((sum, phase) => sum + phaseSeconds(phase, seconds), 0)
  const rungs: Rung[] = []
  let doneS = 0
  {
    using bar = progressBar('measuring', stages.length * perStageS)
    for (const stage of stages) {
      const onProgress = (passedS: number, note: string): void =>
        bar.update((doneS += passedS), `stage ${stage.number} · ${stage.best} · ${note}`)
      const rung = await climb(stage, { seconds, signal, load: runLoadProcess, onProgress })
      rungs.push(rung)
      if (json) process.stdout.write(`${JSON.stringify(rungEvent(rung))}\n`)
    }
  }
  if (json) return
  const { columns, rows } = rungTable(rungs)
  const notes = [...rungNotes(rungs), 'One short run: npm run bench measures with repeats, a noise floor and rivals.']
  process.stdout.write(`${textTable(columns, rows)}\n\n${notes.join('\n')}\n\n`)
}
