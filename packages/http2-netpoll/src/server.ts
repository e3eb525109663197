import { errorCode, type HeaderField } from '@qps/http2-frames'
import { type Clock, systemClock } from '@qps/core'
import { addressKey, type DrainReport } from '@qps/http-contract'
import type { Http2Refusal } from '@qps/http2'
import type { Connection, ConnectionHandler, Listener, ListenOptions, Poller } from '@qps/netpoll'
import { drain } from './drain.ts'
import { type EngineLimits, engineLimits } from './limits.ts'
import { Http2Session } from './session.ts'
import { type Http2Stream, internalError } from './stream.ts'

/** Why somebody is turned away: the values of a metric's label. */
export type EngineRefusal = Http2Refusal | 'empty-frames'

/** Answers one stream: sets its `listener`, and may respond at once. What it throws ends the stream with INTERNAL_ERROR. */
export type StreamHandler = (stream: Http2Stream) => void

export interface Http2NetpollOptions {
  /** Limits that differ from `engineLimits`. */
  limits?: Partial<EngineLimits>
  /** Called once for each connection, session or stream that is turned away. */
  onRefused?: ((reason: EngineRefusal) => void) | undefined
  /** Called when a stream is gone, with the seconds since its head. Without it nothing is timed. */
  onStreamDone?: ((stream: Http2Stream, code: number, seconds: number) => void) | undefined
  /** What a handler threw. Default: a line on standard error. */
  onError?: ((error: unknown) => void) | undefined
  clock?: Clock
}

const headTooLarge: readonly HeaderField[] = Object.freeze([[':status', '431'] as const])
/** What was said last gets so long to leave. */
const lastWordsMs = 20

/**
 * HTTP/2 on a poller, in cleartext with prior knowledge: the sessions, their caps, and the sweep that looks for what takes too
 * long. ONE timer for all of them, and none while there is no session.
 */
export class Http2NetpollServer {
  readonly limits: Readonly<EngineLimits>
  readonly clock: Clock
  readonly sessions: Set<Http2Session> = new Set()
  /** Streams whose answer is complete and whose request is not, and since when. */
  readonly lingering: Map<Http2Stream, number> = new Map()
  /** Streams whose body has a time limit. */
  readonly arriving: Set<Http2Stream> = new Set()
  /** Now, in the clock's ms, as of the last sweep or accepted connection: exact to a sweep, and free. */
  nowMs: number
  /** Streams that were answered in full since the start. */
  answered = 0
  /** When a connection last came or went. */
  changedAtMs: number

  readonly #poller: Poller
  readonly #handler: StreamHandler
  readonly #options: Http2NetpollOptions
  readonly #listeners: Listener[] = []
  readonly #perAddress = new Map<string, number>()
  #sweeping: Disposable | undefined
  #drained: Promise<DrainReport> | undefined

  constructor(poller: Poller, handler: StreamHandler, options: Http2NetpollOptions = {}) {
    this.#poller = poller
    this.#handler = handler
    this.#options = options
    this.limits = Object.freeze({ ...engineLimits, ...options.limits })
    this.clock = options.clock ?? systemClock
    this.nowMs = this.clock.nowMs()
    this.changedAtMs = this.nowMs
  }

  /** @throws QpsError as `Poller.listen`. */
  async listen(options: ListenOptions): Promise<Listener> {
    const listener = await this.#poller.listen(options, (connection) => this.#accept(connection))
    this.#listeners.push(listener)
    return listener
  }

  /** Streams that are open. */
  get inFlight(): number {
    let sum = 0
    for (const { streams } of this.sessions) sum += streams.size
    return sum
  }

  /** Ends serving without losing a request; see {@link drain}. Called again, waits for the same. @param limitMs default 5000. */
  drain(limitMs = 5_000): Promise<DrainReport> {
    return (this.#drained ??= drain(this, limitMs))
  }

  async closeListeners(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()))
  }

  // For the sessions

  begin(stream: Http2Stream): void {
    if (stream.head.isTooLarge) return stream.respond(headTooLarge, true)
    try {
      this.#handler(stream)
    } catch (error) {
      if (this.#options.onError !== undefined) this.#options.onError(error)
      else process.stderr.write(`${JSON.stringify({ level: 'error', message: String(error) })}\n`)
      stream.reset(internalError)
    }
  }

  startMs(): number {
    return this.#options.onStreamDone === undefined ? 0 : this.clock.nowMs()
  }

  streamClosed(stream: Http2Stream, code: number): void {
    if (stream.complete) this.answered++
    this.lingering.delete(stream)
    this.arriving.delete(stream)
    this.#options.onStreamDone?.(stream, code, (this.clock.nowMs() - stream.beganMs) / 1000)
  }

  refused(reason: EngineRefusal): void {
    this.#options.onRefused?.(reason)
  }

  /** Whatever the client does: what was said last has left, or never will. */
  cutSoon({ output }: Http2Session): void {
    this.clock.after(lastWordsMs, () => output.destroy())
  }

  forget(session: Http2Session): void {
    this.changedAtMs = this.clock.nowMs()
    this.sessions.delete(session)
    if (session.address !== undefined) {
      const left = this.#perAddress.get(session.address)! - 1
      if (left === 0) this.#perAddress.delete(session.address)
      else this.#perAddress.set(session.address, left)
    }
    if (this.sessions.size > 0) return
    this.#sweeping?.[Symbol.dispose]()
    this.#sweeping = undefined
  }

  destroyAll(): void {
    for (const { output } of this.sessions) output.destroy()
  }

  #accept(output: Connection): ConnectionHandler {
    const { connectionsMax, connectionsPerAddressMax, sweepMs } = this.limits
    this.changedAtMs = this.nowMs = this.clock.nowMs()
    const session = new Http2Session(this, output)
    const address = addressKey(output.remoteAddress)
    const held = this.#perAddress.get(address) ?? 0
    if (this.sessions.size === 0) this.#sweeping = this.clock.every(sweepMs, () => this.#sweep())
    const isOneTooMany = this.sessions.size >= connectionsMax
    this.sessions.add(session)
    if (isOneTooMany) this.#turnAway(output, 'connections')
    else if (held >= connectionsPerAddressMax && address !== '') this.#turnAway(output, 'address-connections')
    else {
      session.address = address
      this.#perAddress.set(address, held + 1)
    }
    return session
  }

  /** There is no answer before a session: the connection ends. */
  #turnAway(output: Connection, reason: EngineRefusal): void {
    this.refused(reason)
    output.destroy()
  }

  #sweep(): void {
    this.nowMs = this.clock.nowMs()
    const { lingerMs, requestTimeoutMs } = this.limits
    for (const [stream, sinceMs] of this.lingering) {
      if (this.nowMs - sinceMs >= lingerMs) stream.reset(errorCode.noError)
    }
    for (const stream of this.arriving) {
      if (stream.arrivingSinceMs === -1) this.arriving.delete(stream)
      else if (this.nowMs - stream.arrivingSinceMs >= requestTimeoutMs) {
        this.refused('timeout')
        stream.reset(errorCode.cancel)
      }
    }
    for (const session of this.sessions) this.#look(session)
  }

  /** What a sweep sees may have begun a sweep before: the limits hold for the client. */
  #look(session: Http2Session): void {
    const { headersTimeoutMs, idleMs, readerStallMs, sliceBytes, sweepMs } = this.limits
    const toleranceMs = 2 * sweepMs
    const { output, sender } = session
    if (session.over) return
    if (!session.ready) {
      if (this.nowMs - session.openedAtMs < headersTimeoutMs - toleranceMs) return
      this.refused('timeout')
      return output.destroy()
    }
    const stallMs = readerStallMs - toleranceMs
    if (output.pendingBytes === 0) session.stalledSinceMs = -1
    else if (session.stalledSinceMs === -1 || output.bytesSent - session.bytesAtStall >= sliceBytes) {
      session.stalledSinceMs = this.nowMs
      session.bytesAtStall = output.bytesSent
    } else if (this.nowMs - session.stalledSinceMs >= stallMs) return session.calm('slow-reader')
    // Nothing was taken on any stream for as long: then it is not a stream's fault.
    const movedAtMs = Math.max(session.dataAtMs, oldestStall(sender.waiting))
    if (this.nowMs - movedAtMs >= stallMs) return session.calm('slow-reader')
    for (const stream of sender.waiting) {
      if (this.nowMs - stream.stalledSinceMs >= stallMs) stream.reset(errorCode.enhanceYourCalm)
    }
    if (session.streams.size === 0 && this.nowMs - session.usedAtMs >= idleMs - toleranceMs) session.leave()
  }
}

/** Infinity where nothing waits. */
function oldestStall(waiting: Iterable<Http2Stream>): number {
  let oldestMs = Infinity
  for (const { stalledSinceMs } of waiting) oldestMs = Math.min(oldestMs, stalledSinceMs)
  return oldestMs
}
