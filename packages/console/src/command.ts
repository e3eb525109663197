import { describe, didYouMean, messageOf, QpsError, systemErrorCode } from '@qps/core'
import { parseArgs } from 'node:util'
import { helpText } from './help.ts'

/** One option of a command, as data: the parser, the checks and `--help` are made from it. */
export interface OptionSpec {
  type: 'string' | 'boolean' | 'integer' | 'number'
  /** One letter, without the dash. */
  short?: string
  /** What stands for the value in the help, e.g. `QPS`. */
  value?: string
  default?: string | number | boolean | undefined
  /** Bounds of `integer` and `number`, both allowed. */
  min?: number
  max?: number
  /** May be given several times; the value is then an array of strings. */
  multiple?: boolean
  help: string
}

export interface CommandSpec {
  /** How it is typed, e.g. `npm run load --`. */
  name: string
  summary: string
  /** Shown after the name, e.g. `URL [options]`. */
  usage: string
  /** How many words may stand without a dash. Default 0 to 0. */
  positionals?: { min: number; max: number }
  options: Record<string, OptionSpec>
  /** Lines to try, shown at the end of the help. */
  examples?: string[]
}

export type OptionValue = string | number | boolean | string[] | undefined

/** What was typed, checked. Read values by kind: `text('host')`, `number('port')`, `flag('json')`, `list('header')`. */
export class ParsedCommand {
  readonly positionals: readonly string[]
  readonly #values: ReadonlyMap<string, OptionValue>

  constructor(values: ReadonlyMap<string, OptionValue>, positionals: readonly string[]) {
    this.#values = values
    this.positionals = positionals
  }

  flag(name: string): boolean {
    return this.#values.get(name) === true
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name)
    return typeof value === 'string' ? value : undefined
  }

  number(name: string): number | undefined {
    const value = this.#values.get(name)
    return typeof value === 'number' ? value : undefined
  }

  list(name: string): string[] {
    const value = this.#values.get(name)
    return Array.isArray(value) ? value : []
  }
}

/**
 * Reads a command line against its description.
 *
 * @throws QpsError QPS_USAGE naming the offending word, with the nearest option where one is near.
 */
export function parseCommand(spec: CommandSpec, argv: readonly string[]): ParsedCommand {
  const help = `type ${spec.name} --help for the options`
  const values = new Map<string, OptionValue>()
  for (const [name, option] of Object.entries(spec.options)) {
    if (option.default !== undefined) values.set(name, option.default)
  }
  const positionals: string[] = []
  for (const token of tokensOf(spec, argv)) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const option = Object.hasOwn(spec.options, token.name) ? spec.options[token.name] : undefined
    if (!option) {
      const known = Object.keys(spec.options).map((name) => `--${name}`)
      throw new QpsError('QPS_USAGE', `unknown option ${token.rawName}`, {
        hint: `${didYouMean(token.rawName, known)} ${help}`,
      })
    }
    if (option.type === 'boolean') {
      if (token.value !== undefined)
        throw new QpsError('QPS_USAGE', `${token.rawName} takes no value, and got ${describe(token.value)}`, {
          hint: help,
        })
      values.set(token.name, true)
      continue
    }
    if (token.value === undefined)
      throw new QpsError('QPS_USAGE', `${token.rawName} needs a value (${option.value ?? option.type})`, { hint: help })
    const value = option.type === 'string' ? token.value : numberOf(token.rawName, token.value, option, help)
    if (!option.multiple) values.set(token.name, value)
    else values.set(token.name, [...((values.get(token.name) as string[] | undefined) ?? []), String(value)])
  }
  const { min, max } = spec.positionals ?? { min: 0, max: 0 }
  if (positionals.length < min)
    throw new QpsError('QPS_USAGE', `something is missing: ${spec.name} ${spec.usage}`, { hint: help })
  if (positionals.length > max)
    throw new QpsError('QPS_USAGE', `unexpected ${describe(positionals[max])}`, { hint: help })
  return new ParsedCommand(values, positionals)
}

type Token =
  | { kind: 'positional'; value: string }
  | { kind: 'option'; name: string; rawName: string; value: string | undefined }
  | { kind: 'option-terminator' }

/** Node's own tokenizer, lenient: it knows which options take a value, the checks above are ours. */
function tokensOf(spec: CommandSpec, argv: readonly string[]): Token[] {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {}
  for (const [name, option] of Object.entries(spec.options)) {
    options[name] = {
      type: option.type === 'boolean' ? 'boolean' : 'string',
      ...(option.short ? { short: option.short } : {}),
    }
  }
  return parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true }).tokens as Token[]
}

function numberOf(
  rawName: string,
  text: string,
  { type, min = -Infinity, max = Infinity }: OptionSpec,
  hint: string,
): number {
  const value = text.trim() === '' ? NaN : Number(text)
  const right = type === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value)
  if (right && value >= min && value <= max) return value
  const kind = type === 'integer' ? 'a whole number' : 'a number'
  const range = max < Infinity ? ` from ${min} to ${max}` : min > -Infinity ? ` of at least ${min}` : ''
  throw new QpsError('QPS_USAGE', `${rawName} must be ${kind}${range}, not ${describe(text)}`, { hint })
}

/** 0 done, 1 failure, 2 wrong usage, 3 a real part is missing. */
export function exitCodeOf(error: unknown): 1 | 2 | 3 {
  if (!(error instanceof QpsError)) return 1
  if (error.code === 'QPS_PART_MISSING') return 3
  return usageCodes.has(error.code) ? 2 : 1
}

const usageCodes = new Set<string>(['QPS_USAGE', 'QPS_OPTION', 'QPS_UNKNOWN_VARIANT', 'QPS_UNKNOWN_SCENARIO'])

/** An error as one line: what, why, next step. Anything but a QpsError is a bug of ours and keeps its stack. */
export function errorLine(error: unknown): string {
  if (error instanceof QpsError)
    return `${error.code}: ${error.message}${error.hint === undefined ? '' : `; ${error.hint}`}`
  const code = systemErrorCode(error)
  if (code !== undefined) return `${code}: ${messageOf(error)}`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** The `error` event of the contract. */
export function errorEvent(error: unknown): { event: 'error'; code: string; message: string; hint: string } {
  if (error instanceof QpsError)
    return { event: 'error', code: error.code, message: error.message, hint: error.hint ?? '' }
  return {
    event: 'error',
    code: 'QPS_INTERNAL',
    message: messageOf(error),
    hint: 'this is a bug: please report it with the command that you typed',
  }
}

/**
 * The frame of every command: `--help`, one line for an error (an `error` event with `--json`), the exit code.
 * `main` returns the exit code, default 0.
 *
 * @returns the exit code; also put into `process.exitCode`, so that output still being written is not cut off.
 */
export async function runCommand(
  spec: CommandSpec,
  argv: readonly string[],
  main: (command: ParsedCommand) => Promise<number | void>,
): Promise<number> {
  const json = argv.includes('--json')
  const optionsEnd = argv.indexOf('--')
  const asked = optionsEnd === -1 ? argv : argv.slice(0, optionsEnd)
  try {
    if (asked.includes('--help') || (asked.includes('-h') && !usesLetter(spec, 'h'))) {
      process.stdout.write(helpText(spec))
      return 0
    }
    process.exitCode = (await main(parseCommand(spec, argv))) ?? 0
  } catch (error) {
    if (json) process.stdout.write(`${JSON.stringify(errorEvent(error))}\n`)
    else process.stderr.write(`${errorLine(error)}\n`)
    process.exitCode = exitCodeOf(error)
  }
  return Number(process.exitCode)
}

function usesLetter(spec: CommandSpec, letter: string): boolean {
  return Object.values(spec.options).some((option) => option.short === letter)
}
