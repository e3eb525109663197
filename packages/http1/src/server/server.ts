import { AsyncLocalStorage } from 'node:async_hooks'
import { type Clock, QpsError, type Random, systemClock } from '@qps/core'
import {
  addressKey,
  errorBody,
  problems,
  type DrainReport,
  type HttpLimits,
  httpLimits,
  methods,
  type RefusalReason,
  refusalBytes,
} from '@qps/http-contract'
import type { Connection, ConnectionHandler, Listener, ListenOptions, Poller } from '@qps/netpoll'
import { RequestParser } from '../request-parser.ts'
import { HttpConnection } from './connection.ts'
import { ConnectionTable } from './connection-table.ts'
import { dateClock } from './date.ts'
import { drain } from './drain.ts'
import { PreparedFields } from './fields.ts'
import { Messages } from './messages.ts'
import type { Request } from './request.ts'
import type { Response } from './response.ts'
import { type RequestObserver, TurnTally } from './turn-tally.ts'
import { look } from './watch.ts'

/**
 * Answers requests. It may return a promise; what it throws, or the promise rejects with, is answered with 500 and handed
 * to `onError`.
 */
export type Handler = (request: Request, response: Response) => void | Promise<void>

export interface HttpServerOptions {
  /** Limits that differ from `httpLimits` of @qps/http-contract. */
  limits?: Partial<HttpLimits>
  /** Told of answered requests: see {@link RequestObserver}. */
  onRequestDone?: RequestObserver | undefined
  /** Called once for each request or connection turned away. */
  onRefused?: ((reason: RefusalReason) => void) | undefined
  /** What a handler threw. Default: a line on standard error. */
  onError?: ((error: unknown, request: Request) => void) | undefined
  /**
   * Runs each handler in an asynchronous context of its own. Default false: what `AsyncLocalStorage.run` sets is never seen
   * by another request in any case, but what `enterWith` sets lasts until the turn ends, and a turn may have several
   * requests. The price is a few tenths of a microsecond per request.
   */
  isolated?: boolean
  /**
   * Gives the next handler the same request and response objects again, where the one before has ended its answer before it
   * returned and has returned no promise: nothing is left to the collector then. Default false: a handler that keeps one of
   * them beyond its answer gets QPS_REQUEST_OVER; with `true` it may read another client's request.
   */
  reuseMessages?: boolean
  clock?: Clock
  /** Jitter of Retry-After. */
  random?: Random
}

/** Room in which connections beyond the cap can be told so; beyond this they are dropped without a word. */
const refusalRoom = 256
/** Parsers that nobody uses and that are kept. */
const spareParsersMax = 64

/**
 * HTTP/1.1 on a poller: the limits, the sweep that watches over slow clients, the caps, and the way from a connection's
 * bytes to the handler and back.
 *
 * ONE timer for all connections, and none while there is no connection.
 */
export class HttpServer {
  readonly limits: HttpLimits
  readonly clock: Clock
  readonly headMethod: number = methods.indexOf('HEAD')
  /** A request of the largest kind fits, and a piece of the next one. */
  readonly carryBytesMax: number
  /**
   * What ends the head of an answer whose connection stays. Clients are told a second less than they get: a request that
   * leaves in time must not meet a closed door.
   */
  readonly keepAliveText: string
  /** The same as bytes, behind the end of the line before. */
  readonly keepAliveLines: Uint8Array
  /** Now, in the clock's ms, as of the last sweep or accepted connection: exact to a sweep, and free. */
  nowMs: number
  /** Requests answered (or refused in place) since the start. */
  answered = 0
  /** Requests that are being answered. */
  inFlight = 0
  /** When a connection last came or went. */
  changedAtMs: number
  /** Answers say `Connection: close` from now on. */
  draining = false
  /** Requests that come now wait for {@link release}. */
  holding = false
  readonly messages: Messages

  readonly #poller: Poller
  readonly #handler: Handler
  readonly #options: HttpServerOptions
  readonly #connections: ConnectionTable
  readonly #parsers: RequestParser[] = []
  readonly #listeners: Listener[] = []
  readonly #tally: TurnTally
  readonly #outside = AsyncLocalStorage.snapshot()
  #sweeping: Disposable | undefined
  #drained: Promise<DrainReport> | undefined

  constructor(poller: Poller, handler: Handler, options: HttpServerOptions = {}) {
    this.#poller = poller
    this.#handler = options.isolated === true ? isolated(handler) : handler
    this.#options = options
    this.#tally = new TurnTally(options.onRequestDone, (task) => poller.behindTurn(task))
    this.messages = new Messages(options.reuseMessages === true)
    this.limits = { ...httpLimits, ...options.limits }
    this.#connections = new ConnectionTable(this.limits)
    this.carryBytesMax = this.limits.headerBytesMax + 64 * 1024
    const keepAliveS = Math.max(1, Math.floor(this.limits.idleMs / 1000) - 1)
    this.keepAliveText = `Connection: keep-alive\r\nKeep-Alive: timeout=${keepAliveS}\r\n\r\n`
    this.keepAliveLines = Uint8Array.from(Buffer.from(`\r\n${this.keepAliveText}`, 'latin1'))
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

  /** Open connections, those included that are being refused. */
  get connections(): number {
    return this.#connections.size
  }

  /** Ends serving without losing a request; see {@link drain}. Called again, waits for the same. @param limitMs default 5000. */
  drain(limitMs = 5_000): Promise<DrainReport> {
    return (this.#drained ??= drain(this, limitMs))
  }

  // For the connections

  takeParser(): RequestParser {
    const parser = this.#parsers.pop() ?? new RequestParser(this.limits)
    parser.reset()
    return parser
  }

  giveParser(parser: RequestParser): void {
    if (this.#parsers.length < spareParsersMax) this.#parsers.push(parser)
  }

  /** @returns whether the handler is through: it has returned no promise. */
  handle(request: Request, response: Response, connection: HttpConnection): boolean {
    this.inFlight++
    this.#tally.began(request)
    try {
      const promise: unknown = this.#handler(request, response)
      // A handler without types may return anything; only a promise can fail later.
      if (promise instanceof Promise) {
        promise.catch((error: unknown) => this.#failed(error, request, response, connection))
        return false
      }
    } catch (error) {
      this.#failed(error, request, response, connection)
    }
    return true
  }

  done(request: Request, response: Response, answered: boolean): void {
    this.inFlight--
    if (answered) this.answered++
    this.#tally.done(request, response.statusCode, answered)
  }

  /** Takes what waits in a microtask, in nobody's context: the next request is none of the one whose end makes way for it. */
  goOn(connection: HttpConnection): void {
    this.#outside(queueMicrotask, () => connection.takeCarried())
  }

  refusal(reason: RefusalReason): { bytes: Uint8Array; lingers: boolean } {
    const { bytes, lingers } = refusalBytes(reason, this.clock.wallMs(), this.#options.random ?? Math.random)
    return { bytes: Buffer.from(bytes, 'latin1'), lingers }
  }

  /** A connection at rest does something again. */
  wake(connection: HttpConnection): void {
    this.#connections.wake(connection)
  }

  refused(_connection: HttpConnection, reason: RefusalReason): void {
    this.#options.onRefused?.(reason)
  }

  forget(connection: HttpConnection): void {
    this.changedAtMs = this.clock.nowMs()
    this.#connections.delete(connection)
    if (this.#connections.size > 0) return
    this.#sweeping?.[Symbol.dispose]()
    this.#sweeping = undefined
    dateClock.release()
  }

  // For the drain

  /** Connections whose last answer is written and not yet the kernel's: what a cut would lose. */
  get unsent(): number {
    let count = 0
    for (const { inFlight, output } of this.#connections) {
      if (!inFlight && output.open && output.pendingBytes > 0) count++
    }
    return count
  }

  /** Accepts no more. */
  async closeListeners(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()))
  }

  /** Handles what waited. */
  release(): void {
    this.holding = false
    for (const connection of this.#connections) this.goOn(connection)
  }

  /**
   * Closes connections that are between requests and have been open for at least `ageMs`.
   *
   * @param usedAgeMs the same for those that have sent something already. Default `ageMs`.
   */
  closeResting(ageMs: number, usedAgeMs: number = ageMs): void {
    const nowMs = this.clock.nowMs()
    for (const connection of this.#connections) {
      const { isAtRest, openedAtMs, output } = connection
      if (!isAtRest || output.pendingBytes > 0) continue
      if (openedAtMs <= nowMs - (output.bytesRead > 0 ? usedAgeMs : ageMs)) output.destroy()
    }
  }

  destroyAll(): void {
    for (const connection of this.#connections) connection.output.destroy()
  }

  #accept(output: Connection): ConnectionHandler {
    this.changedAtMs = this.nowMs = this.clock.nowMs()
    const connection = new HttpConnection(this, output)
    if (this.#connections.size === 0) {
      this.#sweeping = this.clock.every(this.limits.sweepMs, () => this.#sweep())
      dateClock.hold()
    }
    this.#connections.add(connection)
    if (this.#connections.size > this.limits.connectionsMax + refusalRoom) output.destroy()
    else {
      const cap = this.#connections.admit(connection, addressKey(output.remoteAddress))
      if (cap !== undefined) connection.refuse(cap)
    }
    return connection
  }

  #sweep(): void {
    this.nowMs = this.clock.nowMs()
    this.#connections.sweep(this.#look)
  }

  readonly #look = (connection: HttpConnection, crowded: boolean): void => {
    const verdict = look(connection, this.nowMs, this.limits, crowded)
    if (verdict === undefined) {
      if (connection.restingShare === -1 && connection.isIdle) this.#connections.rest(connection)
    } else if ('refuse' in verdict) connection.refuse(verdict.refuse)
    else if ('reset' in verdict) {
      this.#options.onRefused?.(verdict.reset)
      connection.output.destroy(true)
    } else {
      if (verdict.close === 'crowded-idle') this.#options.onRefused?.(verdict.close)
      connection.output.destroy()
    }
  }

  #failed(error: unknown, request: Request, response: Response, connection: HttpConnection): void {
    // A client that left, or was turned away, is no failure of the handler that still looked at its request.
    if (response.abandoned && error instanceof QpsError && clientsFault.has(error.code)) return
    if (this.#options.onError !== undefined) this.#options.onError(error, request)
    else process.stderr.write(`${JSON.stringify({ level: 'error', message: String(error) })}\n`)
    if (response.ended) return
    if (response.headersSent) connection.output.destroy()
    else response.clear().writeHead(500, internalFields).end(internalBody)
  }
}

/** The context is that of now, where the server is made. */
function isolated(handler: Handler): Handler {
  const within = AsyncLocalStorage.snapshot()
  return (request, response) => within(handler, request, response)
}

/** Codes of errors that a handler meets because its client is gone. */
const clientsFault: ReadonlySet<string> = new Set(['QPS_BODY', 'QPS_REQUEST_OVER'])

const internalFields = new PreparedFields({ 'content-type': 'application/json' })
const internalBody = errorBody(problems.internal)
