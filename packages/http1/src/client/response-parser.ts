import { checkInteger } from '@qps/core'
import { chunkEnded, ChunkFraming, chunkIncomplete, chunkSized, chunkTooLong } from '../chunked.ts'
import { FieldSection, sectionComplete, sectionIncomplete, sectionTooMany } from '../field-section.ts'
import { headComplete, headFailed, headIncomplete } from '../request-parser.ts'
import { type Trailer, TrailerReader, trailersTooLong } from '../trailers.ts'
import { ResponseFields } from './response-fields.ts'
import { lineComplete, lineIncomplete, StatusLine } from './status-line.ts'

/** Why a response is refused. */
export type ResponseFailure = 'malformed' | 'upgrade' | 'header-bytes' | 'header-fields' | 'body'

/** The bounds of one response. */
export interface ResponseLimits {
  headerBytesMax: number
  headerFieldsMax: number
  bodyBytesMax: number
}

/*
 *              parseHead                                        readBody
 *   ┌───────────────────────────────┐   ┌──────────────────────────────────────────────────────┐
 *   statusLine ───► fields ──► judged ──┬─► complete                                no body
 *                                       ├─► content ──► complete                    Content-Length
 *                                       ├─► framing ──► content ──► framing …       chunked
 *                                       │      └─ size 0 ──► trailers ──► complete
 *                                       └─► untilClose ── finish ──► complete       neither
 *   Every state but `complete` may end in `failed`, and stays there until `reset`.
 */
const statusLine = 0
const headerFields = 1
const content = 2
const framing = 3
const trailerFields = 4
const untilClose = 5
const complete = 6
const failed = 7

/** Offsets are stored in 32 bits, and a limit that large protects nobody. */
const sectionBytesMax = 2 ** 30
const noTrailers: readonly Trailer[] = Object.freeze([])

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
  /** The content that the last {@link readBody} found: `bytes[pieceStart]` up to and not including `bytes[pieceEnd]`. */
  pieceStart = 0
  pieceEnd = 0
  /** Content so far, in bytes. */
  bodyBytes = 0
  /** The fields behind a chunked body. */
  trailers: readonly Trailer[] = noTrailers

  readonly #limits: ResponseLimits
  readonly #line = new StatusLine()
  readonly #section = new FieldSection()
  readonly #control = new ResponseFields()
  readonly #framing = new ChunkFraming()
  #trailerReader: TrailerReader | undefined = undefined
  #state = statusLine
  #headOnly = false
  /** Of the content, or of the chunk's. */
  #bytesLeft = 0

  /**
   * @param limits `headerBytesMax`: status line, header fields and the empty line, chunk extensions and trailers; at most
   * 2^30. `headerFieldsMax`: header and trailer fields. `bodyBytesMax`: content, without framing.
   * @throws QpsError QPS_OPTION where a limit is no whole number in range.
   */
  constructor(limits: ResponseLimits) {
    this.#limits = {
      headerBytesMax: checkInteger('headerBytesMax', limits.headerBytesMax, { min: 1, max: sectionBytesMax }),
      headerFieldsMax: checkInteger('headerFieldsMax', limits.headerFieldsMax, { min: 1, max: sectionBytesMax / 4 }),
      bodyBytesMax: checkInteger('bodyBytesMax', limits.bodyBytesMax, { min: 0 }),
    }
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
  /** Was the whole message read? True at once behind a head without a body. */
  get bodyComplete(): boolean {
    return this.#state === complete
  }

  /** Expects a new message. @param headOnly it answers HEAD: no content follows, whatever its fields say. */
  reset(headOnly: boolean): void {
    this.failure = undefined
    this.bodyBytes = 0
    this.trailers = noTrailers
    this.#headOnly = headOnly
    this.#state = statusLine
    this.#line.reset()
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
    this.pieceStart = at
    this.pieceEnd = at
    let next = at
    while (next < end) {
      switch (this.#state) {
        case content:
          return this.#readContent(next, end)
        case framing:
          next = this.#readFraming(bytes, next, end)
          break
        case trailerFields:
          return this.#readTrailers(bytes, next, end)
        case untilClose:
          return this.#readRest(next, end)
        default:
          return next
      }
    }
    return next
  }

  /** The server has ended in order. @returns true where that completes the response. */
  finish(): boolean {
    if (this.#state === untilClose) this.#state = complete
    return this.#state === complete
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
    if (this.#headOnly || status < 200 || status === 204 || status === 304) this.#state = complete
    else if (contentLength > this.#limits.bodyBytesMax) this.#fail('body')
    else if (chunked) {
      this.#framing.reset(this.#limits.headerBytesMax - this.headEnd)
      this.#state = framing
    } else if (contentLength === -1) {
      this.keepAlive = false
      this.#state = untilClose
    } else {
      this.#bytesLeft = contentLength
      this.#state = contentLength > 0 ? content : complete
    }
  }

  #readContent(at: number, end: number): number {
    const taken = Math.min(this.#bytesLeft, end - at)
    this.#piece(at, at + taken)
    this.#bytesLeft -= taken
    if (this.#bytesLeft === 0) {
      if (this.chunked) this.#framing.expectEnd()
      this.#state = this.chunked ? framing : complete
    }
    return at + taken
  }

  #readRest(at: number, end: number): number {
    if (end - at > this.#limits.bodyBytesMax - this.bodyBytes) this.#fail('body')
    else this.#piece(at, end)
    return end
  }

  #piece(start: number, end: number): void {
    this.pieceStart = start
    this.pieceEnd = end
    this.bodyBytes += end - start
  }

  #readFraming(bytes: Uint8Array, at: number, end: number): number {
    const outcome = this.#framing.read(bytes, at, end)
    if (outcome === chunkSized) this.#expectContent(this.#framing.size)
    else if (outcome === chunkTooLong) this.#fail('header-bytes')
    else if (outcome !== chunkIncomplete && outcome !== chunkEnded) this.#fail('malformed')
    return this.#framing.at
  }

  #expectContent(size: number): void {
    if (size > this.#limits.bodyBytesMax - this.bodyBytes) return this.#fail('body')
    this.#bytesLeft = size
    this.#state = content
    if (size > 0) return
    this.#trailerReader ??= new TrailerReader()
    this.#trailerReader.reset(this.#framing.extensionRoom, this.#limits.headerFieldsMax - this.fieldCount)
    this.#state = trailerFields
  }

  #readTrailers(bytes: Uint8Array, at: number, end: number): number {
    const reader = this.#trailerReader!
    const outcome = reader.read(bytes, at, end)
    if (outcome === sectionComplete) {
      this.trailers = reader.trailers
      this.#state = complete
    } else if (outcome === trailersTooLong) this.#fail('header-bytes')
    else if (outcome === sectionTooMany) this.#fail('header-fields')
    else if (outcome !== sectionIncomplete) this.#fail('malformed')
    return reader.at
  }
}
