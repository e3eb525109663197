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
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw refusal(name, value, 'a whole number', bounds)
  return checkNumber(name, value, bounds)
}

/**
 * Checks one option that must be a finite number and returns it.
 *
 * @throws QpsError QPS_OPTION with the option's name, the value, its type and the range.
 */
export function checkNumber(name: string, value: unknown, bounds: NumberBounds = {}): number {
  const { min = -Infinity, max = Infinity } = bounds
  if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value > max) {
    throw refusal(name, value, 'a number', bounds)
  }
  return value
}

function refusal(name: string, value: unknown, kind: string, { min, max }: NumberBounds): QpsError {
  const range =
    min !== undefined && max !== undefined
      ? ` from ${min} to ${max}`
      : min !== undefined
        ? ` of at least ${min}`
        : max !== undefined
          ? ` of at most ${max}`
          : ''
  return new QpsError('QPS_OPTION', `${name} must be ${kind}${range}, not ${describe(value)}`)
}

/** A value as an error message shows it: short, quoted, with its type. */
export function describe(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value)
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  return `a value of type ${typeof value}`
}
