import { invariant, QpsError } from '@qps/core'
import { reserveBytesMax } from '@qps/netpoll'
import { checkStatus, type FieldValue, type FieldValues, PreparedFields, trailerLine } from './fields.ts'
import { closeLines, leaseAnswer, writeHeadLines, writeSmallAnswer } from './head-writer.ts'
import type { ResponseOwner, ResponseWatcher } from './response-owner.ts'
import { SetFields } from './set-fields.ts'

/** How the end of the content is told. */
const framing = { none: 0, length: 1, chunked: 2, close: 3 } as const
type Framing = (typeof framing)[keyof typeof framing]

const nothing = new Uint8Array(0)
const lineEnd = Uint8Array.from(Buffer.from('\r\n', 'latin1'))

/**
 * The answer to one request. The calls are those of Node's `ServerResponse`; what they write leaves at the end of the turn.
 *
 * - `end(body)` alone: Content-Length is counted.
 * - `write(piece)` first: chunked, unless Content-Length was set; to an HTTP/1.0 client the close is the end.
 * - 204, 304 and answers to HEAD have no content, whatever is written.
 *
 * Calls on a response whose connection is gone, or that has ended, do nothing: a client may leave at any moment.
 */
export class Response {
  /** Used where `writeHead` was not called with another. 100..599 */
  statusCode = 200
  /** The head is written: it can no longer be changed. */
  headersSent = false
  /** `end` was called, or the connection is gone. */
  ended = false
  /** It was ended by somebody else: the client left, or the server turned it away. */
  abandoned = false
  /** For adapters. */
  watcher: ResponseWatcher | undefined
  #owner: ResponseOwner
  #prepared: PreparedFields | undefined
  #set: SetFields | undefined
  #framing: Framing = framing.none
  #announced = -1
  #written = 0
  #trailers = ''
  #drainWait: PromiseWithResolvers<void> | undefined

  /** Where the lease of `reserve` ends, in `output`; -1 without one. */
  #leaseEnd = -1

  constructor(owner: ResponseOwner) {
    this.#owner = owner
  }

  /** Stands for another answer from now on. For the server, which knows that nobody holds it any more. */
  renew(owner: ResponseOwner): this {
    this.#owner = owner
    this.statusCode = 200
    this.headersSent = this.ended = this.abandoned = false
    this.watcher = undefined
    this.#prepared = this.#set = undefined
    this.#framing = framing.none
    this.#announced = this.#leaseEnd = -1
    this.#written = 0
    this.#trailers = ''
    this.#drainWait = undefined
    return this
  }

  /**
   * Sets a header field, in the place of one of the same name. Date, Keep-Alive and Transfer-Encoding are written by the
   * server, whatever is set. Content-Length counts where the content is written in pieces, and for answers to HEAD and 304;
   * a whole answer is measured. `connection: close` closes behind this answer.
   *
   * @throws QpsError QPS_HEADER for what a header field cannot carry; QPS_HEADERS_SENT when the head is written.
   */
  setHeader(name: string, value: FieldValue): this {
    this.#mustBeOpen(`set ${name}`)
    ;(this.#set ??= new SetFields()).set(name, value)
    return this
  }

  getHeader(name: string): FieldValue | undefined {
    return this.#set?.get(name)
  }

  removeHeader(name: string): this {
    this.#set?.remove(name)
    return this
  }

  /**
   * Sets the status, and fields in addition to those that were set.
   *
   * @param fields an object, or {@link PreparedFields}, which were checked and encoded once.
   * @throws QpsError as `setHeader`.
   */
  writeHead(status: number, fields?: FieldValues | PreparedFields): this {
    this.#mustBeOpen('write the head')
    this.statusCode = checkStatus(status)
    if (fields instanceof PreparedFields) this.#prepared = fields
    else if (fields !== undefined) for (const name of Object.keys(fields)) this.setHeader(name, fields[name]!)
    return this
  }

  /**
   * Writes a piece of content.
   *
   * @param piece a string as UTF-8; bytes are lent until they are sent.
   * @returns false when more waits than the high-water mark: stop until `drained()`.
   */
  write(piece: string | Uint8Array): boolean {
    if (this.ended) return false
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
    if (!this.headersSent) this.#streamHead()
    if (bytes.length === 0) return true
    return this.#content(bytes)
  }

  /**
   * Resolves when more may be written: at once where what waits is below the high-water mark, else when it has fallen to
   * the low-water mark; also when the connection is gone, see `ended`.
   *
   * @example if (!response.write(piece)) await response.drained()
   */
  drained(): Promise<void> {
    return this.ended ? Promise.resolve() : this.#whenDrained()
  }

  /**
   * Sets a field that follows the content, which is chunked then. Before `end`. HTTP/1.0, HEAD, 204, 304 and content with a
   * set length have no place for it: it is left out.
   *
   * @throws QpsError QPS_HEADER, also for a field that says how the message is to be read (RFC 9110 section 6.5.1).
   */
  addTrailer(name: string, value: string): this {
    this.#trailers += trailerLine(name, value)
    return this
  }

  /**
   * Ends the answer.
   *
   * @param body the last piece of content, or all of it. Bytes are lent until they are sent.
   */
  end(body: string | Uint8Array = ''): void {
    if (this.ended) return
    if (this.headersSent) this.#endStream(body)
    else if (this.#trailers === '') this.#whole(body)
    else {
      this.#streamHead()
      this.#endStream(body)
    }
    this.#over()
  }

  /**
   * Begins an answer whose content is written in place: the head is written into the memory that the kernel reads, and room
   * for the content is leased behind it. Fill all of it, in {@link output} from the returned offset on, then `commit`. The
   * two calls belong together: in between no `await`, and no other call of this response.
   *
   * @param status 200..599, with content: not 204, 304.
   * @param fields prepared; what `setHeader` has set is not written.
   * @param length of the content, exactly. With the head at most 4096 bytes.
   * @returns the offset; -1 where there is nothing to write, because only the head was asked for, or the client is gone: the
   * answer has ended then.
   * @throws QpsError QPS_ANSWER_TOO_LONG where it does not fit; QPS_HEADERS_SENT; QPS_STATUS.
   * @example
   * const at = response.reserve(200, json, 2)
   * if (at === -1) return
   * response.output[at] = 123
   * response.output[at + 1] = 125
   * response.commit()
   */
  reserve(status: number, fields: PreparedFields, length: number): number {
    if (this.ended) return -1
    this.#mustBeOpen('reserve')
    invariant(!hasNoContent(status), 'the status of an answer with content is not 204 or 304')
    const { output, headOnly } = this.#owner
    this.statusCode = status
    const room = headOnly ? 0 : length
    const at = leaseAnswer(output, fields, status, length, room, this.#connectionLine())
    if (at === -2) throw tooLong(length)
    this.headersSent = true
    if (at === -1 || headOnly) {
      if (at !== -1) output.commit(at)
      this.#over()
      return -1
    }
    this.#leaseEnd = at + room
    return at
  }

  /** The memory that {@link reserve} has leased room in. It may be another one after each `reserve`. */
  get output(): Uint8Array {
    return this.#owner.output.output
  }

  /** Ends the answer that `reserve` has begun. Does nothing where it has ended. */
  commit(): void {
    if (this.ended) return
    invariant(this.#leaseEnd !== -1, 'commit comes behind reserve')
    this.#owner.output.commit(this.#leaseEnd)
    this.#over()
  }

  /** `end` with the value as JSON, and its media type where none was set. */
  json(value: unknown): void {
    if (this.ended) return
    if (this.#prepared === undefined && this.getHeader('content-type') === undefined) this.#prepared = jsonFields
    this.end(JSON.stringify(value))
  }

  /** The connection is gone, or a refusal has taken this answer's place. For the server. */
  abandon(): void {
    this.ended = true
    this.abandoned = true
    this.#wake()
    this.watcher?.onAbandon()
  }

  /** Forgets what was set, for an answer of the server's own. For the server. */
  clear(): this {
    this.#prepared = this.#set = undefined
    this.#trailers = ''
    return this
  }

  /** What waited has fallen to the low-water mark. For the server. */
  onDrain(): void {
    this.#wake()
    this.watcher?.onDrain()
  }

  #over(): void {
    this.ended = true
    this.#owner.responseEnded()
  }

  // Whole answers

  #whole(body: string | Uint8Array): void {
    const { output, headOnly } = this.#owner
    const isEmpty = headOnly || hasNoContent(this.statusCode)
    if (this.#prepared !== undefined && this.#set === undefined && !isEmpty && this.#small(this.#prepared, body)) {
      this.headersSent = true
      return
    }
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    this.#writeHead(bytes.length)
    if (!isEmpty && bytes.length > 0) output.write(bytes)
  }

  /** Head and body in one piece. @returns false where they do not fit into one: nothing is written then. */
  #small(prepared: PreparedFields, body: string | Uint8Array): boolean {
    const { output, keepAliveLines } = this.#owner
    const end = this.#connectionLine()
    if (typeof body === 'string') {
      return writeSmallAnswer(output, prepared, this.statusCode, body, keepAliveLines, end)
    }
    const { length } = body
    const at = leaseAnswer(output, prepared, this.statusCode, length, length, end)
    if (at < 0) return at === -1
    output.output.set(body, at)
    output.commit(at + length)
    return true
  }

  // Heads

  /** What ends the head. */
  #connectionLine(): Uint8Array {
    if (!this.#owner.keepsAlive()) return closeLines
    if (this.#set !== undefined && this.#set.close) {
      this.#owner.closesAfterwards()
      return closeLines
    }
    return this.#owner.keepAliveLines
  }

  /** @param length of the content; -1 where it is not known. */
  #writeHead(length: number): void {
    const { output } = this.#owner
    writeHeadLines(output, this.statusCode, this.#prepared, this.#set, this.#framingLine(length))
    output.write(this.#connectionLine())
    this.headersSent = true
  }

  #framingLine(length: number): string {
    if (this.#framing === framing.chunked) return 'transfer-encoding: chunked\r\n'
    const status = this.statusCode
    if (length < 0 || status === 204) return ''
    // An answer to HEAD, or 304, may say how long the content would be (RFC 9110 section 8.6).
    const announced = length === 0 && (this.#owner.headOnly || status === 304) ? this.#announcedLength : -1
    if (status === 304 && announced === -1) return ''
    return `content-length: ${announced === -1 ? length : announced}\r\n`
  }

  get #announcedLength(): number {
    return this.#set === undefined ? -1 : this.#set.contentLength
  }

  // Streams

  #streamHead(): void {
    const announced = this.#announcedLength
    if (hasNoContent(this.statusCode) || this.#owner.headOnly) this.#framing = framing.none
    else if (announced !== -1) this.#framing = framing.length
    else this.#framing = this.#owner.versionMinor === 1 ? framing.chunked : framing.close
    this.#announced = announced
    if (this.#framing === framing.close) this.setHeader('connection', 'close')
    this.#writeHead(announced)
  }

  #content(bytes: Uint8Array): boolean {
    const { output } = this.#owner
    this.#written += bytes.length
    if (this.#framing === framing.none) return true
    if (this.#framing === framing.chunked) {
      output.write(Buffer.from(`${bytes.length.toString(16)}\r\n`, 'latin1'))
      output.write(bytes)
      return output.write(lineEnd)
    }
    if (this.#framing === framing.length && this.#written > this.#announced) return this.#wrongLength()
    return output.write(bytes)
  }

  #endStream(body: string | Uint8Array): void {
    if (body.length > 0) this.write(body)
    const { output } = this.#owner
    if (this.#framing === framing.chunked) output.write(Buffer.from(`0\r\n${this.#trailers}\r\n`, 'latin1'))
    else if (this.#framing === framing.length && this.#written < this.#announced) this.#wrongLength()
  }

  /** More or less content than announced: the client must not take what follows for the next answer. */
  #wrongLength(): boolean {
    this.#owner.output.destroy()
    throw new QpsError(
      'QPS_CONTENT_LENGTH',
      `content-length said ${this.#announced}, ${this.#written} bytes were written`,
      {
        hint: 'leave content-length out: it is counted, or the answer is chunked',
      },
    )
  }

  #whenDrained(): Promise<void> {
    // Writing nothing asks: where the answer is no, `onDrain` will come.
    if (this.#owner.output.write(nothing)) return Promise.resolve()
    this.#drainWait ??= Promise.withResolvers()
    return this.#drainWait.promise
  }

  #wake(): void {
    const waiting = this.#drainWait
    this.#drainWait = undefined
    waiting?.resolve()
  }

  #mustBeOpen(what: string): void {
    if (!this.headersSent || this.ended) return
    throw new QpsError('QPS_HEADERS_SENT', `cannot ${what}: the head is written already`, {
      hint: 'set the head before the first write',
    })
  }
}

const jsonFields = new PreparedFields({ 'content-type': 'application/json' })

function tooLong(length: number): QpsError {
  return new QpsError('QPS_ANSWER_TOO_LONG', `${length} bytes of content and their head do not fit into one lease`, {
    hint: `give the content to end(); together they may have ${reserveBytesMax} bytes`,
  })
}

function hasNoContent(status: number): boolean {
  return status === 204 || status === 304
}
