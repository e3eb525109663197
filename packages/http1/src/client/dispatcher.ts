import { QpsError } from '@qps/core'
import { type ConnectOptions, createPoller, type Poller } from '@qps/netpoll'
import { Available } from './available.ts'
import { ClientConnection } from './connection.ts'
import type { ConnectionOwner } from './connection-owner.ts'
import { clientClosedError, connectError, queueFullError, timeoutError } from './errors.ts'
import { Exchange, type ResponseHandler } from './exchange.ts'
import { Fifo } from './fifo.ts'
import { authorityOf, type CheckedOptions, checkOptions, type DispatcherOptions } from './options.ts'
import { type OutgoingRequest, PreparedRequest } from './outgoing.ts'
import { ClientResponse } from './response.ts'

/** What a dispatcher does now and has done. */
export interface DispatcherStats {
  /** Connections that stand or are being opened. */
  connections: number
  /** Requests that wait for one. */
  waiting: number
  /** Connections opened so far. */
  opened: number
  /** Requests sent a second time, see `retryOnReset`. */
  retried: number
}

/**
 * Sends requests to one origin over HTTP/1.1: a bounded pool of connections and a bounded queue, for one thread.
 *
 *   dispatch ──► idle connection? ──► or one with room in its pipeline? ──► or wait, and open one more if allowed
 *                                                                            │
 *                      answer complete ──► the request that waits longest ◄──┘
 *
 * - All requests of a turn leave in one send per connection; all answers of a read are taken at once.
 * - Nobody overtakes: while requests wait, new ones wait behind them.
 * - No promise, closure or timer per request. ONE timer for all timeouts, and none while there is no connection.
 *
 * @example
 * await using dispatcher = createDispatcher({ origin: { port: 8080 } })
 * dispatcher.dispatch({ path: '/' }, { onHead, onData, onEnd, onError })
 * const response = await dispatcher.request({ method: 'POST', path: '/echo', body: 'hello' })
 * console.log(response.status, await response.text())
 */
export class Dispatcher implements ConnectionOwner, AsyncDisposable {
  readonly options: CheckedOptions
  readonly where: string
  nowMs: number
  readonly #poller: Poller
  readonly #ownsPoller: boolean
  readonly #to: ConnectOptions
  readonly #authority: string
  readonly #connections = new Set<ClientConnection>()
  readonly #queue = new Fifo<Exchange>()
  readonly #available: Available
  #connecting = 0
  #opened = 0
  #retried = 0
  #sweeping: Disposable | undefined
  #closing: PromiseWithResolvers<void> | undefined
  /** The last request without headers or body: the same one usually follows. */
  #last: PreparedRequest | undefined
  #lastPath = ''

  constructor(options: DispatcherOptions) {
    const { host, port, path } = options.origin
    this.options = checkOptions(options)
    this.#available = new Available(this.options.pipelining)
    this.#authority = authorityOf(options.origin)
    this.where = path === undefined ? this.#authority : `unix:${path}`
    this.#to = {
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port }),
      ...(path === undefined ? {} : { path }),
    }
    this.#ownsPoller = options.poller === undefined
    this.#poller = options.poller ?? createPoller()
    this.nowMs = this.options.clock.nowMs()
  }

  get stats(): DispatcherStats {
    return {
      connections: this.#connections.size,
      waiting: this.#queue.length,
      opened: this.#opened,
      retried: this.#retried,
    }
  }

  /** Checks and encodes a request once, to be dispatched any number of times. @throws as {@link dispatch}. */
  prepare(request: OutgoingRequest): PreparedRequest {
    return new PreparedRequest(request, this.#authority)
  }

  /**
   * Sends a request, or lets it wait; O(1), and no I/O until the end of the turn. What goes wrong later comes by `onError`.
   *
   * @throws QpsError QPS_REQUEST, QPS_HEADER for a request that cannot be sent as it is.
   */
  dispatch(request: OutgoingRequest | PreparedRequest, handler: ResponseHandler): Exchange {
    const prepared = request instanceof PreparedRequest ? request : this.#prepared(request)
    // Without a sweep the time stands still.
    if (this.#sweeping === undefined) this.nowMs = this.options.clock.nowMs()
    const exchange = new Exchange(prepared, handler, this.nowMs)
    if (this.#closing !== undefined) failSoon(exchange, clientClosedError())
    else {
      const connection = this.#queue.length === 0 ? this.#choose(prepared) : undefined
      if (connection !== undefined) connection.send(exchange)
      else this.#wait(exchange)
    }
    return exchange
  }

  /**
   * Sends a request. Resolves with the head of its answer; the body follows as it is read. A body that is not read holds its
   * connection until `bodyTimeoutMs`: read it or `cancel` it.
   *
   * @param request with `signal`, whose abort gives the request up.
   * @throws QpsError the codes of errors.ts; the signal's own reason where it aborted.
   */
  async request(request: OutgoingRequest & { signal?: AbortSignal }): Promise<ClientResponse> {
    return await ClientResponse.of(request, (handler) => this.dispatch(request, handler))
  }

  /** Takes no more requests. Resolves when those under way and waiting are over and the connections are closed. */
  async close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = Promise.withResolvers()
      for (const connection of this.#connections) if (connection.isIdle) connection.destroy(clientClosedError())
      this.#settle()
    }
    await this.#closing.promise
    if (this.#ownsPoller) await this.#poller.close()
  }

  /** Takes no more requests and ends those under way and waiting with QPS_CLIENT_CLOSED. */
  async destroy(): Promise<void> {
    this.#closing ??= Promise.withResolvers()
    for (let exchange = this.#queue.shift(); exchange !== undefined; exchange = this.#queue.shift()) {
      exchange.fail(clientClosedError())
    }
    for (const connection of this.#connections) connection.destroy(clientClosedError())
    this.#settle()
    await this.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // For the connections

  hasRoom(connection: ClientConnection): void {
    if (connection.answers === 0) this.#connecting--
    this.#pull(connection)
    if (!connection.isIdle) this.#available.addRoomy(connection)
    else if (this.#closing === undefined) this.#available.addIdle(connection)
    else connection.destroy(clientClosedError())
  }

  gone(connection: ClientConnection, error: QpsError | undefined): void {
    this.#connections.delete(connection)
    if (!connection.open) this.#connecting--
    this.#available.delete(connection)
    // Whoever waits longest hears of it; the others get another attempt.
    if (error !== undefined) this.#next()?.fail(error)
    queueMicrotask(() => this.#recover())
  }

  again(exchange: Exchange): boolean {
    if (!this.options.retryOnReset || exchange.retried || !exchange.request.repeatable) return false
    if (this.#closing !== undefined) return false
    exchange.retried = true
    exchange.connection = undefined
    // The queue is in order of time, and it goes to the front.
    exchange.sinceMs = Math.min(exchange.sinceMs, this.#queue.first?.sinceMs ?? Infinity)
    this.#retried++
    this.#queue.unshift(exchange)
    return true
  }

  connectFailure(cause: unknown): QpsError {
    return cause instanceof QpsError ? cause : connectError(this.where, cause ?? new Error('it was closed at once'))
  }

  #prepared(request: OutgoingRequest): PreparedRequest {
    const { method = 'GET', path, headers, body } = request
    if (headers !== undefined || body !== undefined) return this.prepare(request)
    if (this.#last === undefined || path !== this.#lastPath || method !== this.#last.method) {
      this.#last = this.prepare(request)
      this.#lastPath = path
    }
    return this.#last
  }

  /** A connection for a request that may leave at once. */
  #choose(request: PreparedRequest): ClientConnection | undefined {
    const idle = this.#available.takeIdle()
    if (idle !== undefined) return idle
    // Rather a connection of its own than a place behind others.
    if (this.options.pipelining === 1 || this.#connections.size < this.options.connectionsMax) return undefined
    return this.#available.takeRoomy(request)
  }

  #wait(exchange: Exchange): void {
    if (this.#queue.length >= this.options.queueMax) return failSoon(exchange, queueFullError(this.options.queueMax))
    this.#queue.push(exchange)
    this.#grow()
  }

  /** Opens what the waiting need, within the maximum. */
  #grow(): void {
    while (this.#connecting < this.#queue.length && this.#connections.size < this.options.connectionsMax) {
      this.#watch()
      this.#connecting++
      this.#opened++
      this.#connections.add(new ClientConnection(this, this.#poller, this.#to))
    }
  }

  /** Hands the connection what waits, for as long as it takes it. */
  #pull(connection: ClientConnection): void {
    for (let exchange = this.#peek(); exchange !== undefined; exchange = this.#peek()) {
      if (!connection.canTake(exchange.request)) return
      this.#queue.shift()
      connection.send(exchange)
    }
  }

  /** The request that has waited longest and is still wanted. */
  #peek(): Exchange | undefined {
    let { first } = this.#queue
    while (first !== undefined && first.over) {
      this.#queue.shift()
      first = this.#queue.first
    }
    return first
  }

  #next(): Exchange | undefined {
    this.#peek()
    return this.#queue.shift()
  }

  /** A connection has gone: those that wait take what is idle, or a new one. */
  #recover(): void {
    for (let exchange = this.#peek(); exchange !== undefined; exchange = this.#peek()) {
      const connection = this.#choose(exchange.request)
      if (connection === undefined) break
      this.#queue.shift()
      connection.send(exchange)
    }
    this.#grow()
    this.#settle()
  }

  #watch(): void {
    if (this.#sweeping !== undefined) return
    const { clock, sweepMs } = this.options
    this.nowMs = clock.nowMs()
    this.#sweeping = clock.every(sweepMs, () => this.#sweep())
  }

  #sweep(): void {
    const { clock, queueTimeoutMs, sweepMs } = this.options
    this.nowMs = clock.nowMs()
    for (const connection of this.#connections) connection.look(this.nowMs)
    for (let first = this.#peek(); first !== undefined; first = this.#peek()) {
      if (this.nowMs - first.sinceMs - sweepMs < queueTimeoutMs) break
      this.#queue.shift()
      first.fail(timeoutError('waiting for a connection', queueTimeoutMs, 'queueTimeoutMs', true))
    }
    this.#settle()
  }

  /** Nothing left: no timer either, and whoever waits for the end has it. */
  #settle(): void {
    if (this.#connections.size > 0 || this.#peek() !== undefined) return
    this.#sweeping?.[Symbol.dispose]()
    this.#sweeping = undefined
    this.#closing?.resolve()
  }
}

/** @throws QpsError QPS_OPTION for an option out of its range; as `createPoller` where no poller is given. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  return new Dispatcher(options)
}

/** No callback runs inside `dispatch`. */
function failSoon(exchange: Exchange, error: QpsError): void {
  queueMicrotask(() => exchange.fail(error))
}
