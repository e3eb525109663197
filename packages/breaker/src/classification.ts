import type { Outcome } from './breaker.ts'

/**
 * What an error means where nobody says otherwise: `cancelled` where the caller gave up, `failure` for all else. A
 * deadline that passed is a failure: the other side was too slow.
 *
 * - The signal's own reason, an `AbortError`, and a `QPS_CANCELLED` are cancellations,
 * - unless a `TimeoutError` or a `QPS_DEADLINE` is behind them, as with `AbortSignal.timeout`.
 */
export function classifyError(error: unknown, signal?: AbortSignal): Outcome {
  const aborted = signal?.aborted === true
  if (isTimeout(error) || isTimeout(causeOf(error)) || (aborted && isTimeout(signal.reason))) return 'failure'
  if ((aborted && error === signal.reason) || is(error, 'AbortError', 'QPS_CANCELLED')) return 'cancelled'
  return 'failure'
}

function isTimeout(error: unknown): boolean {
  return is(error, 'TimeoutError', 'QPS_DEADLINE')
}

function is(error: unknown, name: string, code: string): boolean {
  if (!(error instanceof Error)) return false
  return error.name === name || (error as { code?: unknown }).code === code
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}
