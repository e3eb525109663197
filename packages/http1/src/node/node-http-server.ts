import { EventEmitter } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DrainReport, type HttpLimits, httpLimits } from '@qps/http-contract'
import { createPoller, type Listener, type Poller, type PollerOptions } from '@qps/netpoll'
import type { Request } from '../server/request.ts'
import type { Response } from '../server/response.ts'
import { HttpServer, type HttpServerOptions } from '../server/server.ts'
import {
  type ListenArguments,
  listenFailure,
  type NodeListenOptions,
  readListenArguments,
  toListenOptions,
} from './listen-arguments.ts'
import { nodeError } from './node-errors.ts'
import { NodeRequest } from './node-request.ts'
import { NodeResponse } from './node-response.ts'

export interface NodeServerOptions extends Omit<HttpServerOptions, 'onError'> {
  /** Default `auto`: io_uring where it can be had, else epoll, else libuv. */
  backend?: PollerOptions['backend']
  /** Water marks and buffers of the poller. */
  poller?: Omit<PollerOptions, 'backend'>
}

export type NodeHandler = (request: NodeRequest, response: NodeResponse) => void

/** How often a closing server looks whether its connections are gone. */
const closingMs = 5

/**
 * The engine's server in the shape of `http.Server`: the part of it that frameworks use.
 *
 * It holds nothing before `listen`, so that an application that is only injected into costs no engine. The limits of
 * `HttpLimits` hold from the first byte, and what they refuse never reaches a handler.
 */
export class NodeHttpServer extends EventEmitter {
  listening = false
  /** Answers on one connection, the last of which says that it closes; 0 for any number. */
  maxRequestsPerSocket = 0
  /** Without effect: see `HttpLimits.idleMs` and its neighbours. */
  timeout = 0
  readonly #options: NodeServerOptions
  readonly #limits: HttpLimits
  #poller: Poller | undefined
  #http: HttpServer | undefined
  #listener: Listener | undefined
  #opening = false
  #closing: Promise<void> | undefined

  constructor(options: NodeServerOptions, handler: NodeHandler) {
    super()
    this.#options = options
    this.#limits = { ...httpLimits, ...options.limits }
    this.on('request', handler)
  }

  /** An idle connection is closed after this. In ms; 0 for never. `HttpLimits.idleMs`. */
  get keepAliveTimeout(): number {
    return shown(this.#limits.idleMs)
  }
  set keepAliveTimeout(ms: number) {
    this.#limit('idleMs', ms)
  }

  /** From a request's first byte to the end of its head. In ms; 0 for ever. `HttpLimits.headersTimeoutMs`. */
  get headersTimeout(): number {
    return shown(this.#limits.headersTimeoutMs)
  }
  set headersTimeout(ms: number) {
    this.#limit('headersTimeoutMs', ms)
  }

  /** From a request's first byte to the end of its body. In ms; 0 for ever. `HttpLimits.requestTimeoutMs`. */
  get requestTimeout(): number {
    return shown(this.#limits.requestTimeoutMs)
  }
  set requestTimeout(ms: number) {
    this.#limit('requestTimeoutMs', ms)
  }

  /** Open connections. */
  get connections(): number {
    return this.#http?.connections ?? 0
  }

  /** Requests that are being answered. */
  get inFlight(): number {
    return this.#http?.inFlight ?? 0
  }

  /** Where it listens; undefined over a unix socket. */
  get port(): number | undefined {
    return this.#listener === undefined || this.#listener.path !== undefined ? undefined : this.#listener.port
  }

  /**
   * Listens, in any of Node's forms. 'listening' follows, or 'error' with Node's codes: EADDRINUSE, EACCES,
   * EADDRNOTAVAIL, ENOTFOUND.
   */
  listen(...values: ListenArguments): this {
    const { options, listening } = readListenArguments(values)
    if (this.listening || this.#opening) throw nodeError('ERR_SERVER_ALREADY_LISTEN')
    if (listening !== undefined) this.once('listening', listening)
    options.signal?.addEventListener('abort', () => this.close(), { once: true })
    this.#opening = true
    void this.#open(options)
    return this
  }

  /** As `net.Server.address`: null while it does not listen. */
  address(): AddressInfo | string | null {
    const listener = this.#listener
    if (listener === undefined || !this.listening) return null
    if (listener.path !== undefined) return listener.path
    return { address: listener.host, family: listener.host.includes(':') ? 'IPv6' : 'IPv4', port: listener.port }
  }

  /**
   * Accepts no more, closes what is idle, tells the others when they are answered, and emits 'close' when all are gone. It
   * has no limit of its own. A client that is just sending may lose its request, as in Node: {@link drain} loses none.
   *
   * @param done gets Error ERR_SERVER_NOT_RUNNING where it did not listen.
   */
  close(done?: (error?: Error) => void): this {
    const running = this.#opening || this.#listener !== undefined
    if (done !== undefined) this.once('close', () => done(running ? undefined : nodeError('ERR_SERVER_NOT_RUNNING')))
    if (running) this.#closing ??= this.#close()
    else this.#emitSoon('close')
    return this
  }

  /** Ends serving without losing a request, as `HttpServer.drain` does. @param limitMs default 5000. */
  async drain(limitMs = 5_000): Promise<DrainReport> {
    const http = this.#http
    if (http === undefined) return { completed: 0, dropped: 0, ms: 0 }
    const report = await http.drain(limitMs)
    await this.#end()
    return report
  }

  closeIdleConnections(): void {
    this.#http?.closeResting(this.#limits.drainGraceMs, 0)
  }

  closeAllConnections(): void {
    this.#http?.destroyAll()
  }

  getConnections(callback: (error: null, count: number) => void): this {
    process.nextTick(callback, null, this.connections)
    return this
  }

  /** Taken, without effect. */
  setTimeout(): this {
    return this
  }

  /** Taken, without effect: a server that listens keeps the process alive. */
  ref(): this {
    return this
  }

  /** As `ref`. */
  unref(): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => void this.close(() => resolve()))
  }

  async #open(options: NodeListenOptions): Promise<void> {
    let poller: Poller | undefined
    try {
      const at = await toListenOptions(options)
      const { backend, poller: pollerOptions, ...rest } = this.#options
      poller = createPoller({ ...pollerOptions, ...(backend === undefined ? {} : { backend }) })
      const http = new HttpServer(poller, (request, response) => this.#handle(request, response), {
        ...rest,
        limits: this.#limits,
      })
      this.#listener = await http.listen(at)
      this.#http = http
      this.#poller = poller
      this.#opening = false
      this.listening = true
    } catch (error) {
      await poller?.close()
      this.#opening = false
      this.#emitSoon('error', listenFailure(error, options))
      return
    }
    if (this.#closing === undefined) this.#emitSoon('listening')
  }

  async #close(): Promise<void> {
    while (this.#opening) await sleep(1)
    const http = this.#http
    if (http === undefined) {
      this.#closing = undefined
      this.#emitSoon('close')
      return
    }
    this.listening = false
    http.draining = true
    await http.closeListeners()
    this.closeIdleConnections()
    while (http.connections > 0) {
      await sleep(closingMs)
      this.closeIdleConnections()
    }
    await this.#end()
  }

  async #end(): Promise<void> {
    if (this.#poller === undefined) return
    const poller = this.#poller
    this.#poller = this.#http = this.#listener = undefined
    this.listening = false
    await poller.close()
    this.#closing = undefined
    this.#emitSoon('close')
  }

  /** In a turn of its own, so that what a listener throws is not taken for a failure of ours. */
  #emitSoon(name: 'listening' | 'close' | 'error', error?: Error): void {
    process.nextTick(() => this.emit(name, ...(error === undefined ? [] : [error])))
  }

  #handle(request: Request, response: Response): void {
    const incoming = new NodeRequest(this, request)
    const outgoing = new NodeResponse(incoming, request.connection, response)
    try {
      this.emit('request', incoming, outgoing)
    } catch (error) {
      // What Node does: nobody has answered, and nobody knows what to answer.
      outgoing.destroy()
      queueMicrotask(() => {
        throw error
      })
    }
  }

  #limit(name: 'idleMs' | 'headersTimeoutMs' | 'requestTimeoutMs', ms: number): void {
    this.#limits[name] = ms > 0 ? ms : Infinity
    if (this.#http !== undefined) this.#http.limits[name] = this.#limits[name]
  }
}

function shown(ms: number): number {
  return Number.isFinite(ms) ? ms : 0
}
