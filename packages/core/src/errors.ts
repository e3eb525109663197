/**
 * The one error class of the project. Users match `code`; people read `message`.
 *
 * A message says what happened, the offending value and its type, and the probable cause. `hint` is the next step:
 * a command to type or an option to change. A programmer's mistake is not a QpsError: see {@link invariant}.
 *
 * @example
 * throw new QpsError('QPS_USAGE', 'unknown variant "hardend"', { hint: 'did you mean "hardened"?' })
 */
export class QpsError extends Error {
  override readonly name = 'QpsError'
  /** Stable name of the failure, `QPS_` and capitals. Part of the public contract. */
  readonly code: QpsErrorCode
  /** True where the same call may succeed later with nothing changed by the caller. */
  readonly retryable: boolean
  /** Milliseconds to wait before a retry, where the failing side said so. */
  readonly retryAfterMs: number | undefined
  /** The next step for a person, without a full stop. */
  readonly hint: string | undefined

  constructor(code: QpsErrorCode, message: string, options: QpsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.retryAfterMs = options.retryAfterMs
    this.hint = options.hint
  }
}

export interface QpsErrorOptions {
  cause?: unknown
  /** Default false. */
  retryable?: boolean
  retryAfterMs?: number
  hint?: string
}

export type QpsErrorCode = `QPS_${string}`

/** The `code` of a Node system error (`ECONNREFUSED`, `EADDRINUSE`, …), or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** The message of whatever was thrown; never throws itself. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
