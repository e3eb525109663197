import { type ClientHttp2Session, connect, type SecureClientSessionOptions } from 'node:http2'
import { type Clock, messageOf } from '@qps/core'
import { GrpcError } from '../error.ts'
import type { GrpcLimits } from '../options.ts'
import { GrpcStatus } from '../status.ts'
import type { ClientCall } from './call.ts'

/** A repeated header is metadata with two values, not an error. */
const repeatable = { strictSingleValueFields: false }

/** One connection, and how many of its streams are in use. */
interface Link {
  session: ClientHttp2Session
  ready: boolean
  active: number
}

/**
 * The way to one origin: one connection at a time, whose streams are lent to calls; calls beyond wait in order. A connection
 * that the server wants to close (GOAWAY) keeps its calls, and the next call opens another. After a failed attempt calls
 * fail at once for a while, so that an origin that is away is not asked by each of them.
 */
export class Channel {
  readonly limits: Readonly<GrpcLimits>
  readonly clock: Clock
  readonly scheme: string
  readonly authority: string
  readonly #origin: URL
  readonly #tls: SecureClientSessionOptions
  readonly #waiting = new Set<ClientCall>()
  readonly #links = new Set<Link>()
  #link: Link | undefined
  #backoffMs: number
  #downUntilMs = -Infinity
  #downReason = ''
  #closed = false

  constructor(origin: URL, limits: Readonly<GrpcLimits>, clock: Clock, tls: SecureClientSessionOptions) {
    this.#origin = origin
    this.#tls = tls
    this.limits = limits
    this.clock = clock
    this.scheme = origin.protocol.slice(0, -1)
    this.authority = origin.host
    this.#backoffMs = limits.backoffMs
  }

  /** Calls that wait for a stream. */
  get queued(): number {
    return this.#waiting.size
  }

  /** Gives the call a stream, now or when one is free; or an error. */
  enter(call: ClientCall): void {
    const refusal = this.#refusal()
    if (refusal) return call.onNoSession(refusal)
    const link = this.#usable()
    if (link !== undefined && this.#waiting.size === 0 && this.#hasRoom(link)) return this.#lend(link, call)
    if (this.#waiting.size >= this.limits.queueMax) {
      const details = `${this.#waiting.size} calls wait for a stream already`
      return call.onNoSession(new GrpcError(GrpcStatus.RESOURCE_EXHAUSTED, details, { retryable: true }))
    }
    this.#waiting.add(call)
    if (link === undefined) this.#connect()
  }

  /** The call does not want a stream any more. */
  leave(call: ClientCall): void {
    this.#waiting.delete(call)
  }

  /** Lets calls end until `limitMs`, then cuts them. No call can enter. */
  async close(limitMs: number): Promise<void> {
    this.#closed = true
    this.#failWaiting(new GrpcError(GrpcStatus.UNAVAILABLE, 'the client was closed', { retryable: true }))
    await Promise.all([...this.#links].map(({ session }) => closeSession(session, limitMs, this.clock)))
  }

  #refusal(): GrpcError | undefined {
    if (this.#closed) return new GrpcError(GrpcStatus.UNAVAILABLE, 'the client is closed')
    if (this.#usable() !== undefined || this.clock.nowMs() >= this.#downUntilMs) return undefined
    return new GrpcError(GrpcStatus.UNAVAILABLE, this.#downReason, { retryable: true })
  }

  #usable(): Link | undefined {
    const session = this.#link?.session
    return session === undefined || session.closed || session.destroyed ? undefined : this.#link
  }

  #hasRoom({ session, ready, active }: Link): boolean {
    return ready && active < Math.min(this.limits.streamsMax, session.remoteSettings.maxConcurrentStreams ?? Infinity)
  }

  #lend(link: Link, call: ClientCall): void {
    link.active++
    call.onSession(link.session, () => {
      link.active--
      this.#pump()
    })
  }

  #pump(): void {
    if (this.#waiting.size === 0) return
    const link = this.#usable()
    if (link === undefined) return this.#connect()
    for (const call of this.#waiting) {
      if (!this.#hasRoom(link)) return
      this.#waiting.delete(call)
      this.#lend(link, call)
    }
  }

  #connect(): void {
    const { streamWindowBytes, headerListBytesMax, sessionMemoryMb, connectTimeoutMs } = this.limits
    const session = connect(this.#origin, {
      ...repeatable,
      ...this.#tls,
      settings: { enablePush: false, initialWindowSize: streamWindowBytes, maxHeaderListSize: headerListBytesMax },
      maxSessionMemory: sessionMemoryMb,
    })
    const link: Link = { session, ready: false, active: 0 }
    this.#link = link
    this.#links.add(link)
    let reason = 'the connection was closed'
    const timer = this.clock.after(connectTimeoutMs, () => {
      session.destroy(new Error(`no connection within ${connectTimeoutMs} ms`))
    })
    // Whoever did not choose it may well be waiting for HTTP/1.1.
    session.once('connect', () => {
      if (!session.encrypted || session.alpnProtocol === 'h2') return
      session.destroy(new Error('the server did not choose h2 (ALPN)'))
    })
    // The window may be opened, and settings are known, when the server has spoken.
    session.once('remoteSettings', () => {
      timer[Symbol.dispose]()
      link.ready = true
      this.#backoffMs = this.limits.backoffMs
      session.setLocalWindowSize(this.limits.connectionWindowBytes)
      this.#pump()
    })
    session.on('error', (error) => {
      reason = messageOf(error)
    })
    session.on('close', () => {
      timer[Symbol.dispose]()
      this.#links.delete(link)
      if (!link.ready) this.#onUnreachable(reason)
      else this.#pump()
    })
  }

  #onUnreachable(reason: string): void {
    this.#downReason = `${this.#origin.origin} cannot be reached: ${reason}`
    this.#downUntilMs = this.clock.nowMs() + this.#backoffMs
    this.#backoffMs = Math.min(this.#backoffMs * 2, this.limits.backoffMsMax)
    this.#failWaiting(new GrpcError(GrpcStatus.UNAVAILABLE, this.#downReason, { retryable: true }))
  }

  #failWaiting(error: GrpcError): void {
    const calls = [...this.#waiting]
    this.#waiting.clear()
    for (const call of calls) call.onNoSession(error)
  }
}

function closeSession(session: ClientHttp2Session, limitMs: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    if (session.destroyed) return resolve()
    const timer = clock.after(limitMs, () => session.destroy())
    session.once('close', () => {
      timer[Symbol.dispose]()
      resolve()
    })
    session.close()
  })
}
