import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { QpsError, systemClock } from '@qps/core'
import type { ConnectionFault, HostPort } from '../binding/quiche.ts'
import { quicError } from '../errors.ts'
import { errorCode } from '../h3/codes.ts'
import { isRepeatable } from '../h3/early-data.ts'
import { type Http3Role, Http3Session } from '../h3/session.ts'
import type { QuicLimits } from '../limits.ts'
import type { PathEvent } from '../transport/path-event.ts'
import { ClientExchange, type Http3Request, type Http3Response } from './client-exchange.ts'
import type { ClientPost } from './client-post.ts'
import type { ConnectHttp3Options } from './connect.ts'
import { endingOf } from './ending.ts'
import { reasonOf } from './fault-reason.ts'

/** Requests that wait for the server to allow another stream. */
const waitingMax = 1024
/** Steps of moves that are remembered. */
const traceMax = 256
/** How long the socket that was left is still listened to, for what the server had sent before it knew. */
const lingerMs = 250
/** bad_certificate of TLS, as QUIC counts alerts: RFC 9001, section 4.8. */
const badCertificate = 0x12a
/** Requests have every fourth number. */
const requestStep = 4

/** A connection to one server. Close it, or the process stays up for its socket. */
export class Http3Client implements Http3Role, AsyncDisposable {
  readonly side = 'client'
  /** Steps of this side's moves, the latest last; at most 256. */
  readonly trace: PathEvent[] = []
  readonly #post: ClientPost
  readonly #session: Http3Session
  readonly #options: ConnectHttp3Options
  readonly #limits: QuicLimits
  /** Of all its requests. */
  readonly #authority: string
  readonly #exchanges = new Map<number, ClientExchange>()
  readonly #waiting: ClientExchange[] = []
  readonly #connected = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<void>()
  #next = 0
  /** Of the server's GOAWAY: what is asked from here on is not answered. */
  #refusedFrom = Number.POSITIVE_INFINITY
  #onPath: ((event: PathEvent) => void) | undefined
  #onTurn: (() => void) | undefined
  #isMoving = false

  constructor(post: ClientPost, options: ConnectHttp3Options, limits: QuicLimits) {
    this.#post = post
    this.#options = options
    this.#limits = limits
    const name = options.serverName ?? options.host
    this.#authority = options.authority ?? `${isIP(name) === 6 ? `[${name}]` : name}:${options.port}`
    this.#session = new Http3Session(post.connection, this, limits)
    this.#connected.promise.catch(() => {})
  }

  /** Where it sends from. It changes with each {@link migrate}. */
  get local(): HostPort {
    return this.#post.local
  }

  /** True while it is connected and the server has not said that it leaves. */
  get isUsable(): boolean {
    return this.#refusedFrom === Number.POSITIVE_INFINITY && !this.#post.connection.isEnded
  }

  /** Requests that the server takes now; one more waits. Right after connecting: all that may be under way at once. */
  get streamsLeft(): number {
    return this.#post.connection.raw.peerStreamsLeftBidi()
  }

  /** What another connection can resume this one by; undefined until the server has sent a ticket. It is a secret. */
  session(): Uint8Array | undefined {
    return this.#post.connection.raw.session() ?? undefined
  }

  /** Whether the handshake was shortened by a session. */
  get isResumed(): boolean {
    return this.#post.connection.raw.isResumed()
  }

  /** Resolves when the handshake is done and the certificate is the one that was asked for, or when requests may be early. */
  connected(): Promise<void> {
    return this.#connected.promise
  }

  /**
   * Asks, and resolves when the head of the answer has arrived. Where the server allows no further stream, the request waits.
   *
   * @throws QpsError QPS_QUIC_CLOSED, QPS_QUIC_STREAM; QPS_QUIC_ROOM where too many wait already.
   */
  request(request: Http3Request): Promise<Http3Response> {
    if (!this.isUsable) return Promise.reject(quicError('QPS_QUIC_CLOSED', 'the connection is over, or about to be'))
    if (this.#waiting.length >= waitingMax) {
      return Promise.reject(quicError('QPS_QUIC_ROOM', `${waitingMax} requests wait for a stream already`))
    }
    const exchange = new ClientExchange(
      request,
      this.#limits,
      (work) => this.#session.guard(work),
      (over) => this.#forget(over),
    )
    if (request.signal?.aborted === true) {
      exchange.fail(quicError('QPS_QUIC_STREAM', 'the request was given up', request.signal.reason))
      return exchange.response
    }
    this.#waiting.push(exchange)
    this.#startWaiting()
    return exchange.response
  }

  /**
   * Moves to a new UDP port, whatever is under way: probes the new path, waits until it is validated, then uses it.
   *
   * @returns the addresses that it has left and taken.
   * @throws QpsError QPS_QUIC_MIGRATION where the path cannot be validated: the connection stays where it was; QPS_QUIC_CLOSED.
   */
  async migrate(): Promise<{ before: HostPort; after: HostPort }> {
    const { connection, peer, local: before } = this.#post
    if (!connection.isEstablished || connection.isEnded)
      throw quicError('QPS_QUIC_CLOSED', 'there is no connection to move')
    if (this.#isMoving) throw quicError('QPS_QUIC_MIGRATION', 'one move at a time')
    this.#isMoving = true
    const socket = await this.#post.openSocket()
    try {
      await this.#within('the server has given no id for another path', () => connection.raw.availableDcids() > 0)
      await this.#validate(socket.local)
      connection.moveTo(socket.local, peer)
      this.#note({ kind: 'migrated', local: socket.local, peer, before: { local: before, peer } })
      this.#post.moved(socket.local, lingerMs)
      return { before, after: socket.local }
    } catch (cause) {
      this.#post.closeSocket(socket.local)
      throw cause instanceof QpsError ? cause : quicError('QPS_QUIC_MIGRATION', 'the path cannot be used', cause)
    } finally {
      this.#isMoving = false
      this.#onPath = undefined
    }
  }

  /** Datagrams per path, as this side counts them. */
  paths(): { local: HostPort; isActive: boolean; received: number; sent: number }[] {
    return this.#post.connection.raw.pathStats().map(({ localHost, active, recv, sent }) => {
      return { local: localHost, isActive: active, received: recv, sent }
    })
  }

  /** Says goodbye, and closes the sockets. What is under way fails. */
  async close(): Promise<void> {
    this.#post.connection.close(errorCode.noError, '')
    await this.#ended.promise
    this.#post[Symbol.dispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  early(): void {
    this.#connected.resolve()
    this.#startWaiting()
  }

  established(): void {
    const { host, serverName: name = host, insecure = false } = this.#options
    const leaf = this.#post.connection.raw.peerCertChain()?.[0]
    // Names were checked by BoringSSL during the handshake, which does not know addresses.
    const isUnchecked = !insecure && isIP(name) !== 0
    if (isUnchecked && (leaf === undefined || new X509Certificate(leaf).checkIP(name) === undefined)) {
      return this.#post.connection.close(badCertificate, `the certificate is not for ${name}`, false)
    }
    this.#connected.resolve()
    this.#startWaiting()
  }

  readable(streamId: number): void {
    this.#exchanges.get(streamId)?.readable()
  }

  finished(): void {}

  /** The server needs no more of a request, whose answer may come all the same: RFC 9114, section 4.1. */
  stopped(): void {}

  settled(): void {
    this.#options.onSettings?.()
  }

  goaway(id: number): void {
    const isFirst = this.#refusedFrom === Number.POSITIVE_INFINITY
    this.#refusedFrom = id
    for (const exchange of [...this.#exchanges.values()].filter(({ streamId }) => streamId >= id)) {
      exchange.fail(quicError('QPS_QUIC_STREAM', 'the server leaves, and has not begun this request'))
    }
    const why = quicError('QPS_QUIC_CLOSED', 'the server leaves')
    for (const exchange of this.#waiting.splice(0)) exchange.fail(why)
    if (isFirst) this.#options.onGoaway?.()
  }

  path(event: PathEvent): void {
    this.#note(event)
    this.#onPath?.(event)
  }

  caughtUp(): void {
    this.#startWaiting()
    this.#onTurn?.()
  }

  ended(fault: ConnectionFault | undefined): void {
    const why = quicError('QPS_QUIC_CLOSED', 'the connection is over', reasonOf(fault))
    this.#connected.reject(quicError('QPS_QUIC_HANDSHAKE', 'there is no connection', reasonOf(fault)))
    for (const exchange of [...this.#exchanges.values(), ...this.#waiting.splice(0)]) exchange.fail(why)
    this.#onTurn?.()
    this.#ended.resolve()
    this.#options.onEnded?.(endingOf(this.#post.connection.raw))
  }

  #startWaiting(): void {
    const { connection } = this.#post
    if (!connection.isEstablished && !connection.isEarly) return
    while (this.#waiting.length > 0) {
      const { method = 'GET', body } = this.#waiting[0]!.request
      const isRefusedEarly = body !== undefined || !isRepeatable(method)
      if ((!connection.isEstablished && isRefusedEarly) || !connection.openStream(this.#next)) return
      const exchange = this.#waiting.shift()!
      this.#exchanges.set(this.#next, exchange)
      exchange.start(connection, this.#next, this.#authority)
      this.#next += requestStep
    }
  }

  #forget(exchange: ClientExchange): void {
    if (exchange.streamId !== -1) return void this.#exchanges.delete(exchange.streamId)
    // It was given up before there was a stream for it: nothing of it is sent.
    const at = this.#waiting.indexOf(exchange)
    if (at !== -1) this.#waiting.splice(at, 1)
  }

  async #validate(local: HostPort): Promise<void> {
    const { connection, peer } = this.#post
    let outcome: PathEvent['kind'] | undefined
    this.#onPath = (event) => {
      if (event.local.port === local.port) outcome = event.kind
    }
    connection.probe(local, peer)
    this.#note({ kind: 'probed', local, peer })
    await this.#within('the new path was not validated', () => {
      if (outcome === 'failed' || outcome === 'closed') throw new Error('nothing has come back on it')
      return outcome === 'validated'
    })
  }

  /** Waits for something that turns of the connection bring. @throws QpsError QPS_QUIC_MIGRATION, QPS_QUIC_CLOSED. */
  #within(otherwise: string, isSo: () => boolean): Promise<void> {
    const { timeoutMs = 5_000, clock = systemClock } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = clock.after(timeoutMs, () => reject(quicError('QPS_QUIC_MIGRATION', otherwise)))
    this.#onTurn = () => {
      try {
        if (this.#post.connection.isEnded) reject(quicError('QPS_QUIC_CLOSED', 'the connection has ended meanwhile'))
        else if (isSo()) resolve()
      } catch (cause) {
        reject(quicError('QPS_QUIC_MIGRATION', otherwise, cause))
      }
    }
    this.#onTurn()
    return promise.finally(() => {
      timer[Symbol.dispose]()
      this.#onTurn = undefined
    })
  }

  #note(event: PathEvent): void {
    if (this.trace.length === traceMax) this.trace.shift()
    this.trace.push(event)
  }
}
