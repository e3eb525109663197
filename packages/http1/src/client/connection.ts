import type { Connection, ConnectionHandler, ConnectOptions, Poller } from '@qps/netpoll'
import type { QpsError } from '@qps/core'
import { Carry } from '../carry.ts'
import { headComplete, headIncomplete } from '../request-parser.ts'
import type { ConnectionOwner } from './connection-owner.ts'
import { closedError, responseError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { Fifo } from './fifo.ts'
import type { PreparedRequest } from './outgoing.ts'
import { ResponseHead } from './response-head.ts'
import { ResponseParser } from './response-parser.ts'
import { upload } from './upload.ts'
import { Watch, type Watched } from './watch.ts'

const nothing = new Uint8Array(0)

/**
 * One connection of the client. Answers come in the order of requests (RFC 9112 section 9.3.2), so a queue of exchanges is
 * all that it remembers.
 *
 *   connecting ──► open: idle ◄──► answers outstanding ──► over
 *        └───────────────┴─────────────────────────────────►
 *
 * Bytes are parsed where the poller received them; only a head that is cut is copied. What was received before a request
 * left cannot be its answer: more answers than requests had left end the connection.
 */
export class ClientConnection implements ConnectionHandler, Watched {
  readonly output: Connection
  /** It stands. */
  open = false
  /** It takes no more requests, and delivers nothing more. */
  over = false
  /** Answers so far. */
  answers = 0
  inBody = false
  /** For the dispatcher: stands in its list of idle ones, or of those with room. */
  inIdle = false
  inRoomy = false

  readonly #owner: ConnectionOwner
  readonly #parser: ResponseParser
  readonly #head: ResponseHead
  readonly #outstanding = new Fifo<Exchange>()
  /** The last request has the connection for itself. */
  #exclusive = false
  /** The next byte begins a message. */
  #fresh = true
  #interims = 0
  /** A head that is cut. Bounded by the parser's limit and one read. */
  readonly #carry = new Carry()
  readonly #watch: Watch
  #drained: PromiseWithResolvers<void> | undefined

  constructor(owner: ConnectionOwner, poller: Poller, to: ConnectOptions) {
    const { headerBytesMax, headerFieldsMax, responseBytesMax } = owner.options
    this.#owner = owner
    this.#watch = new Watch(owner.options, owner.nowMs)
    this.#parser = new ResponseParser({ headerBytesMax, headerFieldsMax, bodyBytesMax: responseBytesMax })
    this.#head = new ResponseHead(this.#parser)
    this.output = poller.connect(to, this)
  }

  /** Requests sent and not answered. */
  get outstanding(): number {
    return this.#outstanding.length
  }

  /** The oldest of them: the next answer is its own. */
  get first(): Exchange | undefined {
    return this.#outstanding.first
  }

  get isIdle(): boolean {
    return this.open && !this.over && this.#outstanding.length === 0
  }

  /** May another request share it with those outstanding? */
  get hasRoom(): boolean {
    const { length } = this.#outstanding
    return this.open && !this.over && (length === 0 || (length < this.#owner.options.pipelining && this.#isShared))
  }

  canTake(request: PreparedRequest): boolean {
    return this.isIdle || (this.hasRoom && request.repeatable)
  }

  /** Only where {@link canTake}. */
  send(exchange: Exchange): void {
    const { request } = exchange
    exchange.connection = this
    exchange.sinceMs = this.#owner.nowMs
    if (this.#outstanding.length === 0) this.#watch.restart(exchange.sinceMs)
    this.#outstanding.push(exchange)
    this.#exclusive = !request.repeatable
    this.output.write(request.bytes)
    if (request.content.length > 0) this.output.write(request.content)
    if (request.pieces !== undefined) void upload(exchange, request.pieces, this)
  }

  /** A pipeline is for servers that have kept a connection open once, and not behind a request that must not be repeated. */
  get #isShared(): boolean {
    return this.answers > 0 && !this.#exclusive
  }

  // From the exchanges

  giveUp(exchange: Exchange): void {
    queueMicrotask(() => {
      const isAlone = this.#outstanding.length === 1 && this.#outstanding.first === exchange
      // Read or not, the rest of this answer must not hold up those behind it.
      if (isAlone) this.#lose(undefined)
      else if (this.#outstanding.first === exchange) this.output.resume()
    })
  }

  pause(exchange: Exchange): void {
    if (this.#outstanding.first === exchange && this.inBody) this.output.pause()
  }

  resume(exchange: Exchange): void {
    if (this.#outstanding.first === exchange) this.output.resume()
  }

  /** Resolves when there is room for more output, or never will be. */
  drained(): Promise<void> {
    this.#drained ??= Promise.withResolvers()
    return this.#drained.promise
  }

  /** The body of a request has failed: half of it is out, so the connection is of no use. */
  uploadFailed(exchange: Exchange, error: QpsError): void {
    exchange.fail(error)
    this.#lose(undefined)
  }

  // From the poller

  onOpen(): void {
    if (this.over) return
    this.open = true
    this.#watch.restart(this.#owner.nowMs)
    this.#owner.hasRoom(this)
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    if (this.over) return
    const carry = this.#carry
    if (carry.length === 0) {
      const at = this.#take(bytes, start, end)
      if (at < end) carry.keep(bytes, at, end)
    } else {
      carry.keep(bytes, start, end)
      carry.parsedTo(this.#take(carry.bytes, carry.start, carry.end))
    }
  }

  onEnd(): void {
    if (this.over) return
    if (this.inBody && this.#parser.finish()) this.#finish(0)
    this.#lose(undefined)
  }

  onDrain(): void {
    const drained = this.#drained
    this.#drained = undefined
    drained?.resolve()
  }

  onClose(error: Error | undefined): void {
    this.#lose(error)
    this.onDrain()
  }

  // Reading

  /** @returns where it stopped: before a head that is cut, else at the end. */
  #take(bytes: Uint8Array, start: number, end: number): number {
    // Requests that are sent while this runs leave later: nothing in here answers them.
    let answerable = this.#outstanding.length
    let at = start
    while (at < end && !this.over) {
      if (answerable === 0) this.#lose(undefined)
      else if (this.inBody) at = this.#takeBody(bytes, at, end)
      else {
        const next = this.#takeHead(bytes, at, end)
        if (next === -1) return at
        at = next
      }
      if (!this.over && !this.#fresh && this.#parser.bodyComplete) {
        answerable--
        this.#finish(answerable === 0 ? end - at : 0)
      }
    }
    return end
  }

  /** @returns where the head ended, or -1 where it is not complete. */
  #takeHead(bytes: Uint8Array, at: number, end: number): number {
    const parser = this.#parser
    const exchange = this.#outstanding.first!
    if (this.#fresh) parser.reset(exchange.request.headOnly)
    this.#fresh = false
    const outcome = parser.parseHead(bytes, at, end)
    if (outcome === headIncomplete) return -1
    if (outcome !== headComplete) this.#refuse()
    else if (parser.status < 200) this.#interim()
    else {
      this.inBody = !parser.bodyComplete
      this.#interims = 0
      if (!exchange.over) {
        this.#head.point(bytes, at)
        exchange.handler.onHead(this.#head)
        this.#head.point(nothing, 0)
      }
    }
    return at + parser.headEnd
  }

  #takeBody(bytes: Uint8Array, at: number, end: number): number {
    const parser = this.#parser
    const exchange = this.#outstanding.first!
    const next = parser.readBody(bytes, at, end)
    if (parser.failure !== undefined) this.#refuse()
    else if (parser.pieceEnd > parser.pieceStart && !exchange.over) {
      exchange.handler.onData(bytes, parser.pieceStart, parser.pieceEnd)
    }
    return next
  }

  #interim(): void {
    this.#fresh = true
    if (++this.#interims > this.#owner.options.interimMax) {
      this.#failFirst(responseError('header-bytes'))
    }
  }

  /** The answer is complete. @param surplus bytes behind it that answer nothing. */
  #finish(surplus: number): void {
    const parser = this.#parser
    const exchange = this.#outstanding.shift()!
    const { trailers } = parser
    const stays = parser.keepAlive && surplus === 0 && !exchange.uploading
    this.answers++
    this.#fresh = true
    this.inBody = false
    this.#watch.restart(this.#owner.nowMs)
    if (stays) this.#owner.hasRoom(this)
    else this.#leave()
    exchange.connection = undefined
    if (!exchange.over) {
      exchange.over = true
      exchange.handler.onEnd(trailers)
    }
    if (!stays) this.#abandon(undefined)
  }

  // Ending

  /** For the sweep: is anything overdue? */
  look(nowMs: number): void {
    const overdue = this.#watch.look(this, nowMs)
    if (overdue === undefined) return
    if (overdue === 'idle') this.#lose(undefined)
    else if (this.open) this.#failFirst(overdue)
    else this.#lose(overdue)
  }

  /** Ends it; what is outstanding fails with this error. */
  destroy(error: QpsError): void {
    for (let index = 0; index < this.#outstanding.length; index++) this.#outstanding.at(index).fail(error)
    this.#lose(error)
  }

  #refuse(): void {
    this.#failFirst(responseError(this.#parser.failure!))
  }

  /** The oldest request fails for a reason of its own, and the others with the connection. */
  #failFirst(error: QpsError): void {
    this.#outstanding.first?.fail(error)
    this.#lose(undefined)
  }

  #lose(cause: unknown): void {
    if (this.over) return
    this.#leave(this.open ? undefined : this.#owner.connectFailure(cause))
    this.#abandon(cause)
  }

  /** Takes no more requests. */
  #leave(error?: QpsError): void {
    this.over = true
    this.#owner.gone(this, error)
  }

  /** Tells what is outstanding that no answer will come, and closes. Those that got no byte may be sent again. */
  #abandon(cause: unknown): void {
    const isTouched = !this.#fresh
    const wasReused = this.answers > 0
    this.output.destroy()
    for (let index = this.#outstanding.length - 1; index >= 0; index--) {
      const exchange = this.#outstanding.at(index)
      if (exchange.over) continue
      const isUntouched = (index > 0 || !isTouched) && exchange.request.repeatable
      if (isUntouched && wasReused && this.#owner.again(exchange)) continue
      exchange.fail(closedError(this.#owner.where, isUntouched, cause))
    }
    this.onDrain()
  }
}
