import { type RefusalReason, refusals } from '@qps/http-contract'
import type { Connection, ConnectionHandler } from '@qps/netpoll'
import { headComplete, headIncomplete, type RequestParser } from '../request-parser.ts'
import { type BodySink, type BodySource, RequestBody } from './body.ts'
import { Request } from './request.ts'
import { Response, type ResponseOwner } from './response.ts'
import type { HttpServer } from './server.ts'

/** What the connection expects next. */
const phase = { head: 0, body: 1, answer: 2, over: 3 } as const
type Phase = (typeof phase)[keyof typeof phase]

const continueLines = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n', 'latin1')
const nothing = new Uint8Array(0)

/**
 * One client. Requests are taken one after the other: the next one is read when the answer to the one before is complete,
 * so answers cannot come in another order. What a client sends ahead waits, at most `carryBytesMax`; then the connection is
 * not read any more.
 *
 *        ┌────────────── the next request ◄─────────────┐
 *        ▼                                              │
 *      head ──► body ──► (body complete, answer ended) ─┘
 *        │        │
 *        └────────┴──► over: refused, told to close, or broken; input is dropped
 *
 * Bytes are parsed where the poller received them. Only what is left of a request that is cut, or waits, is copied.
 */
export class HttpConnection implements ConnectionHandler, BodySource, ResponseOwner {
  readonly output: Connection
  versionMinor = 1
  headOnly = false

  // What the sweep looks at (watch.ts); all times in ms of the server's clock, as of the sweep or turn before.
  readonly openedAtMs: number
  /** The first byte of the request was seen. */
  requestAtMs: number
  /** `bytesRead` when the request began. */
  requestFromBytes = 0
  /** Where its body began, likewise. */
  bodyFromBytes = 0
  /** Refused: input is only dropped from then on. */
  lingeringSinceMs = -1
  /** For the watch's own notes. */
  readonly notes: WatchNotes
  /** What an adapter keeps per connection; told when the connection is gone. */
  attached: { onClose(): void } | undefined

  readonly #server: HttpServer
  /** Leased from the server while a request is on its way or being answered. */
  #parser: RequestParser | undefined
  #phase: Phase = phase.head
  #request: Request | undefined
  #response: Response | undefined
  #body: BodySink | undefined
  /** Input that waits: of a request that is cut, or of the next ones. `carryEnd` is 0 where there is none. */
  #carry: Uint8Array = nothing
  #carryEnd = 0
  /** In the parsing loop: an answer that ends now needs no loop of its own. */
  #parsing = false
  #keepsAlive = true
  /** The answer has said that the connection closes. */
  #told = false
  #continues = false
  #held = false
  /** More input of the same client lies behind the request that is being answered. */
  #behind = false
  #peerEnded = false

  constructor(server: HttpServer, output: Connection) {
    this.#server = server
    this.output = output
    this.openedAtMs = server.nowMs
    this.requestAtMs = server.nowMs
    this.notes = { movedAtMs: server.nowMs, bytesRead: 0, bytesSent: 0, stalledSinceMs: -1, inCrowd: false }
  }

  get remoteAddress(): string {
    return this.output.remoteAddress
  }

  /** A request is being answered. */
  get inFlight(): boolean {
    return this.#response !== undefined
  }

  /** Between two requests: nothing to answer, and not a byte of the next one has come. */
  get isAtRest(): boolean {
    return this.#phase === phase.head && this.#carryEnd === 0 && this.#parser === undefined
  }

  /** A head is on its way: it has begun, or the connection has never asked anything. */
  get isReceivingHead(): boolean {
    return this.#phase === phase.head && (this.#carryEnd > 0 || this.output.bytesRead === 0)
  }

  /** A body is on its way, and we are reading. */
  get isReceivingBody(): boolean {
    return this.#phase === phase.body && !this.#held
  }

  // Input

  onData(bytes: Uint8Array, start: number, end: number): void {
    if (this.#phase === phase.over) return
    if (this.#carryEnd === 0 && this.#phase !== phase.answer && !this.#server.holding) {
      const at = this.#take(bytes, start, end)
      if (at < end) this.#keep(bytes, at, end)
      return
    }
    this.#keep(bytes, start, end)
    if (this.#phase !== phase.answer) this.takeCarried()
  }

  onEnd(): void {
    this.#peerEnded = true
    // Half a body is no request.
    if (this.#phase === phase.body && this.#response !== undefined) return this.refuse('malformed')
    this.#response?.watcher?.onPeerEnd()
    // Whoever has asked may still be waiting for the answer; whoever has not, has nothing to wait for.
    if (this.#response === undefined) this.#leave()
  }

  onDrain(): void {
    this.#response?.onDrain()
  }

  onClose(): void {
    this.#phase = phase.over
    this.#body?.fail('the connection closed')
    const response = this.#response
    if (response !== undefined) {
      response.abandon()
      this.#finish(false)
    }
    this.#giveParser()
    this.#server.forget(this)
    this.attached?.onClose()
  }

  /** Goes on with input that waited. Called from a turn or a microtask of its own, never from a handler. */
  takeCarried(): void {
    if (this.#phase === phase.over || this.#phase === phase.answer || this.#carryEnd === 0 || this.#server.holding)
      return
    const carry = this.#carry
    const end = this.#carryEnd
    // The carry's memory may still be a request's head: what is left moves to memory of its own.
    this.#carryEnd = 0
    this.#carry = nothing
    const at = this.#take(carry, 0, end)
    if (at < end) {
      if (at === 0 && this.#carryEnd === 0) {
        this.#carry = carry
        this.#carryEnd = end
      } else this.#keep(carry, at, end)
    }
    // Taking input has moved the phase on, which the compiler cannot see.
    const now = this.#phase as Phase
    if (this.#held && this.#carryEnd <= this.#server.carryBytesMax && now !== phase.answer) this.#release()
    // What the client sent before it ended is answered; what it did not finish is not.
    if (this.#peerEnded && this.#response === undefined) this.#leave()
  }

  /** @returns where it stopped; what is left must be kept, unless the connection is over. */
  #take(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    this.#parsing = true
    while (at < end) {
      if (this.#phase === phase.head) {
        const next = this.#takeHead(bytes, at, end)
        if (next === -1) break
        at = next
      } else if (this.#phase === phase.body) at = this.#takeBody(bytes, at, end)
      else break
    }
    this.#parsing = false
    return this.#phase === phase.over ? end : at
  }

  /** @returns where the head ended, or -1 where it is not complete. */
  #takeHead(bytes: Uint8Array, at: number, end: number): number {
    const server = this.#server
    if (this.#parser === undefined) {
      this.#parser = server.takeParser()
      this.requestAtMs = server.nowMs
      this.requestFromBytes = this.output.bytesRead - (end - at)
    }
    const parser = this.#parser
    const outcome = parser.parseHead(bytes, at, end)
    if (outcome === headIncomplete) return -1
    if (outcome !== headComplete) {
      this.refuse(parser.failure!)
      return end
    }
    const next = at + parser.headEnd
    this.#begin(bytes, at, next < end)
    return next
  }

  #begin(bytes: Uint8Array, at: number, behind: boolean): void {
    const parser = this.#parser!
    const server = this.#server
    this.versionMinor = parser.versionMinor
    this.headOnly = parser.method === server.headMethod
    this.#keepsAlive = parser.keepAlive
    this.#continues = parser.expectsContinue
    this.#behind = behind && parser.bodyComplete
    const request = (this.#request = new Request(this, parser, bytes, at))
    const response = (this.#response = new Response(this))
    if (parser.bodyComplete) this.#phase = phase.answer
    else {
      this.#phase = phase.body
      this.bodyFromBytes = this.output.bytesRead
    }
    server.handle(request, response, this)
    // Not ended yet: the handler goes on later, when this memory holds something else.
    if (this.#response === response) request.keep()
  }

  #takeBody(bytes: Uint8Array, at: number, end: number): number {
    const parser = this.#parser!
    const next = parser.readBody(bytes, at, end)
    if (parser.failure !== undefined) {
      this.refuse(parser.failure)
      return end
    }
    this.#body?.push(bytes, parser.pieceStart, parser.pieceEnd)
    if (parser.bodyComplete) {
      this.#body?.finish(parser.trailers)
      if (this.#response === undefined) this.#next()
      else {
        this.#phase = phase.answer
        this.#behind = next < end
      }
    }
    return next
  }

  /** Copies input that cannot be parsed yet behind what waits already. */
  #keep(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.#carryEnd + end - start
    if (needed > this.#carry.length) {
      const grown = new Uint8Array(Math.max(512, 2 * needed))
      grown.set(this.#carry.subarray(0, this.#carryEnd))
      this.#carry = grown
    }
    this.#carry.set(bytes.subarray(start, end), this.#carryEnd)
    this.#carryEnd = needed
    this.#behind = true
    if (needed > this.#server.carryBytesMax) this.holdBody()
  }

  // The request's body

  /** Makes the body readable: its pieces are kept from now on. */
  openBody(): RequestBody {
    const body = new RequestBody(this)
    this.openBodyInto(body)
    return body
  }

  /** The same, for an adapter's own. Once per request. */
  openBodyInto(body: BodySink): void {
    this.#body = body
    if (this.#phase === phase.answer) body.finish(this.#parser!.trailers)
    else if (this.#phase === phase.over) body.fail('the connection closed')
    else if (this.#peerEnded) body.fail('the client ended the connection')
  }

  wantBody(): void {
    if (this.#continues && this.#response !== undefined && !this.#response.headersSent) {
      this.#continues = false
      this.output.write(continueLines)
    }
    this.#release()
  }

  holdBody(): void {
    if (this.#held) return
    this.#held = true
    this.output.pause()
  }

  #release(): void {
    if (!this.#held) return
    this.#held = false
    this.output.resume()
  }

  // The answer

  keepsAlive(): boolean {
    // A client that waits for `100 Continue` and gets an answer instead may or may not send the body: nobody can tell.
    if (this.#continues) this.#keepsAlive = false
    // Only the last of the requests that came together may be told that the connection closes.
    else if ((this.#server.draining || this.#peerEnded) && !this.#behind) this.#keepsAlive = false
    if (!this.#keepsAlive) this.#told = true
    return this.#keepsAlive
  }

  closesAfterwards(): void {
    this.#keepsAlive = false
    this.#told = true
  }

  responseEnded(): void {
    this.#finish(true)
    if (this.#phase === phase.over) return
    if (this.#told || !this.#keepsAlive) this.#leave()
    else if (this.#phase === phase.answer) {
      this.#next()
      if (!this.#parsing && this.#carryEnd > 0) queueMicrotask(() => this.takeCarried())
      if (!this.#parsing && this.#held) this.#release()
    } else if (this.#held) {
      // The rest of the body is of no interest: it is read and dropped.
      this.#body = undefined
      this.#release()
    }
  }

  /** Turns the client away: says why, reads on for a while so that it gets to read that, then closes. */
  refuse(reason: RefusalReason): void {
    if (this.#phase === phase.over) return
    const response = this.#response
    const said = response !== undefined && response.headersSent
    this.#phase = phase.over
    this.#body?.fail(refusals[reason].message)
    if (response !== undefined) {
      response.statusCode = said ? response.statusCode : refusals[reason].status
      response.abandon()
      this.#finish(true)
    }
    this.#server.refused(this, reason)
    // An answer that is under way already can only be broken off.
    if (said) return this.output.destroy()
    const { bytes, lingers } = this.#server.refusal(reason)
    this.output.write(bytes)
    this.output.end()
    this.lingeringSinceMs = this.#server.nowMs
    this.notes.lingerFromBytes = this.output.bytesRead
    if (!lingers) this.notes.closesWhenSent = true
    this.#release()
  }

  /** The connection ends in order: FIN behind the last answer, then a while for the client to do the same. */
  #leave(): void {
    if (this.#phase === phase.over) return
    this.#phase = phase.over
    this.output.end()
    this.lingeringSinceMs = this.#server.nowMs
    this.notes.lingerFromBytes = this.output.bytesRead
    this.#release()
  }

  #finish(answered: boolean): void {
    const request = this.#request!
    const response = this.#response!
    this.#request = undefined
    this.#response = undefined
    this.#server.done(request, response, answered)
    request.release()
  }

  /** The message is over: ready for the next one. */
  #next(): void {
    this.#phase = phase.head
    this.#body = undefined
    this.#giveParser()
  }

  #giveParser(): void {
    const parser = this.#parser
    if (parser === undefined) return
    this.#parser = undefined
    this.#server.giveParser(parser)
  }
}

/** What the sweep remembers from one look to the next. */
export interface WatchNotes {
  movedAtMs: number
  bytesRead: number
  bytesSent: number
  stalledSinceMs: number
  /** Idle, or with an unfinished head, while connections were scarce. */
  inCrowd: boolean
  /** `bytesRead` when lingering began. */
  lingerFromBytes?: number
  /** Nobody waits for the client to read the refusal. */
  closesWhenSent?: boolean
}
