import { Metadata, type MetadataLike } from './metadata.ts'
import { GrpcStatus, statusName } from './status.ts'

/**
 * A call that ended with another status than OK, on either side: a client's calls reject with it, and a handler throws it
 * or gives it to its callback. `code` is the status's number, as in the errors of grpc-js, so that a handler written for
 * one server can fail in the same way on the other.
 *
 * @example throw new GrpcError(GrpcStatus.NOT_FOUND, `no item ${id}`)
 */
export class GrpcError extends Error {
  override readonly name = 'GrpcError'
  /** A {@link GrpcStatus}. */
  readonly code: number
  /** What the peer is told, or told us. Any text: it is escaped on the wire. */
  readonly details: string
  /** Trailing metadata: to send with the status, or received with it. */
  readonly metadata: MetadataLike
  /** True where the server certainly did not begin the call: it may be sent again whatever it does. */
  readonly retryable: boolean

  constructor(code: number, details: string, options: GrpcErrorOptions = {}) {
    const { cause } = options
    super(`${statusName(code)}: ${details}`, cause === undefined ? undefined : { cause })
    this.code = code
    this.details = details
    this.metadata = options.metadata ?? new Metadata()
    this.retryable = options.retryable ?? false
  }
}

export interface GrpcErrorOptions {
  metadata?: MetadataLike
  cause?: unknown
  /** Default false. */
  retryable?: boolean
}

/** How a call ends, as it travels in the trailers. */
export interface StatusObject {
  code: number
  details: string
  metadata: MetadataLike | null
}

/**
 * The status that whatever a handler failed with stands for: its own where it has a numeric `code`, UNKNOWN otherwise.
 * The text of an error that is no status is not sent: it may hold what is no business of the client's.
 */
export function statusOfError(error: unknown): StatusObject {
  const failure = (typeof error === 'object' ? error : null) ?? {}
  const { code, details, message, metadata } = failure as { [Key in keyof GrpcError]?: unknown }
  if (typeof code !== 'number' || !Number.isInteger(code) || code < 0 || code > 999) {
    return { code: GrpcStatus.UNKNOWN, details: 'the handler failed', metadata: null }
  }
  const text = details ?? message
  return { code, details: typeof text === 'string' ? text : '', metadata: (metadata ?? null) as MetadataLike | null }
}
