import { constants, type Http2Session, type ServerHttp2Stream } from 'node:http2'
import type { Http2Limits } from './limits.ts'
import { ResetBudget } from './reset-budget.ts'

/** Why a session is ended. */
export type SessionFault = 'timeout' | 'idle' | 'rapid-reset' | 'slow-reader'

/**
 * What the guard knows of one session. Streams only move numbers; all judging happens when one begins and in the sweep, so
 * that neither a session nor a stream costs a timer.
 */
export class SessionRecord {
  readonly session: Http2Session
  /** Streams that were handed to a handler and are not over. */
  readonly open: Set<ServerHttp2Stream> = new Set()
  /** Streams whose request is still arriving, and since when. */
  readonly arriving: Map<ServerHttp2Stream, number> = new Map()
  /** Was told that the server is about to leave. */
  isNoticed = false
  #begun = 0
  readonly #resets: ResetBudget
  /** Something happened here. */
  #movedAtMs: number
  #stalledSinceMs = -1
  #bytesAtStall = 0

  constructor(session: Http2Session, nowMs: number, limits: Http2Limits) {
    this.session = session
    this.#movedAtMs = nowMs
    this.#resets = new ResetBudget(limits, nowMs)
  }

  /** A stream has begun. @returns false where it is one too many. */
  begin(stream: ServerHttp2Stream, nowMs: number, { streamsMax }: Http2Limits): boolean {
    this.#begun++
    this.#movedAtMs = nowMs
    this.open.add(stream)
    return this.open.size <= this.#resets.openMax(streamsMax, nowMs)
  }

  /** A stream is over. @returns false where one more was reset than is forgiven. */
  end(stream: ServerHttp2Stream, nowMs: number): boolean {
    this.open.delete(stream)
    this.arriving.delete(stream)
    this.#movedAtMs = nowMs
    if (wasReset(stream)) return this.#resets.spend(nowMs)
    this.#resets.makeUp()
    return true
  }

  /** Looks for what takes too long. */
  judge(nowMs: number, limits: Http2Limits): SessionFault | undefined {
    // What a sweep sees may have begun a sweep before: the limits hold for the client.
    const toleranceMs = 2 * limits.sweepMs
    for (const sinceMs of this.arriving.values()) {
      if (nowMs - sinceMs >= limits.requestTimeoutMs - toleranceMs) return 'timeout'
    }
    if (this.open.size === 0) {
      this.#stalledSinceMs = -1
      const limitMs = this.#begun === 0 ? limits.headersTimeoutMs : limits.idleMs
      return nowMs - this.#movedAtMs >= limitMs - toleranceMs ? 'idle' : undefined
    }
    return this.#isStalled(nowMs, limits, toleranceMs) ? 'slow-reader' : undefined
  }

  /**
   * Output waits, and the client takes less than `sliceBytes` of it in `readerStallMs`: its window is closed, or as good as.
   * Acknowledgments of its pings are output too, but not so much.
   */
  #isStalled(nowMs: number, { readerStallMs, sliceBytes }: Http2Limits, toleranceMs: number): boolean {
    const written = this.session.socket?.bytesWritten ?? 0
    if (!this.#hasOutput()) this.#stalledSinceMs = -1
    else if (this.#stalledSinceMs === -1 || written - this.#bytesAtStall >= sliceBytes) {
      this.#stalledSinceMs = nowMs
      this.#bytesAtStall = written
    }
    return this.#stalledSinceMs !== -1 && nowMs - this.#stalledSinceMs >= readerStallMs - toleranceMs
  }

  #hasOutput(): boolean {
    for (const stream of this.open) if (stream.writableLength > 0) return true
    return false
  }
}

/**
 * By the client, or because of it, before its answer had left: also where the handler was quick enough to have made one. What a
 * handler broke is no fault of the client's.
 */
function wasReset({ rstCode }: ServerHttp2Stream): boolean {
  return rstCode !== constants.NGHTTP2_NO_ERROR && rstCode !== constants.NGHTTP2_INTERNAL_ERROR
}
