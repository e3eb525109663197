import { type RefusalReason, refusals } from '@qps/http-contract'
import type { Connection, ConnectionHandler } from '@qps/netpoll'
import { headComplete, headIncomplete } from '../request-parser.ts'
import { type BodySink, type BodySource, RequestBody } from './body.ts'
import { ConnectionState, phase } from './connection-state.ts'
import type { Request } from './request.ts'
import type { ResponseOwner } from './response-owner.ts'
import type { HttpServer } from './server.ts'

const continueLines = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n', 'latin1')

/**
 * One client. Requests are taken one after the other: the next one is read when the answer to the one before is complete,
 * so answers cannot come in another order. What a client sends ahead waits, at most `carryBytesMax` and what one read
 * brings; then the connection is not read any more. So does what it sends while it does not take its answers, and a body
 * that its handler has not asked for yet.
 *
 *        ┌────────────── the next request ◄─────────────┐
 *        ▼                                              │
 *      head ──► body ──► (body complete, answer ended) ─┘
 *        │        │
 *        └────────┴──► over: refused, told to close, or broken; input is dropped
 *
 * Bytes are parsed where the poller received them. Only what is left of a request that is cut, or waits, is copied.
 */
export class HttpConnection extends ConnectionState implements ConnectionHandler, BodySource, ResponseOwner {
  versionMinor = 1
  headOnly = false
  /** What an adapter keeps per connection; told when the connection is gone. */
  attached: { onClose(): void } | undefined

  readonly #server: HttpServer
  #request: Request | undefined
  /** In the parsing loop: an answer that ends now needs no loop of its own. */
  #parsing = false
  /** Nothing has been said, here or there, that ends it behind this answer. */
  #keepsAlive = true
  /** The client waits for `100 Continue`. */
  #continues = false
  /** More input of the same client lies behind the request that is being answered. */
  #behind = false
  #peerEnded = false

  constructor(server: HttpServer, output: Connection) {
    super(server, output)
    this.#server = server
  }

  /** The same as text, without the end of the line before. */
  get keepAliveText(): string {
    return this.#server.keepAliveText
  }

  get keepAliveLines(): Uint8Array {
    return this.#server.keepAliveLines
  }

  get remoteAddress(): string {
    return this.output.remoteAddress
  }

  // Input

  onData(bytes: Uint8Array, start: number, end: number): void {
    if (this.phase === phase.over) return
    if (this.restingShare !== -1) this.#server.wake(this)
    if (this.intake.carry.length === 0 && this.phase !== phase.answer && !this.#server.holding) {
      const at = this.#take(bytes, start, end)
      if (at < end) this.#keep(bytes, at, end)
      return
    }
    this.#keep(bytes, start, end)
    if (this.phase !== phase.answer) this.takeCarried()
  }

  onEnd(): void {
    this.#peerEnded = true
    if (this.restingShare !== -1) this.#server.wake(this)
    if (this.intake.carry.length > 0) this.takeCarried()
    else this.#inputEnded()
    this.response?.watcher?.onPeerEnd()
  }

  /** Nothing more comes, and what could be taken is. Whoever has asked may still be waiting for the answer. */
  #inputEnded(): void {
    if (this.phase === phase.over || this.isBodyUnasked) return
    if (this.response === undefined) this.#leave()
    // Half a body is no request.
    else if (this.phase === phase.body) this.refuse('malformed')
  }

  onDrain(): void {
    if (this.response === undefined) this.takeCarried()
    else this.response.onDrain()
  }

  onClose(): void {
    this.phase = phase.over
    this.intake.carry.drop()
    this.body?.fail('the connection closed')
    const response = this.response
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
    if (this.phase === phase.over || this.phase === phase.answer || this.#server.holding) return
    const { carry } = this.intake
    if (carry.length > 0) {
      // In place: a handler that goes on has a copy of its head, and bodies are copied by whoever keeps them.
      const { bytes, start, end } = carry
      const at = this.#take(bytes, start, end)
      if (at === end) carry.drop()
      else carry.parsedTo(at)
      this.intake.release()
    }
    // What the client sent before it ended is answered; what it did not finish is not.
    if (this.#peerEnded && (carry.length === 0 || !this.#isClogged)) this.#inputEnded()
  }

  /** @returns where it stopped; what is left must be kept, unless the connection is over. */
  #take(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    this.#parsing = true
    while (at < end) {
      if (this.phase === phase.head) {
        if (this.#isClogged) break
        const next = this.#takeHead(bytes, at, end)
        if (next === -1) break
        at = next
      } else if (this.phase === phase.body && !this.isBodyUnasked) at = this.#takeBody(bytes, at, end)
      else break
    }
    this.#parsing = false
    return this.phase === phase.over ? end : at
  }

  /** No further request is begun. A head that has begun stands in nobody's way, and belongs to the watch. */
  get #isClogged(): boolean {
    return this.parser === undefined && this.intake.isClogged
  }

  /** @returns where the head ended, or -1 where it is not complete. */
  #takeHead(bytes: Uint8Array, at: number, end: number): number {
    const server = this.#server
    if (this.parser === undefined) {
      this.parser = server.takeParser()
      this.intake.begin(end - at)
    }
    const parser = this.parser
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
    const parser = this.parser!
    const server = this.#server
    this.versionMinor = parser.versionMinor
    this.headOnly = parser.method === server.headMethod
    this.#keepsAlive = parser.keepAlive
    this.#continues = parser.expectsContinue && !parser.bodyComplete
    this.#behind = behind && parser.bodyComplete
    const { messages } = server
    const request = (this.#request = messages.takeRequest(this, parser, bytes, at))
    const response = (this.response = messages.takeResponse(this))
    if (parser.bodyComplete) this.phase = phase.answer
    else this.phase = phase.body
    const returned = server.handle(request, response, this)
    // Not ended yet: the handler goes on later, when this memory holds something else.
    if (this.response === response) request.keep()
    // A handler that has returned a promise may still look at them, behind the end.
    else if (returned) messages.give(request, response)
  }

  #takeBody(bytes: Uint8Array, at: number, end: number): number {
    const parser = this.parser!
    const next = parser.readBody(bytes, at, end)
    if (parser.failure !== undefined) {
      this.refuse(parser.failure)
      return end
    }
    // Whoever gets the content may end the answer there and then, and the connection with it.
    this.body?.push(bytes, parser.pieceStart, parser.pieceEnd)
    if (!parser.bodyComplete || this.#isOver) return next
    // The client has not waited for `100 Continue`.
    this.#continues = false
    this.#behind = next < end
    this.body?.finish(parser.trailers)
    if (this.#isOver) return end
    if (this.response === undefined) this.#next()
    else this.phase = phase.answer
    return next
  }

  /** For where the compiler believes that it knows the phase, and a call has changed it. */
  get #isOver(): boolean {
    return this.phase === phase.over
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    this.intake.keep(bytes, start, end)
    this.#behind = true
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
    this.body = body
    if (this.phase === phase.answer) body.finish(this.parser!.trailers)
    else if (this.phase === phase.over) body.fail('the connection closed')
    else if (!this.#parsing) {
      // It was not read while its handler had other things to do: that time is not the client's.
      this.intake.begin(0)
      this.#server.goOn(this)
    }
  }

  wantBody(): void {
    if (this.#continues && this.response !== undefined && !this.response.headersSent) {
      this.#continues = false
      this.output.write(continueLines)
    }
    this.intake.releaseBody()
  }

  holdBody(): void {
    // When the answer is over, the rest of the body is no reason to wait.
    if (this.response === undefined) return
    this.intake.holdBody()
  }

  // The answer

  keepsAlive(): boolean {
    // A client that waits for `100 Continue` and gets an answer instead may or may not send the body: nobody can tell.
    if (this.#continues) this.#keepsAlive = false
    // Only the last of the requests that came together may be told that the connection closes.
    else if ((this.#server.draining || this.#peerEnded) && !this.#behind) this.#keepsAlive = false
    return this.#keepsAlive
  }

  closesAfterwards(): void {
    this.#keepsAlive = false
  }

  responseEnded(): void {
    this.#finish(true)
    if (this.phase === phase.over) return
    if (this.phase === phase.body) this.body?.over?.()
    if (!this.#keepsAlive) return this.#leave()
    if (this.phase === phase.answer) this.#next()
    this.intake.releaseBody()
    if (this.#parsing) return
    if (this.intake.carry.length > 0) this.#server.goOn(this)
    else if (this.#peerEnded) this.#inputEnded()
  }

  /** Turns the client away: says why, reads on for a while so that it gets to read that, then closes. */
  refuse(reason: RefusalReason): void {
    if (this.phase === phase.over) return
    const response = this.response
    const said = response !== undefined && response.headersSent
    // The answer was given before its body was complete: another one would be taken for the next request's.
    if (this.phase === phase.body && response === undefined) {
      this.#server.refused(this, reason)
      return this.#leave()
    }
    this.phase = phase.over
    this.body?.fail(refusals[reason].message)
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
    this.notes.closesWhenSent = !lingers
    this.#linger()
  }

  /** The connection ends in order: FIN behind the last answer, then a while for the client to do the same. */
  #leave(): void {
    if (this.phase === phase.over) return
    this.phase = phase.over
    this.#linger()
  }

  #linger(): void {
    this.output.end()
    this.notes.linger(this.#server.nowMs, this.output.bytesRead)
    this.intake.discard()
  }

  #finish(answered: boolean): void {
    const request = this.#request!
    const response = this.response!
    this.#request = undefined
    this.response = undefined
    this.#server.done(request, response, answered)
    request.release()
  }

  /** The message is over: ready for the next one. */
  #next(): void {
    this.phase = phase.head
    this.body = undefined
    this.#giveParser()
  }

  #giveParser(): void {
    const parser = this.parser
    if (parser === undefined) return
    this.parser = undefined
    this.#server.giveParser(parser)
  }
}
