import { messageOf, QpsError } from '@qps/core'
import { placeOf } from './development/trace.ts'

/** Where a lease was taken and given back, as traces: known in development only. */
export interface Whereabouts {
  readonly acquired: string
  readonly released: string | undefined
}

/** What to do about each failure. */
const hints = {
  QPS_POOL_EXHAUSTED: 'give leases back sooner, shed load before this point, or raise the bound',
  QPS_POOL_CLOSED: 'acquire before the pool is disposed of, or make a new pool',
  QPS_POOL_CREATE: 'correct create or allocate, or let it have what it needs',
  QPS_POOL_RESET: 'reset must accept an object in any state that a holder can leave it in',
  QPS_LEASE_RELEASED: 'release after the last use, which may be behind an await or in a callback',
  QPS_LEASE_TWICE: 'give back once: by release() or by the end of a using block, not by both',
  QPS_LEASE_DIRTY: 'let reset clear it, or name in carries what the next holder may see',
  QPS_LEASE_WRITTEN: 'keep no reference to what a lease gave for longer than the lease',
  QPS_LEASE_LEAKED: 'acquire with using, which also gives back where an error is thrown',
} as const

type Code = keyof typeof hints

function failure(code: Code, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}): QpsError {
  return new QpsError(code, message, { ...options, hint: hints[code], retryable: code === 'QPS_POOL_EXHAUSTED' })
}

function places(where: Whereabouts | undefined): string {
  if (where === undefined) return ", where is known with mode: 'development' only"
  const released = where.released === undefined ? '' : `, released at ${placeOf(where.released)}`
  return `: acquired at ${placeOf(where.acquired)}${released}`
}

/** The bound is reached. `what` says which, with its value. */
export function exhaustedError(pool: string, what: string, retryAfterMs: number): QpsError {
  return failure('QPS_POOL_EXHAUSTED', `${pool}: ${what}`, { retryAfterMs })
}

/** Acquire after the end of the pool. */
export function closedError(pool: string): QpsError {
  return failure('QPS_POOL_CLOSED', `${pool}: the pool is closed`)
}

/** `create` or `allocate` threw, or gave what cannot be used. */
export function createError(pool: string, error: unknown): QpsError {
  return failure('QPS_POOL_CREATE', `${pool}: nothing could be made: ${messageOf(error)}`, { cause: error })
}

/** `reset` threw. */
export function resetError(pool: string, error: unknown, where: Whereabouts | undefined): QpsError {
  return failure('QPS_POOL_RESET', `${pool}: reset threw (${messageOf(error)})${places(where)}`, { cause: error })
}

/** `value` or `bytes` of a lease that was given back. */
export function releasedError(pool: string, where?: Whereabouts): QpsError {
  return failure('QPS_LEASE_RELEASED', `${pool}: a lease is used after its release${places(where)}`)
}

/** A second release. */
export function twiceError(pool: string, where?: Whereabouts): QpsError {
  return failure('QPS_LEASE_TWICE', `${pool}: a lease is released twice${places(where)}`)
}

/** An object that is not as it was made when its holder gives it back. `difference` names the field. */
export function dirtyError(pool: string, difference: string, where: Whereabouts | undefined): QpsError {
  return failure('QPS_LEASE_DIRTY', `${pool}: an object comes back dirty (${difference})${places(where)}`)
}

/** Something idle was changed. `difference` names the field or the byte. */
export function writtenError(pool: string, difference: string, where: Whereabouts | undefined): QpsError {
  return failure(
    'QPS_LEASE_WRITTEN',
    `${pool}: something was written after its release (${difference})${places(where)}`,
  )
}

/** Leases that were not given back, each with the trace of its acquire. */
export function leakedError(pool: string, acquired: readonly string[]): QpsError {
  const shown = acquired.slice(0, leaksShown).map(placeOf).join('; ')
  const more = acquired.length > leaksShown ? ` and ${acquired.length - leaksShown} more` : ''
  const leases = acquired.length === 1 ? 'a lease was' : `${acquired.length} leases were`
  return failure('QPS_LEASE_LEAKED', `${pool}: ${leases} not given back: acquired at ${shown}${more}`)
}

/** Places that one message names. */
const leaksShown = 5
