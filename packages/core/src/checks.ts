import { QpsError } from './errors.ts'

/** The bounds of a number; both ends are allowed. */
export interface NumberBounds {
  /** Default -Infinity. */
  min?: number
  /** Default Infinity. */
  max?: number
}

/**
 * Checks one option that must be a whole number and returns it.
 *
 * @throws QpsError QPS_OPTION with the option's name, the value, its type and the range.
 * @example const port = checkInteger('port', options.port, { min: 0, max: 65535 })
 */
export function checkInteger(name: string, value: unknown, bounds: NumberBounds = {}): number {
  if (Number.isSafeInteger(value) && within(value as number, bounds)) return value as number
  throw refusal(name, value, 'a whole number', bounds)
}

/**
 * Checks one option that must be a finite number and returns it.
 *
 * @throws QpsError QPS_OPTION with the option's name, the value, its type and the range.
 */
export function checkNumber(name: string, value: unknown, bounds: NumberBounds = {}): number {
  if (Number.isFinite(value) && within(value as number, bounds)) return value as number
  throw refusal(name, value, 'a number', bounds)
}

function within(value: number, { min = -Infinity, max = Infinity }: NumberBounds): boolean {
  return value >= min && value <= max
}

function refusal(name: string, value: unknown, kind: string, { min, max }: NumberBounds): QpsError {
  return new QpsError('QPS_OPTION', `${name} must be ${kind}${rangeOf(min, max)}, not ${describe(value)}`)
}

function rangeOf(min: number | undefined, max: number | undefined): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`
  if (min !== undefined) return ` of at least ${min}`
  return max === undefined ? '' : ` of at most ${max}`
}

/** A value as an error message shows it: short, quoted, with its type. */
export function describe(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value)
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  return `a value of type ${typeof value}`
}
