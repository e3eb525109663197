import { type Clock, systemClock } from '@qps/core'
import type { HeaderField } from '@qps/http2-frames'
import { addressKey, type DrainReport } from '@qps/http-contract'
import type { Http2Refusal } from '@qps/http2'
import type { Connection, ConnectionHandler, Listener, ListenOptions, Poller } from '@qps/netpoll'
import { drain } from './drain.ts'
import { type EngineLimits, engineLimits } from './limits.ts'
import { Http2Session } from './session.ts'
import { type Http2Stream, internalError } from './stream.ts'
import { sweep } from './watch.ts'

/** Why somebody is turned away: the values of a metric's label. See the README's table. */
export type EngineRefusal = Http2Refusal | 'empty-frames' | 'header-block'

/**
 * Answers one stream: sets its `listener`, and may respond at once, or later. What it throws, or its promise rejects with, ends
 * the stream with INTERNAL_ERROR.
 */
export type StreamHandler = (stream: Http2Stream) => void | Promise<void>

export interface Http2NetpollOptions {
  /** Limits that differ from `engineLimits`. */
  limits?: Partial<EngineLimits>
  /** Called for each connection that is turned away, and each session or stream that is ended for what its client does. */
  onRefused?: ((reason: EngineRefusal) => void) | undefined
  /** Called when a stream is gone, with the seconds since its head. Without it nothing is timed. */
  onStreamDone?: ((stream: Http2Stream, code: number, seconds: number) => void) | undefined
  /** What a handler, a listener or one of the functions here threw. Default: a line on standard error. */
  onError?: ((error: unknown) => void) | undefined
  clock?: Clock
}

const headTooLarge: readonly HeaderField[] = Object.freeze([[':status', '431'] as const])
/** What was said last gets so long to leave. */
const lastWordsMs = 20

/**
 * HTTP/2 on a poller, in cleartext with prior knowledge: the sessions, their caps, and the watch for what takes too
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
  #watching: Disposable | undefined
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
      const later: unknown = this.#handler(stream)
      if (later instanceof Promise) later.catch((error: unknown) => this.failed(stream, error))
    } catch (error) {
      this.failed(stream, error)
    }
  }

  /** What a handler or a listener threw. */
  failed(stream: Http2Stream, error: unknown): void {
    this.#report(error)
    stream.reset(internalError)
  }

  startMs(): number {
    return this.#options.onStreamDone === undefined ? 0 : this.clock.nowMs()
  }

  streamClosed(stream: Http2Stream, code: number): void {
    if (stream.complete) this.answered++
    this.lingering.delete(stream)
    this.arriving.delete(stream)
    const { onStreamDone } = this.#options
    if (onStreamDone === undefined) return
    this.#call(() => onStreamDone(stream, code, (this.clock.nowMs() - stream.beganMs) / 1000))
  }

  refused(reason: EngineRefusal): void {
    this.#call(() => this.#options.onRefused?.(reason))
  }

  /** Whatever the client does: what was said last has left, or never will. Then the kernel is to keep nothing of it either. */
  cutSoon(output: Connection): void {
    this.clock.after(lastWordsMs, () => output.destroy(output.pendingBytes > 0))
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
    this.#watching?.[Symbol.dispose]()
    this.#watching = undefined
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
    if (this.sessions.size === 0) this.#watching = this.clock.every(sweepMs, () => sweep(this))
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

  /** What the caller's functions throw must not keep the rest of a session from being put away. */
  #call(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#report(error)
    }
  }

  #report(error: unknown): void {
    const { onError } = this.#options
    if (onError === undefined) {
      process.stderr.write(`${JSON.stringify({ level: 'error', message: String(error) })}\n`)
      return
    }
    try {
      onError(error)
    } catch (further) {
      // Nobody is left to tell: an uncaught exception, outside of whatever called this.
      process.nextTick(() => {
        throw further
      })
    }
  }
}
