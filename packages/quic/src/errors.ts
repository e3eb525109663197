import { messageOf, QpsError } from '@qps/core'

/** What can go wrong with a connection, and the next step for each. */
const table = {
  QPS_QUIC_HANDSHAKE:
    'see that the server is reached, speaks h3, and that its certificate is for this name and trusted',
  QPS_QUIC_CLOSED: 'connect again; the reason says which side ended the connection, and why',
  QPS_QUIC_STREAM: 'the connection is fine: ask again if the request may be repeated',
  QPS_QUIC_TIMEOUT: 'see whether UDP reaches the other side and comes back',
  QPS_QUIC_MIGRATION: 'the connection stays where it was; see whether UDP from the new address reaches the server',
  QPS_QUIC_BODY: 'raise bodyBytesMax, or read the body piece by piece',
  QPS_QUIC_ROOM: 'ask again later, or raise bodiesBytesMax',
} as const

export type QuicErrorCode = keyof typeof table

/** Codes whose cause may be over soon: the same call may succeed later. */
const retryable: ReadonlySet<QuicErrorCode> = new Set([
  'QPS_QUIC_CLOSED',
  'QPS_QUIC_STREAM',
  'QPS_QUIC_TIMEOUT',
  'QPS_QUIC_ROOM',
])

export function quicError(code: QuicErrorCode, what: string, cause?: unknown): QpsError {
  const message = cause === undefined ? what : `${what}: ${messageOf(cause)}`
  return new QpsError(code, message, { hint: table[code], cause, retryable: retryable.has(code) })
}
