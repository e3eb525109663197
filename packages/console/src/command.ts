import { describe, didYouMean, QpsError } from '@qps/core'
import { parseArgs } from 'node:util'

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
  const values = new Map<string, OptionValue>()
  for (const [name, { default: preset }] of Object.entries(spec.options)) {
    if (preset !== undefined) values.set(name, preset)
  }
  const positionals: string[] = []
  for (const token of tokensOf(spec, argv)) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind === 'option') readOption(spec, token, values)
  }
  const { min, max } = spec.positionals ?? { min: 0, max: 0 }
  if (positionals.length < min) throw misuse(spec, `something is missing: ${spec.name} ${spec.usage}`)
  if (positionals.length > max) throw misuse(spec, `unexpected ${describe(positionals[max])}`)
  return new ParsedCommand(values, positionals)
}

function readOption(spec: CommandSpec, { name, rawName, value }: OptionToken, values: Map<string, OptionValue>): void {
  const option = Object.hasOwn(spec.options, name) ? spec.options[name] : undefined
  if (!option) {
    const known = Object.keys(spec.options).map((candidate) => `--${candidate}`)
    throw misuse(spec, `unknown option ${rawName}`, didYouMean(rawName, known))
  }
  if (option.type === 'boolean') {
    if (value !== undefined) throw misuse(spec, `${rawName} takes no value, and got ${describe(value)}`)
    values.set(name, true)
    return
  }
  if (value === undefined) throw misuse(spec, `${rawName} needs a value (${option.value ?? option.type})`)
  if (option.multiple) values.set(name, [...((values.get(name) as string[] | undefined) ?? []), value])
  else values.set(name, option.type === 'string' ? value : numberOf(spec, rawName, value, option))
}

function numberOf(spec: CommandSpec, rawName: string, text: string, option: OptionSpec): number {
  const { type, min = -Infinity, max = Infinity } = option
  const value = text.trim() === '' ? NaN : Number(text)
  const right = type === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value)
  if (right && value >= min && value <= max) return value
  const kind = type === 'integer' ? 'a whole number' : 'a number'
  const range = max < Infinity ? ` from ${min} to ${max}` : min > -Infinity ? ` of at least ${min}` : ''
  throw misuse(spec, `${rawName} must be ${kind}${range}, not ${describe(text)}`)
}

function misuse(spec: CommandSpec, message: string, suggestion: string = ''): QpsError {
  return new QpsError('QPS_USAGE', message, { hint: `${suggestion} ${spec.name} --help shows the options`.trim() })
}

interface OptionToken {
  kind: 'option'
  name: string
  rawName: string
  value: string | undefined
}

type Token = OptionToken | { kind: 'positional'; value: string } | { kind: 'option-terminator' }

/** Node's own tokenizer, lenient: it knows which options take a value, the checks above are ours. */
function tokensOf(spec: CommandSpec, argv: readonly string[]): Token[] {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {}
  for (const [name, { type, short }] of Object.entries(spec.options)) {
    options[name] = { type: type === 'boolean' ? 'boolean' : 'string', ...(short === undefined ? {} : { short }) }
  }
  return parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true }).tokens as Token[]
}
