import { ResetBudget } from '@qps/http2'
import type { HostPort } from '../binding/quiche.ts'
import { errorCode, lastRequestId } from '../h3/codes.ts'
import { type Http3Role, Http3Session } from '../h3/session.ts'
import { quicError } from '../errors.ts'
import type { PathEvent } from '../transport/path-event.ts'
import type { QuicConnection } from '../transport/quic-connection.ts'
import type { ServerContext, SessionFault } from './context.ts'
import { Exchange, type ExchangeOwner } from './exchange.ts'

/** Requests of a client have every fourth number: RFC 9000, section 2.1. */
const requestStep = 4

/** Whoever has not acknowledged for so long that quiche waits longer than this is not there any more. */
const lossTimeoutMsMax = 10_000

/** The life of a connection. */
export interface SessionEvents {
  /** The handshake is complete. */
  established(): void
  /** Once, also where it never was established. */
  ended(): void
}

/**
 * The server's side of one connection: which requests are open, how often the client gives them up, and whether it moves.
 * Neither a connection nor a request has a timer; the server's sweep asks {@link judge}.
 */
export class ServerSession implements Http3Role, ExchangeOwner {
  readonly side = 'server'
  readonly context: ServerContext
  readonly connection: QuicConnection
  /** Requests that are not over. */
  readonly open: Map<number, Exchange> = new Map()
  readonly #session: Http3Session
  readonly #events: SessionEvents
  readonly #resets: ResetBudget
  /** Ids below `#next` whose streams have not been seen: datagrams overtake each other. At most `streamsMax`. */
  readonly #unseen = new Set<number>()
  #next = 0
  /** Where the client sends from. */
  #peer: HostPort
  /** The first request that is not answered; infinite while all are. */
  #refusedFrom = Number.POSITIVE_INFINITY
  #isNoticed = false
  /** Was found at fault: what is still open ends with the connection. */
  #isEnding = false
  #movedAtMs: number
  #stalledSinceMs = -1
  #takenAtStall = 0

  constructor(connection: QuicConnection, peer: HostPort, context: ServerContext, events: SessionEvents) {
    this.connection = connection
    this.context = context
    this.#events = events
    this.#peer = peer
    this.#movedAtMs = context.clock.nowMs()
    this.#resets = new ResetBudget(context.limits, this.#movedAtMs)
    this.#session = new Http3Session(connection, this, context.limits)
  }

  /** True while an answer is on its way that the client has not acknowledged. */
  get isUnacknowledged(): boolean {
    if (this.connection.isEnded) return false
    // While something is not acknowledged quiche wants to look again soon; else only at the end of the idle time.
    const timeoutMs = this.connection.raw.timeout()
    if (timeoutMs === null || timeoutMs > lossTimeoutMsMax) return false
    const oldest = Math.max(0, this.#next - 2 * requestStep * this.context.limits.streamsMax)
    for (let id = this.#next - requestStep; id >= oldest; id -= requestStep) {
      if (!this.#unseen.has(id) && !this.connection.isForgotten(id)) return true
    }
    return false
  }

  early(): void {}

  established(): void {
    this.#events.established()
  }

  readable(streamId: number): void {
    const exchange = this.open.get(streamId) ?? this.#begin(streamId)
    if (exchange !== undefined) exchange.readable()
    else this.#discard(streamId)
  }

  finished(streamId: number): void {
    this.open.get(streamId)?.finished()
  }

  stopped(streamId: number): void {
    this.open.get(streamId)?.left()
  }

  /** A client says which pushes it still takes, and there are none. */
  goaway(): void {}

  path(event: PathEvent): void {
    if (event.kind !== 'migrated') return this.context.path(event)
    const before = { local: event.local, peer: this.#peer }
    this.#peer = event.peer
    this.context.path({ ...event, before })
  }

  caughtUp(): void {}

  ended(): void {
    const why = quicError('QPS_QUIC_CLOSED', 'the connection is over')
    for (const exchange of this.open.values()) exchange.left(why)
    this.#events.ended()
  }

  guard(work: () => void): void {
    this.#session.guard(work)
  }

  over(exchange: Exchange, wasReset: boolean): void {
    const nowMs = this.context.clock.nowMs()
    this.open.delete(exchange.streamId)
    this.#movedAtMs = nowMs
    this.context.over(exchange, wasReset)
    if (!wasReset) this.#resets.makeUp()
    else if (!this.connection.isEnded && !this.#resets.spend(nowMs)) this.#end('rapid-reset', errorCode.excessiveLoad)
  }

  /** Says "stop soon": nothing changes for requests that are on their way. RFC 9114, section 5.2. */
  giveNotice(): void {
    if (this.#isNoticed || this.connection.isEnded) return
    this.#isNoticed = true
    this.#session.goaway(lastRequestId)
  }

  /** Names the first request that is not answered. */
  takeNoMore(): void {
    if (this.#refusedFrom !== Number.POSITIVE_INFINITY) return
    this.#refusedFrom = this.#next
    this.#session.goaway(this.#next)
  }

  close(): void {
    this.connection.close(errorCode.noError, 'the server leaves')
  }

  /** Looks for what takes too long, and ends it. */
  judge(nowMs: number): void {
    const { limits } = this.context
    // What a sweep sees may have begun a sweep before: the limits hold for the client.
    const toleranceMs = 2 * limits.sweepMs
    for (const exchange of this.open.values()) {
      // While nothing is to be sent quiche tells nobody that the client has stopped the stream.
      if (this.connection.isForgotten(exchange.streamId)) exchange.left()
      if (!exchange.isArriving || nowMs - exchange.startMs < limits.requestTimeoutMs - toleranceMs) continue
      this.context.fault('timeout')
      exchange.reset(errorCode.requestIncomplete, true)
    }
    if (this.connection.isEnded || !this.connection.isEstablished) return
    if (this.open.size === 0 && nowMs - this.#movedAtMs >= limits.idleMs - toleranceMs)
      this.#end('idle', errorCode.noError)
    else if (this.#isStalled(nowMs, toleranceMs)) this.#end('slow-reader', errorCode.excessiveLoad)
  }

  /** Output waits, and the client takes less than `sliceBytes` of it in `readerStallMs`: its window is closed, or as good as. */
  #isStalled(nowMs: number, toleranceMs: number): boolean {
    const { outbox } = this.connection
    const { readerStallMs, sliceBytes } = this.context.limits
    if (outbox.isEmpty) this.#stalledSinceMs = -1
    else if (this.#stalledSinceMs === -1 || outbox.taken - this.#takenAtStall >= sliceBytes) {
      this.#stalledSinceMs = nowMs
      this.#takenAtStall = outbox.taken
    }
    return this.#stalledSinceMs !== -1 && nowMs - this.#stalledSinceMs >= readerStallMs - toleranceMs
  }

  /** @returns undefined where the stream is not new, or one too many. */
  #begin(streamId: number): Exchange | undefined {
    if (!this.#unseen.delete(streamId)) {
      if (streamId < this.#next) return undefined
      for (let id = this.#next; id < streamId; id += requestStep) this.#unseen.add(id)
      this.#next = streamId + requestStep
    }
    const nowMs = this.context.clock.nowMs()
    const isTooMany = this.open.size >= this.#resets.openMax(this.context.limits.streamsMax, nowMs)
    if (streamId >= this.#refusedFrom || isTooMany || this.#isEnding) {
      this.connection.reset(streamId, errorCode.requestRejected)
      this.connection.stopReading(streamId, errorCode.requestRejected)
      return undefined
    }
    this.#movedAtMs = nowMs
    const exchange = new Exchange(streamId, this)
    this.open.set(streamId, exchange)
    return exchange
  }

  /** What comes on a stream that is over is for nobody. */
  #discard(streamId: number): void {
    try {
      while (this.connection.read(streamId)?.isLast === false);
    } catch {
      // A reset, which is as good an end.
    }
  }

  #end(fault: SessionFault, code: number): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.context.fault(fault)
    this.connection.close(code, fault)
  }
}
