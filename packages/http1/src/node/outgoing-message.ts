import { STATUS_CODES } from 'node:http'
import { type Connection, reserveBytesMax } from '@qps/netpoll'
import { dateClock } from '../server/date.ts'
import type { Request } from '../server/request.ts'
import type { Response } from '../server/response.ts'
import { nodeError } from './node-errors.ts'
import type { NodeRequest } from './node-request.ts'
import { type OutgoingFields, rendered, renderFields } from './outgoing-fields.ts'
import { OutgoingHeaders } from './outgoing-headers.ts'

/** How the end of the content is told. */
const framing = { none: 0, length: 1, chunked: 2, close: 3 } as const
type Framing = (typeof framing)[keyof typeof framing]

export type Chunk = string | Uint8Array
export type Done = (error?: Error | null) => void

const lineEnd = Buffer.from('\r\n', 'latin1')
/** UTF-8 needs at most this for a UTF-16 unit. */
const utf8BytesMax = 3

/**
 * A response's bytes: its head, the framing of its content, and the way of both into the connection.
 *
 * `writeHead` makes the head, and reports what is wrong with it. It leaves with the first content, when more is known: a
 * response that is complete by then has a Content-Length, and goes straight into the memory that the kernel reads.
 */
export abstract class OutgoingMessage extends OutgoingHeaders {
  statusCode = 200
  statusMessage: string | undefined
  destroyed = false
  readonly req: NodeRequest
  protected readonly http: Request['connection']
  protected readonly response: Response
  /** The head's lines, while they wait for the content. */
  #lines: string | undefined
  /** Content-Length, or -1. */
  #announced = -1
  #chunked = false
  #closes = false
  /** The head has a Date, or must not have one. */
  #dated = false
  #framing: Framing = framing.none
  #written = 0
  #trailers = ''

  constructor(request: NodeRequest, http: Request['connection'], response: Response) {
    super()
    this.req = request
    this.http = http
    this.response = response
  }

  abstract destroy(error?: Error): this

  /** Fields behind the content, which must be chunked. */
  addTrailers(fields: OutgoingFields): void {
    renderFields(fields)
    this.#trailers = rendered.lines
  }

  /** `writeHead(status, fields)` or `writeHead(status, phrase, fields)`. @throws Error with Node's codes. */
  writeHead(status: number, reason?: string | OutgoingFields, fields?: OutgoingFields): this {
    if (this.headersSent) throw nodeError('ERR_HTTP_HEADERS_SENT', 'write the head')
    const code = Math.trunc(status)
    if (!(code >= 100 && code <= 999)) throw nodeError('ERR_HTTP_INVALID_STATUS_CODE', String(status))
    if (typeof reason === 'string') this.statusMessage = reason
    else fields ??= reason
    renderFields(this.merged(fields))
    if (rendered.trailer && rendered.contentLength !== -1 && !rendered.chunked) {
      throw nodeError('ERR_HTTP_TRAILER_INVALID')
    }
    const line = statusLine(code, this.statusMessage)
    this.statusMessage ??= STATUS_CODES[code] ?? 'unknown'
    this.statusCode = code
    this.#lines = line + rendered.lines
    this.#announced = rendered.contentLength
    this.#chunked = rendered.chunked
    this.#closes = rendered.closes
    this.#dated = rendered.date || !this.sendDate
    this.headersSent = true
    return this
  }

  flushHeaders(): void {
    if (!this.headersSent) this.writeHead(this.statusCode)
    if (this.headWaits && !this.destroyed) this.sendHead()
  }

  // For the stream

  /** The head is made and not yet sent. */
  protected get headWaits(): boolean {
    return this.#lines !== undefined
  }

  /** Content will follow. @returns whether more may be written. */
  protected sendHead(): boolean {
    return this.http.output.write(latin1(this.#head(-1)))
  }

  /** Head and body, complete. */
  protected whole(body: Chunk, encoding: BufferEncoding | null): void {
    const { output } = this.http
    if (typeof body !== 'string' || (encoding !== null && encoding !== 'utf8' && encoding !== 'utf-8')) {
      const bytes = bytesOf(body, encoding)
      const head = this.#head(bytes.length)
      output.write(latin1(head))
      if (bytes.length > 0) this.content(bytes)
      return this.endStream()
    }
    if (this.#announced === -1) this.#announced = this.#isEmptyByRule() ? -1 : Buffer.byteLength(body)
    const head = this.#head(this.#announced)
    const room = head.length + utf8BytesMax * body.length
    if (room <= reserveBytesMax && this.#framing <= framing.length) return this.#small(head, body, room, output)
    output.write(latin1(head))
    if (body !== '') this.content(Buffer.from(body))
    this.endStream()
  }

  #small(head: string, body: string, room: number, output: Connection): void {
    const at = output.reserve(room)
    // Nobody is there to read it: as good as written.
    if (at === -1) return
    const memory = output.output as Buffer
    let end = at + latin1Write.call(memory, head, at, head.length)
    if (this.#framing === framing.length) {
      this.#written = body === '' ? 0 : utf8Write.call(memory, body, end, room - head.length)
      if (this.#written !== this.#announced) return this.#mismatch()
      end += this.#written
    }
    output.commit(end)
  }

  #isEmptyByRule(): boolean {
    const { statusCode } = this
    return this.http.headOnly || statusCode === 204 || statusCode === 304 || statusCode < 200
  }

  /** The head, complete, and what follows from it. @param length of the content; -1 where it is not known. */
  #head(length: number): string {
    const http = this.http
    let lines = this.#lines!
    this.#lines = undefined
    this.response.headersSent = true
    const announced = this.#announced === -1 ? length : this.#announced
    if (this.#isEmptyByRule()) {
      this.#framing = framing.none
      if (this.#announced !== -1 && this.statusCode !== 204) lines += `content-length: ${this.#announced}\r\n`
    } else if (this.#chunked && http.versionMinor === 1) lines += this.#beChunked()
    else if (announced !== -1) {
      this.#framing = framing.length
      this.#announced = announced
      lines += `content-length: ${announced}\r\n`
    } else if (http.versionMinor === 1) lines += this.#beChunked()
    else {
      this.#framing = framing.close
      this.#closes = true
    }
    if (!this.#dated) lines += dateLine()
    return lines + this.#connectionLine()
  }

  #beChunked(): string {
    this.#framing = framing.chunked
    return 'Transfer-Encoding: chunked\r\n'
  }

  #connectionLine(): string {
    const http = this.http
    const { maxRequestsPerSocket } = this.req.server
    if (maxRequestsPerSocket > 0 && ++this.req.socket.requests >= maxRequestsPerSocket) this.#closes = true
    const keeps = http.keepsAlive()
    if (keeps && this.#closes) http.closesAfterwards()
    if (!keeps || this.#closes) return 'Connection: close\r\n\r\n'
    return http.keepAliveText
  }

  /** A piece of content. @returns whether more may be written. */
  protected content(bytes: Uint8Array): boolean {
    const { output } = this.http
    this.#written += bytes.length
    if (this.#framing === framing.none) return true
    if (this.#framing === framing.chunked) {
      output.write(latin1(`${bytes.length.toString(16)}\r\n`))
      output.write(bytes)
      return output.write(lineEnd)
    }
    if (this.#framing === framing.length && this.#written > this.#announced) {
      this.#mismatch()
      return false
    }
    return output.write(bytes)
  }

  /** Behind the last piece. */
  protected endStream(): void {
    if (this.destroyed) return
    if (this.#framing === framing.chunked) this.http.output.write(latin1(`0\r\n${this.#trailers}\r\n`))
    else if (this.#framing === framing.length && this.#written !== this.#announced) this.#mismatch()
  }

  /** The client must not take what follows for the next answer, or wait for what never comes. */
  #mismatch(): void {
    this.destroy(
      nodeError('ERR_HTTP_CONTENT_LENGTH_MISMATCH', `${this.#announced} announced, ${this.#written} written`),
    )
  }

  /** An interim answer. */
  protected inform(status: number, fields: OutgoingFields | undefined, done: Done | undefined): void {
    if (this.headersSent) throw nodeError('ERR_HTTP_HEADERS_SENT', `send ${status}`)
    renderFields(fields)
    // HTTP/1.0 knows of no interim answers (RFC 9110 section 15.2).
    if (this.http.versionMinor === 1) {
      this.http.output.write(latin1(`HTTP/1.1 ${status} ${STATUS_CODES[status]!}\r\n${rendered.lines}\r\n`))
    }
    if (done !== undefined) process.nextTick(done)
  }
}

const { latin1Write, utf8Write } = Buffer.prototype as unknown as Record<
  'latin1Write' | 'utf8Write',
  (this: Uint8Array, text: string, at: number, length: number) => number
>

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

export function bytesOf(chunk: Chunk, encoding: BufferEncoding | null | undefined): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding ?? 'utf8') : chunk
}

const statusLines = new Map<number, string>()

/** At most 900 are kept, of those without a phrase of their own. */
function statusLine(status: number, phrase: string | undefined): string {
  if (phrase !== undefined && phrase !== STATUS_CODES[status]) {
    if (/[^\t\x20-\x7e\x80-\xff]/.test(phrase)) throw nodeError('ERR_INVALID_CHAR', 'statusMessage')
    return `HTTP/1.1 ${status} ${phrase}\r\n`
  }
  let line = statusLines.get(status)
  if (line === undefined)
    statusLines.set(status, (line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`))
  return line
}

let dateVersion = -1
let dateText = ''

function dateLine(): string {
  if (dateVersion !== dateClock.version) {
    dateVersion = dateClock.version
    dateText = `Date: ${dateClock.value}\r\n`
  }
  return dateText
}
