import {
  constants,
  type Http2SecureServer,
  type Http2Server,
  type Http2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Clock } from '@qps/core'
import { addressKey } from '@qps/http-contract'
import type { Http2Limits } from './limits.ts'
import { type SessionFault, SessionRecord } from './session-record.ts'
import { Transports } from './transports.ts'

/** Why somebody is turned away: the values of a metric's label. */
export type Http2Refusal = SessionFault | 'connections' | 'address-connections'

export interface SessionGuardOptions {
  limits: Http2Limits
  clock: Clock
  /** Called once for each connection or session that is turned away. */
  onRefused?: ((reason: Http2Refusal) => void) | undefined
}

/**
 * Watches over the sessions of an HTTP/2 server: how many there are and from where, what their streams do, and whether
 * each of them moves. ONE timer for all of them.
 *
 * A session that misbehaves is destroyed as a whole: its streams share one HPACK state, one window and one sender.
 *
 * @example
 * const guard = new SessionGuard({ limits: http2Limits, clock: systemClock })
 * guard.attach(server)
 * server.on('stream', (stream, headers) => {
 *   if (guard.begin(stream)) answer(stream, headers)
 * })
 */
export class SessionGuard implements Disposable {
  readonly limits: Http2Limits
  /** Streams that were answered in full since the start. */
  answered = 0
  /** When a connection last came or went, in the clock's ms. */
  changedAtMs: number
  readonly #clock: Clock
  readonly #onRefused: ((reason: Http2Refusal) => void) | undefined
  readonly #records = new Map<Http2Session, SessionRecord>()
  readonly #sockets = new Set<Socket>()
  readonly #transports = new Transports()
  readonly #perAddress = new Map<string, number>()
  readonly #sweeping: Disposable
  #nowMs: number

  constructor({ limits, clock, onRefused }: SessionGuardOptions) {
    this.limits = limits
    this.#clock = clock
    this.#onRefused = onRefused
    this.#nowMs = clock.nowMs()
    this.changedAtMs = this.#nowMs
    this.#sweeping = clock.every(limits.sweepMs, () => this.sweep())
  }

  /** Watches a server's connections and sessions, and its end. */
  attach(server: Http2Server | Http2SecureServer): void {
    server.on('connection', (socket: Socket) => this.#accept(socket))
    this.#transports.attach(server)
    server.on('session', (session) => this.#watch(session))
    server.once('close', () => this[Symbol.dispose]())
  }

  get sessions(): number {
    return this.#records.size
  }

  /** Streams that are being answered. */
  get inFlight(): number {
    let sum = 0
    for (const { open } of this.#records.values()) sum += open.size
    return sum
  }

  /** Notes a stream. @returns false where it is refused, or its session is over: leave it alone. */
  begin(stream: ServerHttp2Stream): boolean {
    const record = stream.session === undefined ? undefined : this.#records.get(stream.session)
    if (record === undefined || record.session.destroyed) return false
    const isAdmitted = record.begin(stream, this.#nowMs, this.limits)
    stream.once('close', () => {
      if (stream.headersSent && !stream.aborted) this.answered++
      if (!record.end(stream, this.#nowMs)) this.#end(record, 'rapid-reset')
    })
    if (!isAdmitted) stream.close(constants.NGHTTP2_REFUSED_STREAM)
    return isAdmitted
  }

  /** The request's body is to be there within `requestTimeoutMs`, unless {@link bodyEnded} is called. Not for streams of messages. */
  expectBody(stream: ServerHttp2Stream): void {
    if (stream.session !== undefined) this.#records.get(stream.session)?.arriving.set(stream, this.#nowMs)
  }

  bodyEnded(stream: ServerHttp2Stream): void {
    if (stream.session !== undefined) this.#records.get(stream.session)?.arriving.delete(stream)
  }

  /** Tells every session that was not told yet that the server is about to leave. Nothing changes for its streams. */
  giveNotice(): void {
    for (const record of this.#records.values()) {
      if (record.isNoticed || record.session.destroyed) continue
      record.isNoticed = true
      this.#transports.giveNotice(record.session)
    }
  }

  /** Takes no more streams; each session ends with the last of those that it has. */
  closeSessions(): void {
    for (const session of this.#records.keys()) session.close()
  }

  /** Ends what is left, sessions and connections that never became one. */
  destroyAll(): void {
    for (const session of this.#records.keys()) session.destroy()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** One look at every session. The guard's own timer calls it; tests may. */
  sweep(): void {
    this.#nowMs = this.#clock.nowMs()
    for (const record of this.#records.values()) {
      const fault = record.judge(this.#nowMs, this.limits)
      if (fault !== undefined) this.#end(record, fault)
    }
  }

  [Symbol.dispose](): void {
    this.#sweeping[Symbol.dispose]()
  }

  #accept(socket: Socket): void {
    const { connectionsMax, connectionsPerAddressMax } = this.limits
    this.changedAtMs = this.#clock.nowMs()
    const address = addressKey(socket.remoteAddress)
    const held = this.#perAddress.get(address) ?? 0
    if (this.#sockets.size >= connectionsMax) return this.#turnAway(socket, 'connections')
    if (held >= connectionsPerAddressMax) return this.#turnAway(socket, 'address-connections')
    this.#sockets.add(socket)
    this.#perAddress.set(address, held + 1)
    socket.once('close', () => {
      this.changedAtMs = this.#clock.nowMs()
      this.#sockets.delete(socket)
      const left = this.#perAddress.get(address)! - 1
      if (left === 0) this.#perAddress.delete(address)
      else this.#perAddress.set(address, left)
    })
  }

  /** There is no answer before a session: the connection ends. */
  #turnAway(socket: Socket, reason: Http2Refusal): void {
    this.#onRefused?.(reason)
    socket.destroy()
  }

  #watch(session: Http2Session): void {
    this.#records.set(session, new SessionRecord(session, this.#clock.nowMs(), this.limits))
    // Whatever a client breaks ends its session; there is nobody else to tell.
    session.on('error', () => {})
    session.once('close', () => this.#records.delete(session))
  }

  #end({ session }: SessionRecord, fault: SessionFault): void {
    if (session.destroyed) return
    this.#onRefused?.(fault)
    const isHostile = fault === 'rapid-reset' || fault === 'slow-reader'
    if (!isHostile) return session.destroy()
    // Without an error Node leaves the code out, and the GOAWAY that tells it.
    session.destroy(new Error(fault), constants.NGHTTP2_ENHANCE_YOUR_CALM)
    // Node waits for what it has written to be taken; whoever does not read never takes it.
    setImmediate(() => this.#transports.destroy(session))
  }
}
