import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Clock } from '@qps/core'
import { ResetBudget } from '@qps/http2'
import type { GrpcLimits } from '../../options.ts'
import type { NodeCallStream } from './stream.ts'
import type { NodeTransport } from './transport.ts'

/** One client's connection: its calls, and what it is allowed. Aborted calls are counted by a `ResetBudget`. */
export class ServerConnection {
  readonly session: ServerHttp2Session
  readonly limits: Readonly<GrpcLimits>
  readonly clock: Clock
  readonly calls: Set<NodeCallStream> = new Set()
  readonly #lingering = new Map<ServerHttp2Stream, number>()
  readonly #resets: ResetBudget
  #progressMs: number
  /** When a call last began or ended; at first, when the connection was made. */
  #usedMs: number

  readonly #transport: NodeTransport

  constructor(transport: NodeTransport, session: ServerHttp2Session, limits: Readonly<GrpcLimits>) {
    const { clock } = transport
    this.#transport = transport
    this.session = session
    this.limits = limits
    this.clock = clock
    const nowMs = clock.nowMs()
    this.#resets = new ResetBudget(limits, nowMs)
    this.#progressMs = nowMs
    this.#usedMs = nowMs
  }

  /** False for a stream that is gone before it began, or that is one too many: it is seen to. */
  admits(stream: ServerHttp2Stream): boolean {
    this.#usedMs = this.clock.nowMs()
    if (stream.closed || stream.destroyed) {
      this.#countReset()
      return false
    }
    if (this.calls.size < this.#resets.openMax(this.limits.streamsMax, this.#usedMs)) return true
    stream.close(constants.NGHTTP2_REFUSED_STREAM)
    return false
  }

  /** The answer is complete, the request is not: what it still sends is let go by, for a while. */
  linger(stream: ServerHttp2Stream): void {
    this.#lingering.set(stream, this.clock.nowMs())
    stream.on('close', () => this.#lingering.delete(stream))
    stream.resume()
  }

  /** Bytes were taken by the client. */
  onProgress(): void {
    this.#progressMs = this.clock.nowMs()
  }

  /** A call's stream is gone. @param reset it was not answered in order. */
  onClosed(call: NodeCallStream, reset: boolean): void {
    this.calls.delete(call)
    if (call.answered) this.#transport.answered++
    this.#usedMs = this.clock.nowMs()
    if (reset && !this.session.destroyed) this.#countReset()
    else this.#resets.makeUp()
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
      call.reset(constants.NGHTTP2_ENHANCE_YOUR_CALM)
    }
  }

  cut(): void {
    this.session.destroy(new Error('the client asks too much'), constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }

  #countReset(): void {
    if (!this.#resets.spend(this.clock.nowMs())) this.cut()
  }
}
