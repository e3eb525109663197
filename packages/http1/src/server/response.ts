import { QpsError } from '@qps/core'
import type { Connection } from '@qps/netpoll'
import { reserveBytesMax } from '@qps/netpoll'
import { dateClock } from './date.ts'
import { checkField, checkStatus, fieldLines, type FieldValues, PreparedFields, trailerLine } from './fields.ts'
import { reasonOf } from './reasons.ts'

/** How the end of the content is told. */
const framing = { none: 0, length: 1, chunked: 2, close: 3 } as const
type Framing = (typeof framing)[keyof typeof framing]

/** What a response needs of the connection that it answers on. */
export interface ResponseOwner {
  readonly output: Connection
  /** HTTP/1.x of the request: 0 or 1. */
  readonly versionMinor: number
  /** Is the answer to HEAD asked for: a head without content? */
  readonly headOnly: boolean
  /** The end of a head whose connection stays: it says for how long. */
  readonly keepAliveLines: Uint8Array
  /** May the connection stay? Asked when the head is written, because the answer stands in it. */
  keepsAlive(): boolean
  /** The head says that the connection closes behind this response, whatever `keepsAlive` has answered. */
  closesAfterwards(): void
  /** The last byte of the response is written. */
  responseEnded(): void
}

/** What an adapter wants to hear of a response. */
export interface ResponseWatcher {
  /** The client has sent FIN and the response is not ended. It may still be reading. */
  onPeerEnd(): void
  /** The connection is gone, or a refusal took the answer's place. */
  onAbandon(): void
  /** After a write that returned false: what waits has fallen to the low-water mark. */
  onDrain(): void
}

const empty: readonly string[] = []
const nothing = new Uint8Array(0)
/** Bytes of a UTF-16 unit in UTF-8, at most. */
const utf8BytesMax = 3
/** Node's own writer of strings. A loop over characters would first have to flatten a string that was concatenated. */
const { utf8Write } = Buffer.prototype as unknown as {
  utf8Write(this: Uint8Array, text: string, at: number, bytesMax: number): number
}

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
  readonly #owner: ResponseOwner
  #fields: PreparedFields | string = ''
  #names: string[] | undefined
  #values: (string | number | readonly string[])[] | undefined
  #framing: Framing = framing.none
  #announced = -1
  #written = 0
  #trailers = ''

  constructor(owner: ResponseOwner) {
    this.#owner = owner
  }

  /**
   * Sets a header field, in the place of one of the same name. Date, Keep-Alive and Transfer-Encoding are written by the
   * server, whatever is set. Content-Length counts where the content is written in pieces, and for answers to HEAD and 304;
   * a whole answer is measured. `connection: close` closes behind this answer.
   *
   * @throws QpsError QPS_HEADER for what a header field cannot carry; QPS_HEADERS_SENT when the head is written.
   */
  setHeader(name: string, value: string | number | readonly string[]): this {
    this.#mustBeOpen(`set ${name}`)
    for (const line of typeof value === 'object' ? value : [String(value)]) checkField(name, line)
    this.removeHeader(name)
    ;(this.#names ??= []).push(name)
    ;(this.#values ??= []).push(value)
    return this
  }

  getHeader(name: string): string | number | readonly string[] | undefined {
    const at = this.#indexOf(name)
    return at === -1 ? undefined : this.#values![at]
  }

  removeHeader(name: string): this {
    const at = this.#indexOf(name)
    if (at === -1) return this
    this.#names!.splice(at, 1)
    this.#values!.splice(at, 1)
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
    if (fields instanceof PreparedFields) this.#fields = fields
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
    // Off the short way of whole answers.
    this.#names ??= []
    this.#values ??= []
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
    this.ended = true
    this.#owner.responseEnded()
  }

  /** `end` with the value as JSON, and its media type where none was set. */
  json(value: unknown): void {
    if (this.ended) return
    if (this.#fields === '' && this.getHeader('content-type') === undefined) this.#fields = jsonFields
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
    this.#fields = this.#trailers = ''
    this.#names = this.#values = undefined
    return this
  }

  /** What waited has fallen to the low-water mark. For the server. */
  onDrain(): void {
    this.#wake()
    this.watcher?.onDrain()
  }

  // Whole answers

  #whole(body: string | Uint8Array): void {
    const { output, headOnly } = this.#owner
    const status = this.statusCode
    if (
      this.#fields instanceof PreparedFields &&
      this.#names === undefined &&
      typeof body === 'string' &&
      !headOnly &&
      !hasNoContent(status) &&
      this.#smallAnswer(this.#fields, body, output)
    ) {
      return
    }
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    this.#writeHeadLines(bytes.length)
    if (!headOnly && !hasNoContent(status) && bytes.length > 0) output.write(bytes)
  }

  /**
   * Head and body of the usual small answer, straight into the memory that the kernel reads.
   *
   * @returns false where the body is not ASCII after all: nothing is written then.
   */
  #smallAnswer(fields: PreparedFields, body: string, output: Connection): boolean {
    const { length } = body
    const end = this.#connectionLine()
    const { keepAliveLines } = this.#owner
    const stays = end === keepAliveLines
    const known = stays ? fields.again(this.statusCode, body, end) : undefined
    if (known !== undefined && known.length <= reserveBytesMax) {
      const at = output.reserve(known.length)
      if (at !== -1) {
        output.output.set(known, at)
        output.commit(at + known.length)
      }
      return (this.headersSent = true)
    }
    const head = fields.head(this.statusCode, length, keepAliveLines)
    const bodyRoom = length * utf8BytesMax
    const room = head.length + end.length + bodyRoom
    if (room > reserveBytesMax) return false
    const at = output.reserve(room)
    // Nobody is there to read it: as good as written.
    if (at === -1) return (this.headersSent = true)
    const bytes = output.output
    bytes.set(head, at)
    let behind = at + head.length
    behind = writeLines(bytes, behind, end)
    // As many bytes as characters: all of them are ASCII.
    if (utf8Write.call(bytes, body, behind, bodyRoom) !== length) return false
    output.commit(behind + length)
    this.headersSent = true
    return true
  }

  /** What ends the head. */
  #connectionLine(): Uint8Array {
    if (!this.#owner.keepsAlive()) return closeLines
    if (this.#saysClose()) {
      this.#owner.closesAfterwards()
      return closeLines
    }
    return this.#owner.keepAliveLines
  }

  #saysClose(): boolean {
    if (this.#names === undefined) return false
    const value = this.getHeader('connection')
    return value !== undefined && /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(String(value))
  }

  /** @param length of the content; -1 where it is not known. */
  #writeHeadLines(length: number): void {
    const status = checkStatus(this.statusCode)
    const prepared = this.#fields instanceof PreparedFields ? this.#fields.lines : ''
    let lines = `HTTP/1.1 ${status} ${reasonOf(status)}\r\n${prepared}`
    for (const [index, name] of (this.#names ?? empty).entries()) {
      const lower = name.toLowerCase()
      if (lower === 'connection' || lower === 'transfer-encoding' || lower === 'content-length') continue
      if (lower === 'date' || lower === 'keep-alive') continue
      lines += fieldLines({ [name]: this.#values![index]! })
    }
    if (this.#framing === framing.chunked) lines += 'transfer-encoding: chunked\r\n'
    else if (length >= 0 && status !== 204) {
      // An answer to HEAD, or 304, may say how long the content would be (RFC 9110 section 8.6).
      const announced = length === 0 && (this.#owner.headOnly || status === 304) ? this.#announcedLength() : -1
      if (status !== 304 || announced !== -1) lines += `content-length: ${announced === -1 ? length : announced}\r\n`
    }
    lines += `Date: ${dateClock.value}\r\n`
    // The lines below begin with the end of the line before them.
    const { output } = this.#owner
    output.write(Buffer.from(lines.slice(0, -2), 'latin1'))
    output.write(this.#connectionLine())
    this.headersSent = true
  }

  // Streams

  #streamHead(): void {
    const announced = this.#announcedLength()
    if (hasNoContent(this.statusCode) || this.#owner.headOnly) this.#framing = framing.none
    else if (announced !== -1) this.#framing = framing.length
    else this.#framing = this.#owner.versionMinor === 1 ? framing.chunked : framing.close
    this.#announced = announced
    if (this.#framing === framing.close) this.setHeader('connection', 'close')
    this.#writeHeadLines(announced)
  }

  #announcedLength(): number {
    const value = this.#names === undefined ? undefined : this.getHeader('content-length')
    return value !== undefined && /^\d{1,15}$/.test(String(value)) ? Number(value) : -1
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

  #drainWait: PromiseWithResolvers<void> | undefined

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

  #indexOf(name: string): number {
    if (this.#names === undefined) return -1
    const lower = name.toLowerCase()
    return this.#names.findIndex((each) => each.toLowerCase() === lower)
  }

  #mustBeOpen(what: string): void {
    if (!this.headersSent || this.ended) return
    throw new QpsError('QPS_HEADERS_SENT', `cannot ${what}: the head is written already`, {
      hint: 'set the head before the first write',
    })
  }
}

const jsonFields = new PreparedFields({ 'content-type': 'application/json' })

const lines = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))
const lineEnd = lines('\r\n')
const closeLines = lines('\r\nConnection: close\r\n\r\n')

function hasNoContent(status: number): boolean {
  return status === 204 || status === 304
}

/** Copies a handful of bytes. */
function writeLines(to: Uint8Array, at: number, from: Uint8Array): number {
  for (let index = 0; index < from.length; index++) to[at + index] = from[index]!
  return at + from.length
}
