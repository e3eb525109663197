import { BodyReader } from './body-reader.ts'
import { ControlFields, type HeadFailure } from './control-fields.ts'
import { FieldSection, sectionComplete, sectionIncomplete, sectionTooMany } from './field-section.ts'
import { checkLimits, type MessageLimits } from './message-limits.ts'
import { lineComplete, lineConnect, lineIncomplete, RequestLine } from './request-line.ts'
import type { Trailer } from './trailers.ts'

export type { HeadFailure }

/** The bounds of one request. */
export type RequestLimits = MessageLimits

/** What {@link RequestParser.parseHead} says. */
export const headIncomplete = 0
export const headComplete = 1
export const headFailed = 2

/*
 *              parseHead                      readBody
 *   ┌────────────────────────────────────┐   ┌───────────┐
 *   requestLine ──► fields ──► judged ──► behind: the body's reader goes on
 *   Every state may end in `failed`, and stays there until `reset`.
 */
const requestLine = 0
const headerFields = 1
const behind = 2
const failed = 3

/**
 * Reads HTTP/1.0 and HTTP/1.1 requests from bytes, strictly, into numbers: no string or object is made unless a request
 * has trailers, or more fields than one before it.
 *
 * **Contract.** It owns no bytes: offsets point into the caller's, relative to where the message begins, which the caller
 * keeps until it is done with the head. The verdict, the offsets and the content are the same however the input is cut.
 * Time is linear in the bytes. A request that two parsers could understand in two ways is refused (RFC 9112 section 11.2),
 * and so is what exceeds the limits; `failure` says why, and nothing behind a failure may be processed.
 *
 * **Strictness**, where RFC 9112 leaves a choice: lines end in CRLF; one blank between the parts of the request line;
 * Host exactly once and a host; Content-Length once, digits; Transfer-Encoding once, `chunked`, in 1.1, without
 * Content-Length; no folded lines; no control characters but tab in a value. CONNECT is refused: this is for origins.
 *
 * One parser serves one connection, message after message, or whoever has a whole message at hand.
 *
 * @example
 * const parser = new RequestParser(httpLimits)
 * const bytes = Buffer.from('GET /a?b HTTP/1.1\r\nHost: example.org\r\n\r\n')
 * parser.parseHead(bytes, 0, bytes.length) // headComplete
 * bytes.latin1Slice(parser.targetStart, parser.pathEnd) // '/a'
 */
export class RequestParser {
  /** Why the request is refused. `undefined` while all is well. */
  failure: HeadFailure | undefined = undefined
  /** Behind the empty line: where the body, or the next message, begins. */
  headEnd = 0

  readonly #limits: RequestLimits
  readonly #line = new RequestLine()
  readonly #section = new FieldSection()
  readonly #control = new ControlFields()
  readonly #body: BodyReader
  #state = requestLine

  /**
   * @param limits `headerBytesMax`: request line, header fields and the empty line, with the empty lines before them, chunk
   * extensions and trailers; at most 2^30. `headerFieldsMax`: header and trailer fields. `bodyBytesMax`: content, without framing.
   * @throws QpsError QPS_OPTION where a limit is no whole number in range.
   */
  constructor(limits: RequestLimits) {
    this.#limits = checkLimits(limits)
    this.#body = new BodyReader(this.#limits)
  }

  /** Index into `methods` of @qps/http-contract. */
  get method(): number {
    return this.#line.method
  }
  get methodStart(): number {
    return this.#line.methodStart
  }
  get methodEnd(): number {
    return this.#line.methodEnd
  }
  get targetStart(): number {
    return this.#line.targetStart
  }
  get targetEnd(): number {
    return this.#line.targetEnd
  }
  /** Where the target's query or fragment begins, or `targetEnd`. An absolute-form target begins with its scheme. */
  get pathEnd(): number {
    return this.#line.pathEnd
  }
  /** Of HTTP/1.x: 0 or 1. */
  get versionMinor(): number {
    return this.#line.versionMinor
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
  /** Is the body sent in chunks? */
  get chunked(): boolean {
    return this.#control.chunked
  }
  /** May another request follow on this connection (RFC 9112 section 9.3)? `close` beats `keep-alive`. */
  get keepAlive(): boolean {
    return this.#control.keepAlive
  }
  /** Does the client wait for `100 Continue` (RFC 9110 section 10.1.1)? HTTP/1.0 never does. */
  get expectsContinue(): boolean {
    return this.#control.expectsContinue
  }
  /** Index of the Host field, or -1, which HTTP/1.0 may do. */
  get hostField(): number {
    return this.#control.hostField
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

  /** Expects a new message. */
  reset(): void {
    this.failure = undefined
    this.#state = requestLine
    this.#line.reset()
    this.#body.reset()
  }

  /**
   * Reads the head of the message that begins at `bytes[start]`. Asked again with more of the same message behind,
   * wherever it lies by then, it goes on where it stopped.
   *
   * @returns {@link headIncomplete}: ask again with more; {@link headComplete}: go on at `start + headEnd`, with the body;
   * {@link headFailed}: `failure` says why.
   */
  parseHead(bytes: Uint8Array, start: number, end: number): number {
    const latest = Math.min(end, start + this.#limits.headerBytesMax)
    if (this.#state === requestLine) this.#readLine(bytes, start, latest)
    if (this.#state === headerFields) this.#readFields(bytes, start, latest)
    if (this.#state <= headerFields) {
      if (latest === end) return headIncomplete
      this.#fail('header-bytes')
    }
    return this.#state === failed ? headFailed : headComplete
  }

  /**
   * Reads on in the body, behind a complete head. Stops behind one piece of content, at `end` or at the body's end.
   *
   * @returns where to go on: at the next call while `bodyComplete` is false, with the next message when it is true.
   * On `failure` nothing behind may be processed.
   */
  readBody(bytes: Uint8Array, at: number, end: number): number {
    const next = this.#body.read(bytes, at, end)
    if (this.#body.failure !== undefined) this.#fail(this.#body.failure)
    return next
  }

  #fail(failure: HeadFailure): void {
    this.failure = failure
    this.#state = failed
  }

  #readLine(bytes: Uint8Array, start: number, end: number): void {
    const line = this.#line
    const outcome = line.read(bytes, start, end)
    if (outcome === lineIncomplete) return
    if (outcome !== lineComplete) return this.#fail(outcome === lineConnect ? 'connect' : 'malformed')
    this.#section.reset(line.at, this.#limits.headerFieldsMax)
    this.#state = headerFields
  }

  #readFields(bytes: Uint8Array, start: number, end: number): void {
    const outcome = this.#section.read(bytes, start, end)
    if (outcome === sectionIncomplete) return
    if (outcome !== sectionComplete) return this.#fail(outcome === sectionTooMany ? 'header-fields' : 'malformed')
    this.headEnd = this.#section.at
    const failure = this.#control.weigh(bytes, start, this.#section, this.versionMinor)
    if (failure !== undefined) return this.#fail(failure)
    if (this.chunked) this.#body.expectChunks(this.headEnd, this.fieldCount)
    else this.#body.expectLength(this.contentLength)
    this.#state = behind
    if (this.#body.failure !== undefined) this.#fail(this.#body.failure)
  }
}
