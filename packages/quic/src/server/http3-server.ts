import { channel } from 'node:diagnostics_channel'
import type { Clock } from '@qps/core'
import { type RequestDone, requestDoneChannel, routePath } from '@qps/http-contract'
import { type Credentials, serverConfig } from '../binding/config.ts'
import type { HostPort } from '../binding/quiche.ts'
import { isRepeatable, tooEarly } from '../h3/early-data.ts'
import { errorCode } from '../h3/codes.ts'
import type { QuicLimits } from '../limits.ts'
import { Endpoint, type EndpointRefusal } from '../transport/endpoint.ts'
import type { PathEvent } from '../transport/path-event.ts'
import type { QuicConnection } from '../transport/quic-connection.ts'
import { CountedRoom, type ServerContext, type SessionFault } from './context.ts'
import type { Exchange } from './exchange.ts'
import { ServerSession } from './server-session.ts'

/** Answers one request. What it throws, or rejects with, resets the stream with H3_INTERNAL_ERROR and is handed to `onError`. */
export type Http3Handler = (exchange: Exchange) => void | Promise<void>

/** Why somebody is turned away. */
export type Http3Refusal = EndpointRefusal | SessionFault

export interface Http3ServerOptions {
  credentials: Credentials
  takesEarlyData: boolean
  limits: QuicLimits
  clock: Clock
  handler: Http3Handler
  onRefused?: ((reason: Http3Refusal) => void) | undefined
  onRequestDone?: ((method: string, path: string, status: number, seconds: number) => void) | undefined
  onError: (error: unknown) => void
  onPath?: ((event: PathEvent) => void) | undefined
}

/** nginx's number for a request whose client left; no client ever sees it. */
const clientLeft = 499
/** Tells whoever subscribes of each request that is over. */
const requestDone = channel(requestDoneChannel)

/** Everything that all connections of a server share: handler, limits, counts, and ONE timer that looks at each of them. */
export class Http3Server implements ServerContext, Disposable {
  readonly limits: QuicLimits
  readonly clock: Clock
  readonly room: CountedRoom
  readonly endpoint: Endpoint
  readonly sessions: Set<ServerSession> = new Set()
  /** Requests answered in full since the start. */
  answered = 0
  readonly #options: Http3ServerOptions
  readonly #sweeping: Disposable
  #isNoticed = false
  #dateText = ''
  #dateS = 0

  /** @throws QpsError QPS_PART_MISSING, QPS_OPTION. */
  constructor(options: Http3ServerOptions) {
    this.#options = options
    this.limits = options.limits
    this.clock = options.clock
    this.room = new CountedRoom(options.limits.bodiesBytesMax)
    this.endpoint = new Endpoint({
      config: serverConfig(options.credentials, options.limits, options.takesEarlyData),
      limits: options.limits,
      clock: options.clock,
      onConnection: (connection, peer) => this.#begin(connection, peer),
      onRefused: options.onRefused,
    })
    this.#sweeping = this.clock.every(this.limits.sweepMs, () => this.sweep())
  }

  /** @throws QpsError QPS_PORT_IN_USE, QPS_ADDRESS_UNAVAILABLE. */
  listen(at: HostPort): Promise<HostPort> {
    return this.endpoint.listen(at)
  }

  /** Requests that are being answered. */
  get inFlight(): number {
    let sum = 0
    for (const { open } of this.sessions) sum += open.size
    return sum
  }

  get isUnacknowledged(): boolean {
    for (const session of this.sessions) if (session.isUnacknowledged) return true
    return false
  }

  /** One look at every connection. The server's own timer calls it; tests may. */
  sweep(): void {
    const nowMs = this.clock.nowMs()
    this.endpoint.sweepHandshakes()
    for (const session of this.sessions) session.judge(nowMs)
  }

  giveNotice(): void {
    this.#isNoticed = true
    for (const session of this.sessions) session.giveNotice()
  }

  takeNoMore(): void {
    this.endpoint.stopAccepting()
    for (const session of this.sessions) session.takeNoMore()
  }

  closeSessions(): void {
    for (const session of this.sessions) session.close()
  }

  date(): string {
    const seconds = Math.floor(this.clock.wallMs() / 1000)
    if (seconds !== this.#dateS) {
      this.#dateS = seconds
      this.#dateText = new Date(seconds * 1000).toUTCString()
    }
    return this.#dateText
  }

  handle(exchange: Exchange): void {
    if (exchange.isEarly && !isRepeatable(exchange.method)) return exchange.refuse(tooEarly)
    const failed = (error: unknown): void => {
      if (exchange.isOver) return
      this.#options.onError(error)
      exchange.reset(errorCode.internalError)
    }
    try {
      void this.#options.handler(exchange)?.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  over(exchange: Exchange, wasReset: boolean): void {
    if (!wasReset && exchange.status !== 0) this.answered++
    const { onRequestDone } = this.#options
    if (onRequestDone === undefined && !requestDone.hasSubscribers) return
    const status = wasReset ? clientLeft : exchange.status || 500
    const seconds = (this.clock.nowMs() - exchange.startMs) / 1000
    onRequestDone?.(exchange.method, routePath(exchange.path), status, seconds)
    if (requestDone.hasSubscribers) requestDone.publish({ status, seconds, count: 1 } satisfies RequestDone)
  }

  fault(reason: SessionFault): void {
    this.#options.onRefused?.(reason)
  }

  path(event: PathEvent): void {
    this.#options.onPath?.(event)
  }

  [Symbol.dispose](): void {
    this.#sweeping[Symbol.dispose]()
    this.endpoint[Symbol.dispose]()
    this.sessions.clear()
  }

  #begin(connection: QuicConnection, peer: HostPort): void {
    const session = new ServerSession(connection, peer, this, {
      established: () => {
        this.endpoint.handshakeDone(connection)
        this.sessions.add(session)
        if (this.#isNoticed) session.giveNotice()
      },
      ended: () => {
        this.endpoint.handshakeDone(connection)
        this.sessions.delete(session)
      },
    })
  }
}
