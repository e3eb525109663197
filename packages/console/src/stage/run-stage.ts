import { invariant } from '@qps/core'
import { profileLimits, profileReport } from '@qps/profile'
import { once } from 'node:events'
import { errorLine, runCommand } from '../run-command.ts'
import { textTable } from '../table.ts'
import { keysLine } from './banner.ts'
import { readStage, type StageDefinition, type StartVariant } from './definition.ts'
import { figuresTable, readLadder, repositoryRoot } from './figures.ts'
import { type KeyActions, readKeys } from './keys.ts'
import { LiveLine } from './live-line.ts'
import { type OwnOptions, stageCommand, type StageOptions, stageOptions } from './options.ts'
import { jsonOutput, type StageOutput, textOutput } from './output.ts'
import { onStopSignals } from './signals.ts'
import { StageRun } from './stage-run.ts'
import { Traffic } from './traffic.ts'

/** How long the `l` key loads. */
const keyLoadS = 10
/** Functions that the `p` key names. */
const keyProfileRows = 8

/**
 * Everything that `npm run stage:N` does: options, start, banner or JSON events, live line and keys on a terminal,
 * load, drain at the first signal, end at the second. Ends by setting the exit code of the contract.
 *
 * @param file the URL of `stage.json`.
 * @param variants a starter for each variant that the file names.
 * @param own options that only one of its variants has.
 * @example await runStage(new URL('../stage.json', import.meta.url), { minimal, hardened, observed })
 */
export async function runStage(file: URL, variants: Record<string, StartVariant>, own: OwnOptions = {}): Promise<void> {
  const stage = readStage(file)
  for (const { name } of stage.variants) invariant(variants[name], `stage.json names ${name}, which has no starter`)
  await runCommand(stageCommand(stage, own), process.argv.slice(2), async (command) => {
    if (command.flag('list')) return listVariants(stage, command.flag('json'))
    await serve(new StageRun(stage, variants, stageOptions(stage, command, own)))
  })
}

function listVariants(stage: StageDefinition, json: boolean): void {
  const { number, slug, best, variants } = stage
  if (json) process.stdout.write(`${JSON.stringify({ stage: number, slug, best, variants })}\n`)
  else {
    const rows = variants.map(({ name, summary }) => [name, name === best ? `${summary} (default)` : summary])
    process.stdout.write(`${textTable([{ title: 'Variant' }, { title: 'What it is' }], rows)}\n`)
  }
}

async function serve(run: StageRun): Promise<void> {
  const { stage, options } = run
  // Whoever read our output may stop reading it: that is no reason for the server to stop.
  process.stdout.on('error', () => {})
  await run.start()
  const interactive = !options.json && process.stdin.isTTY === true && process.stdout.isTTY === true
  const live = !options.json && !options.quiet && process.stdout.isTTY === true
  using cleanup = new DisposableStack()
  const traffic = live ? cleanup.use(new Traffic(() => run.port)) : undefined
  const print = (text: string): void => (line ? line.print(text) : void process.stdout.write(`${text}\n`))
  const output = options.json ? jsonOutput(stage) : textOutput(stage, interactive, print)
  let line: LiveLine | undefined
  // Before anybody is told where it listens: whoever reads that may send a signal at once.
  const stop = new AbortController()
  onStopSignals(
    () => stop.abort(),
    () => process.exit(130),
  )
  output.listening(run.facts)
  if (traffic) line = cleanup.use(new LiveLine(traffic))

  if (interactive) {
    const actions = keyActions(run, output, stop, (note) => {
      if (line) line.note = note
    })
    const all = (): KeyActions => ({ ...viewActions(run, output), ...actions })
    cleanup.use(readKeys(all, (error) => print(errorLine(error))))
  }

  let failure: unknown
  if (options.loadS !== undefined) {
    failure = await loadAtStart(run, output, options, stop)
    if (options.once) stop.abort()
  }
  if (!stop.signal.aborted) await once(stop.signal, 'abort')
  const report = await run.drain()
  cleanup.dispose()
  line = undefined
  output.drained(report)
  if (failure !== undefined && options.once) process.exitCode = 1
  // A handle that outlives the drain must not keep the process: it ends half a second later at the latest.
  setTimeout(() => process.exit(), 500).unref()
}

/** @returns the error, where the load failed; it has been printed. */
async function loadAtStart(
  run: StageRun,
  output: StageOutput,
  options: StageOptions,
  stop: AbortController,
): Promise<unknown> {
  try {
    const { result, serverCpuUsPerRequest } = await run.load(options.loadS!, stop.signal)
    output.load(result, serverCpuUsPerRequest)
    return undefined
  } catch (error) {
    output.failure(error)
    return error
  }
}

function keyActions(
  run: StageRun,
  output: StageOutput,
  stop: AbortController,
  note: (text: string) => void,
): KeyActions {
  const { stage } = run
  return {
    l: async () => {
      note(`loading for ${keyLoadS} s`)
      const { result, serverCpuUsPerRequest } = await run.load(keyLoadS, stop.signal).finally(() => note(''))
      output.load(result, serverCpuUsPerRequest)
    },
    v: async () => {
      note('next variant')
      await run.next().finally(() => note(''))
      output.listening(run.facts)
    },
    p: async () => {
      note(`profiling for ${profileLimits.seconds} s`)
      try {
        output.say(profileWords(await run.profile(stop.signal)))
      } catch (error) {
        if (!stop.signal.aborted) throw error
      } finally {
        note('')
      }
    },
    b: () => output.say(run.block()),
    d: () => output.say(difference(stage)),
    h: () => output.say(`${keysLine(run.views)}\nnpm run stage:${stage.number} -- --help shows the options`),
    q: () => stop.abort(),
  }
}

function viewActions(run: StageRun, output: StageOutput): KeyActions {
  return Object.fromEntries(run.views.map((view) => [view.key, async () => output.say(await run.draw(view))]))
}

/** The functions that took most of the time, and where the whole profile is. */
function profileWords({ profile, requests, files }: Awaited<ReturnType<StageRun['profile']>>): string {
  const report = profileReport({ ...profile, requests }, { rows: keyProfileRows, root: repositoryRoot() })
  const [pprof, ...own] = files
  return `${report}go tool pprof ${pprof}\n${own.join('\n')} (DevTools, VS Code, Speedscope)`
}

/** This stage beside the one before it, as last measured; the first stage shows its own variants. */
function difference(stage: StageDefinition): string {
  const before = readLadder().find(({ number }) => number === stage.number - 1)
  const what = before
    ? `Since stage ${before.number}: ${stage.changed}`
    : `The first stage; its variants as last measured:`
  return `${what}\n${before ? figuresTable([before, stage], false) : figuresTable([stage], true)}`
}
