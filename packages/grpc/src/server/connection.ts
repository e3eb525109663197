import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Clock } from '@qps/core'
import type { GrpcLimits } from '../options.ts'
import type { CallContext, ServerCall } from './call.ts'

/**
 * One client's connection: its calls, and what it is allowed. A client may abort calls, but not without end: each takes one
 * from a store of `resetsMax` that fills again with time and with calls that are answered, and what is missing from the
 * store counts as open. So rapid resets (CVE-2023-44487) start about as many handlers as there may be streams.
 */
export class ServerConnection implements CallContext {
  readonly session: ServerHttp2Session
  readonly limits: Readonly<GrpcLimits>
  readonly clock: Clock
  readonly calls: Set<ServerCall> = new Set()
  readonly #lingering = new Map<ServerHttp2Stream, number>()
  readonly #onCallClosed: (call: ServerCall) => void
  #resets = 0
  #resetsAtMs: number
  #progressMs: number
  /** When a call last began or ended; at first, when the connection was made. */
  #usedMs: number

  constructor(
    session: ServerHttp2Session,
    limits: Readonly<GrpcLimits>,
    clock: Clock,
    onCallClosed: (call: ServerCall) => void,
  ) {
    this.session = session
    this.limits = limits
    this.clock = clock
    this.#onCallClosed = onCallClosed
    this.#resetsAtMs = clock.nowMs()
    this.#progressMs = this.#resetsAtMs
    this.#usedMs = this.#resetsAtMs
  }

  /** False for a stream that is gone before it began, or that is one too many: it is seen to. */
  admits(stream: ServerHttp2Stream): boolean {
    this.#usedMs = this.clock.nowMs()
    if (stream.closed || stream.destroyed) {
      this.#countReset()
      return false
    }
    const resets = this.#recentResets()
    // Calls outlive their streams by a moment: without resets it is for HTTP/2 to count streams.
    const callsMax = resets < 1 ? 2 * this.limits.streamsMax : this.limits.streamsMax - resets
    if (this.calls.size < callsMax) return true
    stream.close(constants.NGHTTP2_REFUSED_STREAM)
    return false
  }

  linger(stream: ServerHttp2Stream): void {
    this.#lingering.set(stream, this.clock.nowMs())
    stream.on('close', () => this.#lingering.delete(stream))
    stream.resume()
  }

  onProgress(): void {
    this.#progressMs = this.clock.nowMs()
  }

  onClosed(call: ServerCall): void {
    this.calls.delete(call)
    this.#usedMs = this.clock.nowMs()
    const reset = !call.answered || call.stream.rstCode !== constants.NGHTTP2_NO_ERROR
    if (reset && !this.session.destroyed) this.#countReset()
    else this.#resets = Math.max(0, this.#resets - 1)
    this.#onCallClosed(call)
  }

  /**
   * Asks clients to stop sending for calls that are over (RFC 9113 section 8.1), says goodbye to a connection without a
   * call, cuts calls whose client takes nothing, and the connection where none is taken from.
   */
  sweep(nowMs: number): void {
    for (const [stream, sinceMs] of this.#lingering) {
      if (nowMs - sinceMs >= this.limits.lingerMs) stream.close(constants.NGHTTP2_NO_ERROR)
    }
    if (this.calls.size === 0 && nowMs - this.#usedMs >= this.limits.idleMs) return this.session.close()
    const stalledSinceMs = nowMs - this.limits.readerStallMs
    for (const call of this.calls) {
      if (call.waitingSinceMs === undefined || call.waitingSinceMs > stalledSinceMs) continue
      if (this.#progressMs <= stalledSinceMs) return this.cut()
      call.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
    }
  }

  cut(): void {
    this.session.destroy(new Error('the client asks too much'), constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }

  #countReset(): void {
    this.#resets = this.#recentResets() + 1
    if (this.#resets > this.limits.resetsMax) this.cut()
  }

  #recentResets(): number {
    if (this.#resets === 0) return 0
    const nowMs = this.clock.nowMs()
    const forgiven = ((nowMs - this.#resetsAtMs) / 1000) * this.limits.resetsPerS
    this.#resetsAtMs = nowMs
    this.#resets = Math.max(0, this.#resets - forgiven)
    return this.#resets
  }
}
