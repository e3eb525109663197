import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Clock, Random } from '@qps/core'
import { addressKey, type HttpLimits, refusalBytes, type RefusalReason } from '@qps/http-contract'
import { Connection, type Verdict } from './connection.ts'

export interface GuardOptions {
  limits: HttpLimits
  clock: Clock
  /** Jitter of Retry-After. */
  random: Random
  /** Called once for each request or connection turned away. */
  onRefused?: ((reason: RefusalReason) => void) | undefined
}

/**
 * Watches every connection of a server: how many there are, from where, and whether each of them moves.
 *
 * ONE timer for all of them. A timer per connection, set and cleared with each request, would be exact to the
 * millisecond and cost something on every request; a sweep costs one pass over at most `connectionsMax` records
 * every `sweepMs` and is exact to two sweeps.
 *
 * What Node does by itself is left to Node: `headersTimeout`, `requestTimeout` and the idle `keepAliveTimeout`.
 *
 * **Crowded.** A slow reader of SMALL answers cannot be seen: the kernel takes a hundred bytes at once, whether or not
 * the client ever reads them, and from then on the connection looks idle to the server, which it is. What such a client
 * holds is a place. So patience shrinks as places get scarce: once an address (or the whole process) holds more than
 * `crowdedRatio` of its connections, its idle ones are closed after `crowdedIdleMs`, and header sections get
 * `crowdedHeadersTimeoutMs`. The price: five hundred polite clients behind one address lose idle connections sooner than
 * `Keep-Alive` promised them, and connect again.
 */
export class Guard implements Disposable {
  /** Requests answered (or refused in place) since the start. */
  answered = 0
  /** When a connection last came or went, in the clock's milliseconds. */
  changedAtMs: number = -Infinity
  /** How often each reason turned somebody away. */
  readonly refused: Partial<Record<RefusalReason, number>> = {}
  readonly limits: HttpLimits

  #draining = false
  readonly #held = new Map<Connection, () => void>()
  #waiting: (() => void)[] | undefined
  readonly #connections = new Map<Socket, Connection>()
  readonly #perAddress = new Map<string, number>()
  readonly #addresses = new Map<Socket, string>()
  readonly #clock: Clock
  readonly #random: Random
  readonly #onRefused: ((reason: RefusalReason) => void) | undefined
  readonly #sweeping: Disposable
  #nowMs: number

  constructor(options: GuardOptions) {
    this.limits = options.limits
    this.#clock = options.clock
    this.#random = options.random
    this.#onRefused = options.onRefused
    this.#nowMs = options.clock.nowMs()
    this.#sweeping = options.clock.every(options.limits.sweepMs, () => this.sweep())
  }

  /** Watches the connections of a server, and the server's end. */
  attach(server: Server): void {
    server.on('connection', (socket: Socket) => this.accept(socket))
    server.once('close', () => this[Symbol.dispose]())
  }

  /** Open connections, those included that are being refused. */
  get connections(): number {
    return this.#connections.size
  }

  /** Requests admitted and not yet answered. Counted when asked for: metrics ask seldom, requests come often. */
  get inFlight(): number {
    let sum = 0
    for (const connection of this.#connections.values()) sum += connection.inFlight
    return sum
  }

  /** The record of a socket, or undefined once it is closed. */
  of(socket: Socket): Connection | undefined {
    return this.#connections.get(socket)
  }

  /** Takes a new connection in, or refuses it where its address or the process holds too many. */
  accept(socket: Socket): void {
    const address = addressKey(socket.remoteAddress)
    this.changedAtMs = this.#clock.nowMs()
    const connection = new Connection(socket, this.changedAtMs)
    this.#connections.set(socket, connection)
    socket.once('close', () => this.#forget(socket))
    const held = this.#perAddress.get(address) ?? 0
    if (this.#addresses.size >= this.limits.connectionsMax) return this.refuse(socket, 'connections')
    if (held >= this.limits.connectionsPerAddressMax) return this.refuse(socket, 'address-connections')
    this.#addresses.set(socket, address)
    this.#perAddress.set(address, held + 1)
  }

  /** Notes an admitted request. Every one needs its {@link finish}. */
  begin(connection: Connection, request: IncomingMessage, response: ServerResponse): void {
    // Only the last answer of a connection may say that it closes.
    if (this.#draining && connection.response?.headersSent === false) connection.response.removeHeader('connection')
    // The time of the last sweep: a clock reading per request for a limit of seconds would be waste.
    connection.begin(request, response, this.#nowMs)
  }

  /** Notes that an admitted request's response is closed, answered or not. */
  finish(connection: Connection, socket: Socket, answered: boolean): void {
    connection.finish()
    if (answered) this.answered++
    if (connection.farewell !== undefined) this.#sayFarewell(socket, connection)
  }

  /**
   * Turns a connection away: what was admitted before is still answered, then comes the refusal, then the end. Whatever
   * the client pipelined behind is neither read nor answered. Later refusals of the same connection are ignored.
   *
   * @param response the response whose place the refusal takes; undefined where the refused message has none.
   */
  refuse(socket: Socket, reason: RefusalReason, response?: ServerResponse): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined || connection.condemned) return
    connection.condemned = true
    this.refused[reason] = (this.refused[reason] ?? 0) + 1
    this.#onRefused?.(reason)
    connection.farewell = { reason, response }
    // Not now: this may be running inside the parser that is being unplugged.
    setImmediate(unplugParser, socket)
    this.#sayFarewell(socket, connection)
  }

  /** True from the start of a drain: every answer says `Connection: close`. */
  get draining(): boolean {
    return this.#draining
  }

  /** From now on answers say `Connection: close`, those of the requests in flight included. */
  startDraining(): void {
    this.#draining = true
    for (const { response, inFlight } of this.#connections.values()) {
      if (inFlight > 0 && response?.headersSent === false) response.setHeader('connection', 'close')
    }
  }

  /**
   * Routes a request while draining. A response that says `Connection: close` ends its connection, so of several
   * requests that came in one piece only the last may say it: each waits until the turn of the loop is over, or the next
   * one comes.
   */
  routeDraining(connection: Connection, response: ServerResponse, route: () => void): void {
    this.#held.get(connection)?.()
    const last = (): void => {
      if (this.#held.get(connection) !== route) return
      this.#held.delete(connection)
      if (!response.headersSent) response.setHeader('connection', 'close')
      route()
    }
    this.#held.set(connection, route)
    if (this.#waiting === undefined) setImmediate(last)
    else this.#waiting.push(last)
  }

  /** Requests that come from now on wait for {@link release}. Only while draining. */
  hold(): void {
    this.#waiting ??= []
  }

  /** Routes what waited. */
  release(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const route of waiting) route()
  }

  /** Closes connections that are between requests and have been open for at least `ageMs`. */
  closeResting(ageMs: number): void {
    const openedBeforeMs = this.#clock.nowMs() - ageMs
    for (const [socket, connection] of this.#connections) {
      if (connection.isAtRest && connection.openedAtMs <= openedBeforeMs) socket.destroy()
    }
  }

  destroyAll(): void {
    for (const socket of this.#connections.keys()) socket.destroy()
  }

  /** One look at every connection. The guard's own timer calls it; tests may. */
  sweep(): void {
    const { limits } = this
    this.#nowMs = this.#clock.nowMs()
    const processCrowded = this.#addresses.size > limits.connectionsMax * limits.crowdedRatio
    const crowdedFrom = limits.connectionsPerAddressMax * limits.crowdedRatio
    for (const [socket, connection] of this.#connections) {
      const address = this.#addresses.get(socket)
      const crowded = processCrowded || (address !== undefined && this.#perAddress.get(address)! > crowdedFrom)
      const verdict = connection.judge(this.#nowMs, limits, crowded)
      if (verdict !== undefined) this.#carryOut(verdict, socket, connection)
    }
  }

  [Symbol.dispose](): void {
    this.#sweeping[Symbol.dispose]()
  }

  #carryOut(verdict: Verdict, socket: Socket, connection: Connection): void {
    if (verdict === 'linger-over') return void socket.destroy()
    if (verdict === 'timeout') return this.refuse(socket, verdict)
    if (verdict === 'slow-body' || verdict === 'body') return this.refuse(socket, verdict, connection.response)
    if (!connection.condemned) {
      this.refused[verdict] = (this.refused[verdict] ?? 0) + 1
      this.#onRefused?.(verdict)
    }
    connection.condemned = true
    // A reset, not a farewell: after an orderly close the kernel would go on holding the unread answer.
    if (verdict === 'slow-reader') reset(socket)
    else socket.destroy()
  }

  #sayFarewell(socket: Socket, connection: Connection): void {
    const { reason, response } = connection.farewell!
    if (response === undefined) {
      if (connection.inFlight > 0) return
    } else if (response.headersSent || response.destroyed) {
      // Its answer is already under way: nothing can be said in its place any more.
      connection.farewell = undefined
      return socket.destroySoon()
    } else if (response.socket === null) return // Answers of earlier requests come first.
    connection.farewell = undefined
    connection.linger(this.#clock.nowMs())
    if (!socket.writable) return void socket.destroy()
    const { bytes, status, lingers } = refusalBytes(reason, this.#clock.wallMs(), this.#random)
    if (response !== undefined) response.statusCode = status
    socket.end(bytes, lingers ? undefined : () => socket.destroy())
  }

  #forget(socket: Socket): void {
    this.changedAtMs = this.#clock.nowMs()
    this.#connections.delete(socket)
    const address = this.#addresses.get(socket)
    if (address === undefined) return
    this.#addresses.delete(socket)
    const held = this.#perAddress.get(address)! - 1
    if (held === 0) this.#perAddress.delete(address)
    else this.#perAddress.set(address, held)
  }
}

/** A socket of TLS cannot be reset, and throws; the one below it can, which only Node's own field tells. */
function reset(socket: Socket): void {
  const below = socket instanceof TLSSocket ? (socket as { _parent?: unknown })._parent : socket
  if (below instanceof Socket && !(below instanceof TLSSocket)) below.resetAndDestroy()
  else socket.destroy()
}

/**
 * Takes the socket away from Node's parser and throws away what still arrives. A socket that is closed with unread input
 * sends a reset, and a reset destroys the answer on its way to the client.
 *
 * A body that nobody read may have paused the socket. Only Node's own 'resume' listener can start it again, and that
 * listener leaves with the parser: so the socket is resumed first.
 */
function unplugParser(socket: Socket): void {
  if (!socket.isPaused()) return discardInput(socket)
  socket.once('resume', () => discardInput(socket))
  socket.resume()
}

function discardInput(socket: Socket): void {
  if (socket.destroyed) return
  socket.removeAllListeners('data')
  // Adding this listener is what takes the socket from the parser.
  socket.on('data', discard)
}

function discard(): void {}
