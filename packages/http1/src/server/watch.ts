import type { HttpLimits, RefusalReason } from '@qps/http-contract'
import type { ConnectionState } from './connection-state.ts'

/** What the sweep remembers of a connection from one look to the next; times in ms of the server's clock. */
export class WatchNotes {
  movedAtMs: number
  bytesRead = 0
  bytesSent = 0
  stalledSinceMs = -1
  /** Idle, or with an unfinished head, while connections were scarce. */
  inCrowd = false
  /** Its last word is said: input is only dropped from then on. -1 before. */
  lingeringSinceMs = -1
  /** `bytesRead` then. */
  lingerFromBytes = 0
  /** Nobody waits for the client to read the refusal. */
  closesWhenSent = false

  constructor(nowMs: number) {
    this.movedAtMs = nowMs
  }

  linger(nowMs: number, bytesRead: number): void {
    this.lingeringSinceMs = nowMs
    this.lingerFromBytes = bytesRead
  }
}

/** What a look at a connection may lead to. */
export type Verdict =
  | { refuse: RefusalReason }
  /** Closed without a word. */
  | { close: 'idle' | 'crowded-idle' | 'linger-over' }
  /** Reset, so that the kernel does not keep the unread answer. */
  | { reset: 'slow-reader' }

const refuseTimeout: Verdict = { refuse: 'timeout' }
const refuseSlowBody: Verdict = { refuse: 'slow-body' }
const closeIdle: Verdict = { close: 'idle' }
const closeCrowded: Verdict = { close: 'crowded-idle' }
const closeLingering: Verdict = { close: 'linger-over' }
const resetReader: Verdict = { reset: 'slow-reader' }

/**
 * Looks at one connection, a few times a second. No connection has a timer: the request path stores numbers, and this
 * compares them with those of the look before.
 *
 * What only a sweep notices may have begun a sweep earlier, so those limits are taken two sweeps short: they hold for the
 * client. A request's beginning is known, and dated back to the sweep before it.
 *
 * @param crowded connections are scarce, for this address or for the process: patience is shorter then (`HttpLimits`).
 * @returns what is to be done, or undefined.
 */
export function look(
  connection: ConnectionState,
  nowMs: number,
  limits: HttpLimits,
  crowded: boolean,
): Verdict | undefined {
  const { notes, output } = connection
  const { bytesRead, bytesSent, pendingBytes } = output
  const toleranceMs = 2 * limits.sweepMs
  const taking = bytesSent !== notes.bytesSent
  const moved = taking || bytesRead !== notes.bytesRead
  if (moved) notes.movedAtMs = nowMs
  notes.bytesRead = bytesRead
  notes.bytesSent = bytesSent

  if (pendingBytes === 0) notes.stalledSinceMs = -1
  else if (notes.stalledSinceMs === -1 || taking) notes.stalledSinceMs = nowMs
  else if (nowMs - notes.stalledSinceMs >= limits.readerStallMs - toleranceMs) return resetReader

  if (notes.lingeringSinceMs !== -1) return lingering(connection, nowMs, limits)
  if (connection.isReceivingBody && pendingBytes === 0) return receivingBody(connection, nowMs, limits)
  if (connection.isReceivingHead) return receivingHead(connection, nowMs, limits, crowded)

  const idle = connection.isAtRest && pendingBytes === 0
  if (!idle) {
    notes.movedAtMs = nowMs
    notes.inCrowd = false
    return undefined
  }
  // Once idle in a crowd, a connection stays on the short limit until it moves: closing some of a crowd makes it smaller,
  // and the rest would be let off.
  notes.inCrowd = crowded || (notes.inCrowd && !moved)
  const idleMs = nowMs - notes.movedAtMs
  if (notes.inCrowd && idleMs >= limits.crowdedIdleMs - toleranceMs) return closeCrowded
  return idleMs >= limits.idleMs ? closeIdle : undefined
}

function lingering({ notes, output }: ConnectionState, nowMs: number, limits: HttpLimits) {
  const { lingeringSinceMs } = notes
  if (notes.closesWhenSent && output.pendingBytes === 0) return closeLingering
  const over =
    nowMs - lingeringSinceMs >= limits.lingerMs ||
    nowMs - Math.max(notes.movedAtMs, lingeringSinceMs) >= limits.lingerQuietMs ||
    output.bytesRead - notes.lingerFromBytes > limits.lingerBytesMax
  return over ? closeLingering : undefined
}

function receivingHead(connection: ConnectionState, nowMs: number, limits: HttpLimits, crowded: boolean) {
  const { notes } = connection
  // A head that was late in a crowd stays late when the crowd is gone.
  notes.inCrowd ||= crowded
  const limitMs = notes.inCrowd ? limits.crowdedHeadersTimeoutMs : limits.headersTimeoutMs
  return nowMs - connection.intake.requestAtMs >= limitMs ? refuseTimeout : undefined
}

function receivingBody(connection: ConnectionState, nowMs: number, limits: HttpLimits) {
  const { requestAtMs, requestFromBytes } = connection.intake
  const ageMs = nowMs - requestAtMs
  if (ageMs >= limits.requestTimeoutMs) return refuseTimeout
  if (ageMs < limits.bodyGraceMs) return undefined
  const bytes = connection.output.bytesRead - requestFromBytes
  return bytes * 1000 < limits.bodyBytesPerSMin * (ageMs - limits.sweepMs) ? refuseSlowBody : undefined
}
