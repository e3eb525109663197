import { BodyReader } from '../body-reader.ts'
import { FieldSection, sectionComplete, sectionIncomplete, sectionTooMany } from '../field-section.ts'
import { checkLimits, type MessageLimits } from '../message-limits.ts'
import { headComplete, headFailed, headIncomplete } from '../request-parser.ts'
import type { Trailer } from '../trailers.ts'
import { ResponseFields } from './response-fields.ts'
import { lineComplete, lineIncomplete, StatusLine } from './status-line.ts'

/** Why a response is refused. */
export type ResponseFailure = 'malformed' | 'upgrade' | 'header-bytes' | 'header-fields' | 'body'

/** The bounds of one response. */
export type ResponseLimits = MessageLimits

/*
 *              parseHead                     readBody
 *   ┌───────────────────────────────────┐   ┌──────────┐
 *   statusLine ──► fields ──► judged ──► behind: the body's reader goes on
 *   Every state may end in `failed`, and stays there until `reset`.
 */
const statusLine = 0
const headerFields = 1
const behind = 2
const failed = 3

/**
 * Reads HTTP/1.0 and HTTP/1.1 responses from bytes, strictly, into numbers: the counterpart of `RequestParser`, by the same
 * contract. It owns no bytes; offsets point into the caller's, relative to where the message begins, which the caller keeps
 * until it is done with the head. The verdict, the offsets and the content are the same however the input is cut. Time is
 * linear in the bytes.
 *
 * **Where a response ends** (RFC 9112 section 6.3): at its head for HEAD, 1xx, 204 and 304; behind the last chunk; after
 * Content-Length bytes; else with the connection. A length beside a coding, a length or a coding twice, another coding
 * than `chunked`, or one in HTTP/1.0, could end somewhere else for another recipient: refused. So are a coding or a length
 * in a 1xx. A 204 that announces content is complete, as the RFC has it, and ends the connection.
 *
 * An interim response (1xx) is a message of its own: call `reset` behind it. 101 is refused: nobody asked for it.
 *
 * @example
 * const parser = new ResponseParser({ headerBytesMax: 16384, headerFieldsMax: 100, bodyBytesMax: 1048576 })
 * parser.reset(false)
 * const bytes = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
 * parser.parseHead(bytes, 0, bytes.length) // headComplete
 * parser.readBody(bytes, parser.headEnd, bytes.length)
 * bytes.latin1Slice(parser.pieceStart, parser.pieceEnd) // 'hi'
 */
export class ResponseParser {
  /** Why the response is refused. `undefined` while all is well. */
  failure: ResponseFailure | undefined = undefined
  /** Behind the empty line: where the body, or the next message, begins. */
  headEnd = 0
  /** May another response follow on this connection (RFC 9112 section 9.3)? */
  keepAlive = false

  readonly #limits: ResponseLimits
  readonly #line = new StatusLine()
  readonly #section = new FieldSection()
  readonly #control = new ResponseFields()
  readonly #body: BodyReader
  #state = statusLine
  #headOnly = false

  /**
   * @param limits `headerBytesMax`: status line, header fields and the empty line, chunk extensions and trailers; at most
   * 2^30. `headerFieldsMax`: header and trailer fields. `bodyBytesMax`: content, without framing.
   * @throws QpsError QPS_OPTION where a limit is no whole number in range.
   */
  constructor(limits: ResponseLimits) {
    this.#limits = checkLimits(limits)
    this.#body = new BodyReader(this.#limits)
  }

  get status(): number {
    return this.#line.status
  }
  /** Of HTTP/1.x: 0 or 1. */
  get versionMinor(): number {
    return this.#line.versionMinor
  }
  get reasonStart(): number {
    return this.#line.reasonStart
  }
  get reasonEnd(): number {
    return this.#line.reasonEnd
  }
  get fieldCount(): number {
    return this.#section.count
  }
  /** Four numbers per field: nameStart, nameEnd, valueStart, valueEnd; values without the blanks around them. Valid until `reset`. */
  get fields(): Int32Array {
    return this.#section.fields
  }
  /** The value of Content-Length, or -1. */
  get contentLength(): number {
    return this.#control.contentLength
  }
  /** Does the body come in chunks? */
  get chunked(): boolean {
    return this.#control.chunked
  }
  /** The content that the last {@link readBody} found: `bytes[pieceStart]` up to and not including `bytes[pieceEnd]`. */
  get pieceStart(): number {
    return this.#body.pieceStart
  }
  get pieceEnd(): number {
    return this.#body.pieceEnd
  }
  /** Content so far, in bytes. */
  get bodyBytes(): number {
    return this.#body.contentBytes
  }
  /** The fields behind a chunked body. */
  get trailers(): readonly Trailer[] {
    return this.#body.trailers
  }
  /** Was the whole message read? True at once behind a head without a body. */
  get bodyComplete(): boolean {
    return this.#body.complete
  }

  /** Expects a new message. @param headOnly it answers HEAD: no content follows, whatever its fields say. */
  reset(headOnly: boolean): void {
    this.failure = undefined
    this.#headOnly = headOnly
    this.#state = statusLine
    this.#line.reset()
    this.#body.reset()
  }

  /** As `RequestParser.parseHead`: `headIncomplete`, `headComplete` or `headFailed`. */
  parseHead(bytes: Uint8Array, start: number, end: number): number {
    const latest = Math.min(end, start + this.#limits.headerBytesMax)
    if (this.#state === statusLine) this.#readLine(bytes, start, latest)
    if (this.#state === headerFields) this.#readFields(bytes, start, latest)
    if (this.#state <= headerFields) {
      if (latest === end) return headIncomplete
      this.#fail('header-bytes')
    }
    return this.#state === failed ? headFailed : headComplete
  }

  /** As `RequestParser.readBody`: stops behind one piece of content, at `end` or at the body's end. @returns where to go on. */
  readBody(bytes: Uint8Array, at: number, end: number): number {
    const next = this.#body.read(bytes, at, end)
    if (this.#body.failure !== undefined) this.#fail(this.#body.failure)
    return next
  }

  /** The server has ended in order. @returns true where that completes the response. */
  finish(): boolean {
    return this.#body.finish()
  }

  #fail(failure: ResponseFailure): void {
    this.failure = failure
    this.#state = failed
  }

  #readLine(bytes: Uint8Array, start: number, end: number): void {
    const line = this.#line
    const outcome = line.read(bytes, start, end)
    if (outcome === lineIncomplete) return
    if (outcome !== lineComplete) return this.#fail('malformed')
    this.#section.reset(line.at, this.#limits.headerFieldsMax)
    this.#state = headerFields
  }

  #readFields(bytes: Uint8Array, start: number, end: number): void {
    const outcome = this.#section.read(bytes, start, end)
    if (outcome === sectionIncomplete) return
    if (outcome !== sectionComplete) return this.#fail(outcome === sectionTooMany ? 'header-fields' : 'malformed')
    this.headEnd = this.#section.at
    if (!this.#control.weigh(bytes, start, this.#section, this.versionMinor)) return this.#fail('malformed')
    this.keepAlive = this.#control.keepAlive
    this.#judge()
  }

  /** The head is complete and right: what follows it? */
  #judge(): void {
    const { contentLength, chunked } = this.#control
    const { status } = this.#line
    const announces = chunked || contentLength > 0
    if (status === 101) return this.#fail('upgrade')
    if (status < 200 && (chunked || contentLength !== -1)) return this.#fail('malformed')
    if (status === 204 && announces) this.keepAlive = false
    if (this.#headOnly || status < 200 || status === 204 || status === 304) this.#body.expectNothing()
    else if (chunked) this.#body.expectChunks(this.headEnd, this.fieldCount)
    else if (contentLength !== -1) this.#body.expectLength(contentLength)
    else {
      this.keepAlive = false
      this.#body.expectRest()
    }
    this.#state = behind
    if (this.#body.failure !== undefined) this.#fail(this.#body.failure)
  }
}
