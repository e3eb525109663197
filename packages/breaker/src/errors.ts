import { describe, QpsError } from '@qps/core'

/** What to do about each failure. */
const hints = {
  QPS_BREAKER_OPEN: 'answer from a cache or with less, or try again after retryAfterMs',
  QPS_BREAKER_LOCAL: 'make the breaker with shared: true',
  QPS_BREAKER_CLOCK: 'give every thread a commonClock of hrtime.bigint',
  QPS_BREAKER_KEY: 'use short names of endpoints as keys, not parts of requests',
} as const

/** A call that the breaker did not let pass. */
export function openError(name: string, why: string, retryAfterMs: number): QpsError {
  const hint = hints.QPS_BREAKER_OPEN
  return new QpsError('QPS_BREAKER_OPEN', `${named(name)}: ${why}`, { retryable: true, retryAfterMs, hint })
}

/** A breaker that keeps its state to itself. */
export function localError(name: string): QpsError {
  return new QpsError('QPS_BREAKER_LOCAL', `${named(name)} is not in shared memory`, { hint: hints.QPS_BREAKER_LOCAL })
}

/** A clock that runs behind that of the thread which the handle came from: it has another origin. */
export function clockError(name: string, nowMs: number, sharedMs: number): QpsError {
  const message = `${named(name)}: the clock says ${nowMs}, though the breaker was shared at ${sharedMs}: it is not the same clock`
  return new QpsError('QPS_BREAKER_CLOCK', message, { hint: hints.QPS_BREAKER_CLOCK })
}

/** A key that a set does not take. */
export function keyError(key: unknown, keyLengthMax: number): QpsError {
  const message = `a key must be a string of at most ${keyLengthMax} characters, not ${describe(key)}`
  return new QpsError('QPS_BREAKER_KEY', message, { hint: hints.QPS_BREAKER_KEY })
}

/** Names of breakers can be keys, and those can come from outside: quoted, escaped and cut. */
function named(name: string): string {
  return `breaker ${describe(name)}`
}
