import { errorCode } from '@qps/http2-frames'
import type { Http2NetpollServer } from './server.ts'
import type { Http2Session } from './session.ts'

/**
 * One look at everything that has a time limit, O(sessions + streams that wait or linger). What it sees may have begun a sweep
 * before, and so may its notion of now: limits are met early by two sweeps, so that they hold for the client.
 */
export function sweep(server: Http2NetpollServer): void {
  const nowMs = (server.nowMs = server.clock.nowMs())
  const { lingerMs, requestTimeoutMs } = server.limits
  for (const [stream, sinceMs] of server.lingering) {
    if (nowMs - sinceMs >= lingerMs) stream.reset(errorCode.noError)
  }
  const bodyMs = early(server, requestTimeoutMs)
  for (const stream of server.arriving) {
    if (stream.arrivingSinceMs === -1) server.arriving.delete(stream)
    else if (nowMs - stream.arrivingSinceMs >= bodyMs) {
      server.refused('timeout')
      stream.reset(errorCode.cancel)
    }
  }
  for (const session of server.sessions) look(server, session)
}

function look(server: Http2NetpollServer, session: Http2Session): void {
  const { headersTimeoutMs, idleMs } = server.limits
  if (session.isParting) return lookAfter(server, session)
  if (session.over) return
  if (!session.ready) {
    if (server.nowMs - session.openedAtMs < early(server, headersTimeoutMs)) return
    server.refused('timeout')
    return session.output.destroy()
  }
  if (isStalled(server, session)) return session.calm('slow-reader')
  lookAtStreams(server, session)
  if (session.streams.size === 0 && server.nowMs - session.usedAtMs >= early(server, idleMs)) session.leave()
}

/**
 * Something waits, and in the time that it has the client took less than a slice of it. That is the session's fault where the
 * kernel took nothing at all, or nothing else was sent to its end meanwhile: acknowledging pings is no reading.
 */
function isStalled(server: Http2NetpollServer, session: Http2Session): boolean {
  const { output, sender } = session
  const { readerStallMs, sliceBytes } = server.limits
  if (sender.waiting.size === 0 && output.pendingBytes === 0) {
    session.stalledSinceMs = -1
    return false
  }
  const takenBytes = output.bytesSent - session.bytesAtStall
  if (session.stalledSinceMs !== -1 && takenBytes < sliceBytes) {
    if (server.nowMs - session.stalledSinceMs < early(server, readerStallMs)) return false
    if (takenBytes === 0 || sender.piecesSent === session.piecesAtStall) return true
  }
  session.stalledSinceMs = server.nowMs
  session.bytesAtStall = output.bytesSent
  session.piecesAtStall = sender.piecesSent
  return false
}

/** The same for each stream whose own window is closed: it alone ends where others of its session are read. */
function lookAtStreams(server: Http2NetpollServer, session: Http2Session): void {
  const stallMs = early(server, server.limits.readerStallMs)
  for (const stream of session.sender.waiting) {
    // It could be sent, but others come first.
    if (!stream.blocked) stream.restartStall()
    else if (server.nowMs - stream.stalledSinceMs < stallMs) continue
    else if (stream.isAlone) return session.calm('slow-reader')
    else session.endStalled(stream)
  }
}

/** Both sides are done. The client still reads, for `idleMs` at most, or it is silent, and gets `lingerMs` to close. */
function lookAfter(server: Http2NetpollServer, session: Http2Session): void {
  const { output } = session
  const { idleMs, lingerMs } = server.limits
  const moved = output.bytesSent + output.bytesRead
  if (moved !== session.bytesAtStall || session.stalledSinceMs === -1) {
    session.bytesAtStall = moved
    session.stalledSinceMs = server.nowMs
  }
  const isQuiet = server.nowMs - session.stalledSinceMs >= lingerMs && output.pendingBytes === 0
  const isLate = server.nowMs - session.usedAtMs >= early(server, idleMs)
  if (isQuiet || isLate) output.destroy(output.pendingBytes > 0)
}

function early({ limits }: Http2NetpollServer, limitMs: number): number {
  return Math.max(limitMs / 2, limitMs - 2 * limits.sweepMs)
}
