import { didYouMean, QpsError } from '@qps/core'
import { availableParallelism } from 'node:os'
import type { CommandSpec, OptionSpec, ParsedCommand } from '../command.ts'
import { checkVariant, type StageDefinition } from './definition.ts'

/** An option of one stage, for one variant or for all of them. A variant reads it by `given` of its context. */
export type OwnOption = OptionSpec & { type: 'string' | 'integer'; variant?: string }
export type OwnOptions = Readonly<Record<string, OwnOption>>

/** The options that every stage understands, and those of its own. */
export function stageCommand(stage: StageDefinition, own: OwnOptions = {}): CommandSpec {
  return {
    name: `npm run stage:${stage.number} --`,
    summary: `Stage ${stage.number}, ${stage.title}: ${stage.question}`,
    usage: '[options]',
    options: {
      variant: {
        type: 'string',
        value: 'NAME',
        help: `${stage.variants.map(({ name }) => name).join(', ')}; default ${stage.best}`,
      },
      port: {
        type: 'integer',
        value: 'P',
        default: 8080,
        min: 0,
        max: 65_535,
        help: 'where it listens; 0 picks a free port',
      },
      host: { type: 'string', value: 'H', default: '127.0.0.1', help: 'address that it listens on' },
      'admin-port': {
        type: 'integer',
        value: 'P',
        default: 9464,
        min: 0,
        max: 65_535,
        help: 'metrics, health; 0 picks a free port',
      },
      'admin-host': {
        type: 'string',
        value: 'H',
        default: '127.0.0.1',
        help: 'address of the admin port; keep it on loopback',
      },
      workers: { type: 'string', value: 'W', help: `worker threads, or auto; default ${workersWords(stage)}` },
      'connections-max': {
        type: 'integer',
        value: 'N',
        min: 1,
        max: 1_000_000,
        help: 'open connections of the process; default 4096',
      },
      with: { type: 'string', value: 'LIST', help: 'real parts instead of embedded ones, separated by commas' },
      load: {
        type: 'number',
        value: 'S',
        min: 0.1,
        max: 3600,
        help: 'load it for S seconds after the start and print the result',
      },
      once: { type: 'boolean', help: 'with --load: exit afterwards' },
      list: { type: 'boolean', help: 'the variants; with --json as JSON' },
      json: { type: 'boolean', help: 'one JSON object a line on standard output' },
      quiet: { type: 'boolean', help: 'no live line' },
      ...Object.fromEntries(
        Object.entries(own).map(([name, option]) => [
          name,
          { ...option, help: `${option.variant ? `${option.variant}: ` : ''}${option.help}` },
        ]),
      ),
    },
    examples: [
      `npm run stage:${stage.number}`,
      `npm run stage:${stage.number} -- --variant ${stage.variants[0]?.name} --load 5 --once`,
    ],
  }
}

/** The options of a stage, checked. */
export interface StageOptions {
  variant: string
  /** `--variant` was given. */
  asked: boolean
  host: string
  port: number
  adminHost: string
  adminPort: number
  /** Worker threads of a variant: as asked for, else its own number. */
  workersOf(variant: string): number
  connectionsMax: number | undefined
  loadS: number | undefined
  once: boolean
  json: boolean
  quiet: boolean
  /** Options of the stage's own, see `VariantContext`. */
  given: (name: string) => string | undefined
}

/** @throws QpsError QPS_USAGE, QPS_UNKNOWN_VARIANT or QPS_PART_MISSING. */
export function stageOptions(stage: StageDefinition, command: ParsedCommand, own: OwnOptions = {}): StageOptions {
  checkParts(stage, command.text('with'))
  const loadS = command.number('load')
  if (command.flag('once') && loadS === undefined) {
    throw new QpsError('QPS_USAGE', '--once needs --load, which says what to do once', { hint: 'add --load 5' })
  }
  const variant = checkVariant(stage, command.text('variant'))
  checkOwn(variant, command, own)
  return {
    variant,
    asked: command.text('variant') !== undefined,
    host: command.text('host')!,
    port: command.number('port')!,
    adminHost: command.text('admin-host')!,
    adminPort: command.number('admin-port')!,
    workersOf: workersOf(stage, variant, command.text('workers')),
    connectionsMax: command.number('connections-max'),
    loadS,
    once: command.flag('once'),
    json: command.flag('json'),
    quiet: command.flag('quiet'),
    given: (name) => given(command, name),
  }
}

function given(command: ParsedCommand, name: string): string | undefined {
  return command.text(name) ?? command.number(name)?.toString()
}

function checkOwn(variant: string, command: ParsedCommand, own: OwnOptions): void {
  for (const [name, option] of Object.entries(own)) {
    if (given(command, name) === undefined || (option.variant ?? variant) === variant) continue
    throw new QpsError('QPS_USAGE', `--${name} means nothing to the variant ${variant}`, {
      hint: `add --variant ${option.variant}`,
    })
  }
}

/**
 * Where variants name numbers of their own, only these have workers at all.
 *
 * @throws QpsError QPS_USAGE where this variant was to have some and cannot.
 */
function workersOf(stage: StageDefinition, variant: string, asked: string | undefined): (variant: string) => number {
  const ownOf = (wanted: string): number | undefined => stage.variants.find(({ name }) => name === wanted)?.workers
  if (asked === undefined) return (wanted) => ownOf(wanted) ?? 1
  const workers = checkWorkers(stage, asked)
  const withWorkers = stage.variants.filter((each) => each.workers !== undefined).map(({ name }) => name)
  if (withWorkers.length === 0) return () => workers
  if (workers > 1 && asked !== 'auto' && !withWorkers.includes(variant)) {
    throw new QpsError('QPS_USAGE', `--workers ${asked} means nothing to the variant ${variant}`, {
      hint: `add --variant ${withWorkers.join(' or ')}`,
    })
  }
  return (wanted) => (withWorkers.includes(wanted) ? workers : 1)
}

/** `1`, and the variants that have another number. */
function workersWords(stage: StageDefinition): string {
  const others = stage.variants.flatMap(({ name, workers }) => (workers === undefined ? [] : `${workers} for ${name}`))
  return ['1', ...others].join(', ')
}

function checkWorkers(stage: StageDefinition, text: string): number {
  if (text === 'auto') return Math.min(availableParallelism(), stage.workersMax)
  const workers = Number(text)
  if (!Number.isSafeInteger(workers) || workers < 1) {
    throw new QpsError(
      'QPS_USAGE',
      `--workers must be a whole number of at least 1, or auto, not ${JSON.stringify(text)}`,
    )
  }
  if (workers > stage.workersMax) {
    const why = stage.workersMax === 1 ? 'runs on one event loop' : `takes at most ${stage.workersMax} workers`
    throw new QpsError('QPS_USAGE', `--workers ${workers}: stage ${stage.number} ${why}`, {
      hint:
        stage.workersMax === 1
          ? 'leave the option out; workers begin with stage 2'
          : `use --workers ${stage.workersMax}`,
    })
  }
  return workers
}

function checkParts(stage: StageDefinition, list: string | undefined): void {
  for (const part of (list ?? '').split(',').filter((word) => word !== '')) {
    if (stage.parts.includes(part)) continue
    const hint = stage.parts.length === 0 ? 'leave --with out' : didYouMean(part, stage.parts)
    throw new QpsError(
      'QPS_USAGE',
      `stage ${stage.number} has no part ${JSON.stringify(part)} to replace with a real one`,
      { hint },
    )
  }
}
