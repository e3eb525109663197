import { QpsError } from '@qps/core'
import { runCommand } from '../run-command.ts'
import type { CommandSpec, ParsedCommand } from '../command.ts'
import { formatNumber } from '../format.ts'
import { profileStage, type ProfiledStage, type ProfileStageOptions } from '../profile-stage.ts'
import { readLadder, repositoryRoot } from '../stage/figures.ts'
import { profileReport } from '@qps/profile'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const command: CommandSpec = {
  name: 'npm run profile --',
  summary: 'Runs a stage under load and names the functions that allocate most, or take the most CPU.',
  usage: '--stage N [options]',
  options: {
    stage: { type: 'integer', value: 'N', min: 1, max: 99, help: 'which stage' },
    main: { type: 'string', value: 'FILE', help: 'instead: a program of your own that calls runStage' },
    variant: { type: 'string', value: 'NAME', help: 'default: the stage’s best' },
    workers: { type: 'string', value: 'W', help: 'worker threads of the stage, or auto; default 1' },
    path: { type: 'string', value: 'PATH', default: '/', help: 'what is asked for' },
    connections: { type: 'integer', short: 'c', value: 'N', default: 64, min: 1, max: 10_000, help: 'connections' },
    duration: { type: 'number', short: 'd', value: 'S', default: 5, min: 1, max: 60, help: 'seconds of the profile' },
    cpu: { type: 'boolean', help: 'CPU time instead of allocations' },
    live: { type: 'boolean', help: 'only what is still in use at the end' },
    rows: { type: 'integer', value: 'N', default: 15, min: 1, max: 500, help: 'functions to show' },
    save: { type: 'string', value: 'FILE', help: 'also write it for `go tool pprof`, gzipped' },
    json: { type: 'boolean', help: 'the result as one JSON object' },
  },
  examples: [
    'npm run profile -- --stage 4 --variant naive --path /items/1',
    'npm run profile -- --stage 4 --variant naive --path /items/1 --cpu',
    'npm run profile -- --stage 2 --save /tmp/stage-2.pb.gz',
  ],
}

await runCommand(command, process.argv.slice(2), async (typed) => {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  process.once('SIGTERM', () => stop.abort())
  const profiled = await profileStage({ ...stageOptions(typed), signal: stop.signal })
  const save = typed.text('save')
  if (save !== undefined) writeFileSync(save, profiled.pprof)
  const rows = typed.number('rows')!
  if (typed.flag('json')) process.stdout.write(`${JSON.stringify(eventOf(profiled, rows))}\n`)
  else process.stdout.write(textOf(profiled, rows, save))
})

function stageOptions(typed: ParsedCommand): Omit<ProfileStageOptions, 'signal'> {
  if (typed.flag('cpu') && typed.flag('live')) {
    throw new QpsError('QPS_USAGE', '--live is about memory, and --cpu is not', { hint: 'leave one of them out' })
  }
  const [variant, workers] = [typed.text('variant'), typed.text('workers')]
  return {
    main: mainOf(typed),
    options: [
      ...(variant === undefined ? [] : ['--variant', variant]),
      ...(workers === undefined ? [] : ['--workers', workers]),
    ],
    kind: typed.flag('cpu') ? 'cpu' : typed.flag('live') ? 'live' : 'allocations',
    path: typed.text('path')!,
    connections: typed.number('connections')!,
    seconds: typed.number('duration')!,
  }
}

function mainOf(typed: ParsedCommand): string {
  const [main, number] = [typed.text('main'), typed.number('stage')]
  if ((main === undefined) === (number === undefined)) {
    throw new QpsError('QPS_USAGE', 'one of --stage and --main says what to profile', { hint: 'add --stage 4' })
  }
  if (main !== undefined) return resolve(main)
  const stage = readLadder().find((one) => one.number === number)
  if (stage !== undefined) return join(repositoryRoot(), 'stages', stage.slug, 'src', 'main.ts')
  throw new QpsError('QPS_USAGE', `there is no stage ${number}`, { hint: 'npm run stage shows which there are' })
}

function eventOf(profiled: ProfiledStage, rows: number): object {
  const { profile, load, variant, asItIs } = profiled
  const { functions, ...facts } = profile
  return { event: 'profile', variant, ...facts, functions: functions.slice(0, rows), load, asItIs }
}

function textOf({ profile, load, variant, asItIs }: ProfiledStage, rows: number, save: string | undefined): string {
  const what = { cpu: 'CPU time', allocations: 'Allocations', live: 'What stays of allocations' }[profile.kind]
  const wrong = load.errors === 0 ? '' : `; ${formatNumber(load.errors)} answers were wrong`
  return [
    `${what} of ${variant}, ${load.url}${wrong}`,
    '',
    profileReport(profile, { rows, root: repositoryRoot() }),
    ...(asItIs === undefined ? [] : [inliningNote(asItIs.bytesPerRequest)]),
    ...(save === undefined ? [] : [`written to ${save}; go tool pprof -top ${save}`, '']),
  ].join('\n')
}

/** Why the table's sum is another figure than that of `/debug/allocations`. */
function inliningNote(bytesPerRequest: number): string {
  return `The stage as it is allocates ${formatNumber(bytesPerRequest)} B/request. The table is of one whose functions V8 was kept from
inlining, so that each is named; what inlining spares is in it.\n`
}
