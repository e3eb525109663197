import { STATUS_CODES } from 'node:http'
import { type Connection, reserveBytesMax } from '@qps/netpoll'
import { dateClock } from '../server/date.ts'
import type { Request } from '../server/request.ts'
import type { Response, ResponseWatcher } from '../server/response.ts'
import { hasListeners, LightStream } from './light.ts'
import { nodeError } from './node-errors.ts'
import type { NodeRequest } from './node-request.ts'
import type { NodeSocket } from './node-socket.ts'
import {
  checkOutgoing,
  forEachPair,
  isList,
  type OutgoingFields,
  type OutgoingValue,
  rendered,
  renderFields,
} from './outgoing-fields.ts'
import { finishSoon } from './finish.ts'

/** How the end of the content is told. */
const framing = { none: 0, length: 1, chunked: 2, close: 3 } as const
type Framing = (typeof framing)[keyof typeof framing]

type Done = (error?: Error | null) => void
type Chunk = string | Uint8Array
const lineEnd = Buffer.from('\r\n', 'latin1')
/** UTF-8 needs at most this for a UTF-16 unit. */
const utf8BytesMax = 3

/**
 * A response in the shape of `http.ServerResponse`: a legacy stream that can be written and piped to.
 *
 * A head and a body that are complete at once leave in one piece, written straight into the memory that the kernel reads.
 * Content-Length is counted where the body is complete when the head is written, else the response is chunked.
 */
export class NodeResponse extends LightStream implements ResponseWatcher {
  declare readonly _sent100: boolean
  declare readonly _defaultKeepAlive: boolean
  declare readonly _removedConnection: boolean
  declare readonly _removedContLen: boolean
  declare readonly writable: boolean

  statusCode = 200
  statusMessage: string | undefined
  /** A Date field is added where there is none. */
  sendDate = true
  headersSent = false
  /** `end` was called. */
  finished = false
  writableFinished = false
  destroyed = false
  errored: Error | null = null
  /** 'close' has been, or is being, emitted. */
  _closed = false
  readonly req: NodeRequest
  readonly #response: Response
  readonly #http: Request['connection']
  #fields: Map<string, [name: string, value: OutgoingValue]> | undefined
  /** The head's lines, while they wait for the content. */
  #lines: string | undefined
  #announced = -1
  #chunked = false
  #closes = false
  #date = false
  #framing: Framing = framing.none
  #written = 0
  #trailers = ''
  #needsDrain = false
  #whenFinished: Done[] | undefined

  constructor(request: NodeRequest, http: Request['connection'], response: Response) {
    super()
    this.req = request
    this.#http = http
    this.#response = response
    response.watcher = this
  }

  get socket(): NodeSocket {
    return this.req.socket
  }

  get connection(): NodeSocket {
    return this.req.socket
  }

  get closed(): boolean {
    return this._closed
  }

  get writableEnded(): boolean {
    return this.finished
  }

  get writableNeedDrain(): boolean {
    return this.#needsDrain && !this.destroyed && !this.finished
  }

  get writableLength(): number {
    return this.#http.output.pendingBytes
  }

  // Header fields

  setHeader(name: string, value: OutgoingValue): this {
    if (this.headersSent) throw nodeError('ERR_HTTP_HEADERS_SENT', `set ${name}`)
    checkOutgoing(name, value)
    ;(this.#fields ??= new Map()).set(name.toLowerCase(), [name, value])
    return this
  }

  setHeaders(fields: Iterable<readonly [string, OutgoingValue]>): this {
    // The web's Headers yield each cookie on its own.
    const cookies: (string | number)[] = []
    for (const [name, value] of fields) {
      if (name.toLowerCase() !== 'set-cookie') this.setHeader(name, value)
      else if (typeof value === 'object') cookies.push(...value)
      else cookies.push(value)
    }
    return cookies.length === 0 ? this : this.setHeader('set-cookie', cookies)
  }

  appendHeader(name: string, value: OutgoingValue): this {
    const before = this.getHeader(name)
    if (before === undefined) return this.setHeader(name, value)
    return this.setHeader(this.#fields!.get(name.toLowerCase())![0], [before, value].flat())
  }

  getHeader(name: string): OutgoingValue | undefined {
    return this.#fields?.get(name.toLowerCase())?.[1]
  }

  hasHeader(name: string): boolean {
    return this.#fields?.has(name.toLowerCase()) ?? false
  }

  removeHeader(name: string): void {
    if (this.headersSent) throw nodeError('ERR_HTTP_HEADERS_SENT', `remove ${name}`)
    const lower = name.toLowerCase()
    if (lower === 'date') this.sendDate = false
    this.#fields?.delete(lower)
  }

  getHeaders(): Record<string, OutgoingValue> {
    const all = Object.create(null) as Record<string, OutgoingValue>
    if (this.#fields !== undefined) for (const [name, [, value]] of this.#fields) all[name] = value
    return all
  }

  getHeaderNames(): string[] {
    return this.#fields === undefined ? [] : [...this.#fields.keys()]
  }

  getRawHeaderNames(): string[] {
    return this.#fields === undefined ? [] : [...this.#fields.values()].map(([name]) => name)
  }

  addTrailers(fields: OutgoingFields): void {
    renderFields(fields)
    this.#trailers = rendered.lines
  }

  // The head

  writeHead(status: number, reason?: string | OutgoingFields, fields?: OutgoingFields): this {
    if (this.headersSent) throw nodeError('ERR_HTTP_HEADERS_SENT', 'write the head')
    const code = Math.trunc(status)
    if (!(code >= 100 && code <= 999)) throw nodeError('ERR_HTTP_INVALID_STATUS_CODE', String(status))
    if (typeof reason === 'string') this.statusMessage = reason
    else fields ??= reason
    if (this.#fields !== undefined) fields = this.#merge(fields)
    renderFields(fields)
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
    this.#date = rendered.date || !this.sendDate
    this.headersSent = true
    return this
  }

  flushHeaders(): void {
    if (!this.headersSent) this.writeHead(this.statusCode)
    if (this.#lines !== undefined && !this.destroyed) this.#http.output.write(latin1(this.#head(-1)))
  }

  writeContinue(done?: Done): void {
    this.#http.wantBody()
    if (done !== undefined) process.nextTick(done)
  }

  writeProcessing(done?: Done): void {
    this.#inform(102, undefined, done)
  }

  /** @param hints `link`: one or several values; other fields as they are. */
  writeEarlyHints(hints: Readonly<Record<string, string | readonly string[]>>, done?: Done): void {
    const { link, ...others } = hints
    const links = link === undefined ? [] : [link].flat()
    if (links.length > 0) this.#inform(103, { Link: links.join(', '), ...others }, done)
  }

  // Content

  write(chunk: Chunk, encoding?: BufferEncoding | Done | null, done?: Done | null): boolean {
    if (typeof encoding === 'function') {
      done = encoding
      encoding = null
    }
    checkChunk(chunk)
    if (this.finished || this.destroyed) return this.#tooLate(done)
    if (!this.headersSent) this.writeHead(this.statusCode)
    const bytes = bytesOf(chunk, encoding)
    let mayGoOn = this.#open()
    if (bytes.length > 0) mayGoOn = this.#content(bytes)
    if (typeof done === 'function') process.nextTick(done)
    if (!mayGoOn) this.#needsDrain = true
    return mayGoOn
  }

  end(chunk?: Chunk | Done | null, encoding?: BufferEncoding | Done | null, done?: Done | null): this {
    if (typeof chunk === 'function') return this.end(null, null, chunk)
    if (typeof encoding === 'function') return this.end(chunk, null, encoding)
    if (typeof chunk === 'string' || (chunk !== null && chunk !== undefined)) checkChunk(chunk)
    if (this.finished || this.destroyed) return this.#endedAlready(chunk, done)
    if (typeof done === 'function') (this.#whenFinished ??= []).push(done)
    if (!this.headersSent) this.writeHead(this.statusCode)
    if (this.#lines !== undefined) this.#whole(chunk ?? '', encoding ?? null)
    else {
      if (chunk) this.#content(bytesOf(chunk, encoding))
      this.#endStream()
    }
    if (!this.destroyed) this.#over()
    return this
  }

  /** What is written in one turn leaves together anyway. */
  cork(): void {}

  uncork(): void {}

  /** Taken, without effect: the limits of the server hold. */
  setTimeout(): this {
    return this
  }

  override pipe(): never {
    throw nodeError('ERR_STREAM_CANNOT_PIPE')
  }

  /** Breaks the connection off, unless the response has ended. */
  destroy(error?: Error): this {
    if (this.destroyed) return this
    this.destroyed = true
    this.errored = error ?? null
    if (this.finished) finishSoon(this)
    else this.#http.output.destroy()
    return this
  }

  // For the connection

  onPeerEnd(): void {
    // As `http.Server` does unless `httpAllowHalfOpen` is set: whoever has stopped sending is taken to have left.
    this.#http.output.destroy()
  }

  onAbandon(): void {
    if (this.finished) return
    this.destroyed = true
    this.req.abort()
    finishSoon(this)
  }

  onDrain(): void {
    if (!this.#needsDrain) return
    this.#needsDrain = false
    this.emit('drain')
  }

  /** The rest of an end: 'finish' where it was one, and 'close'. */
  emitEnd(): void {
    if (this._closed) return
    if (this.finished && !this.destroyed) this.writableFinished = true
    const failure = this.writableFinished ? null : (this.errored ?? nodeError('ERR_STREAM_DESTROYED'))
    for (const done of this.#whenFinished ?? none) done(failure)
    if (this.writableFinished) this.emit('finish')
    this._closed = true
    this.emit('close')
  }

  get hasListeners(): boolean {
    return this.#whenFinished !== undefined || hasListeners(this)
  }

  // Writing

  #merge(fields: OutgoingFields | undefined): OutgoingFields {
    const set = (name: string, value: OutgoingValue | undefined) => this.setHeader(name, value!)
    if (fields !== undefined && isList(fields)) {
      forEachPair(fields, (name) => this.removeHeader(name))
      forEachPair(fields, (name, value) => this.appendHeader(name, value!))
    } else if (fields !== undefined) for (const name of Object.keys(fields)) set(name, fields[name])
    return [...this.#fields!.values()]
  }

  /** Head and body, complete. */
  #whole(body: Chunk, encoding: BufferEncoding | null): void {
    const { output } = this.#http
    if (typeof body !== 'string' || (encoding !== null && encoding !== 'utf8' && encoding !== 'utf-8')) {
      const bytes = bytesOf(body, encoding)
      const head = this.#head(bytes.length)
      output.write(latin1(head))
      if (bytes.length > 0) this.#content(bytes)
      return this.#endStream()
    }
    if (this.#announced === -1) this.#announced = this.#isEmptyByRule() ? -1 : Buffer.byteLength(body)
    const head = this.#head(this.#announced)
    const room = head.length + utf8BytesMax * body.length
    if (room <= reserveBytesMax && this.#framing <= framing.length) return this.#small(head, body, room, output)
    output.write(latin1(head))
    if (body !== '') this.#content(Buffer.from(body))
    this.#endStream()
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

  /** Writes the head if it waits. @returns whether more may be written. */
  #open(): boolean {
    return this.#lines === undefined ? !this.writableNeedDrain : this.#http.output.write(latin1(this.#head(-1)))
  }

  #isEmptyByRule(): boolean {
    const { statusCode } = this
    return this.#http.headOnly || statusCode === 204 || statusCode === 304 || statusCode < 200
  }

  /** The head, complete, and what follows from it. @param length of the content; -1 where it is not known. */
  #head(length: number): string {
    const http = this.#http
    let lines = this.#lines!
    this.#lines = undefined
    this.#response.headersSent = true
    const announced = this.#announced === -1 ? length : this.#announced
    if (this.#isEmptyByRule()) {
      this.#framing = framing.none
      if (this.#announced !== -1 && this.statusCode !== 204) lines += `Content-Length: ${this.#announced}\r\n`
    } else if (this.#chunked && http.versionMinor === 1) lines += this.#beChunked()
    else if (announced !== -1) {
      this.#framing = framing.length
      this.#announced = announced
      lines += `Content-Length: ${announced}\r\n`
    } else if (http.versionMinor === 1) lines += this.#beChunked()
    else {
      this.#framing = framing.close
      this.#closes = true
    }
    if (!this.#date) lines += dateLine()
    return lines + this.#connectionLine()
  }

  #beChunked(): string {
    this.#framing = framing.chunked
    return 'Transfer-Encoding: chunked\r\n'
  }

  #connectionLine(): string {
    const http = this.#http
    const { maxRequestsPerSocket } = this.req.server
    if (maxRequestsPerSocket > 0 && ++this.socket.requests >= maxRequestsPerSocket) this.#closes = true
    const keeps = http.keepsAlive()
    if (keeps && this.#closes) http.closesAfterwards()
    if (!keeps || this.#closes) return 'Connection: close\r\n\r\n'
    return http.versionMinor === 0 ? 'Connection: keep-alive\r\n\r\n' : '\r\n'
  }

  #content(bytes: Uint8Array): boolean {
    const { output } = this.#http
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

  #endStream(): void {
    if (this.destroyed) return
    if (this.#framing === framing.chunked) this.#http.output.write(latin1(`0\r\n${this.#trailers}\r\n`))
    else if (this.#framing === framing.length && this.#written !== this.#announced) this.#mismatch()
  }

  /** The client must not take what follows for the next answer, or wait for what never comes. */
  #mismatch(): void {
    this.destroy(
      nodeError('ERR_HTTP_CONTENT_LENGTH_MISMATCH', `${this.#announced} announced, ${this.#written} written`),
    )
  }

  #over(): void {
    this.finished = true
    const response = this.#response
    response.statusCode = this.statusCode
    response.ended = true
    this.req.done()
    this.#http.responseEnded()
    finishSoon(this)
  }

  #inform(status: number, fields: OutgoingFields | undefined, done: Done | undefined): void {
    if (this.headersSent) throw nodeError('ERR_HTTP_HEADERS_SENT', `send ${status}`)
    renderFields(fields)
    // HTTP/1.0 knows of no interim answers (RFC 9110 section 15.2).
    if (this.#http.versionMinor === 1) {
      this.#http.output.write(latin1(`HTTP/1.1 ${status} ${STATUS_CODES[status]!}\r\n${rendered.lines}\r\n`))
    }
    if (done !== undefined) process.nextTick(done)
  }

  #tooLate(done: Done | null | undefined): false {
    const error = nodeError(this.finished ? 'ERR_STREAM_WRITE_AFTER_END' : 'ERR_STREAM_DESTROYED', 'write')
    process.nextTick(() => {
      done?.(error)
      if (!this.destroyed) this.emit('error', error)
    })
    return false
  }

  #endedAlready(chunk: Chunk | null | undefined, done: Done | null | undefined): this {
    if (chunk) this.#tooLate(done)
    else if (typeof done === 'function') {
      if (this.finished && !this.writableFinished && !this.destroyed) (this.#whenFinished ??= []).push(done)
      else
        process.nextTick(done, nodeError(this.finished ? 'ERR_STREAM_ALREADY_FINISHED' : 'ERR_STREAM_DESTROYED', 'end'))
    }
    this.finished = true
    return this
  }
}

// What `stream.finished` knows a response by, which it must, as a response closes though it is no Writable.
for (const name of ['_sent100', '_removedConnection', '_removedContLen']) {
  Object.defineProperty(NodeResponse.prototype, name, { value: false, writable: true })
}
for (const name of ['_defaultKeepAlive', 'writable']) {
  Object.defineProperty(NodeResponse.prototype, name, { value: true, writable: true })
}

const none: readonly Done[] = []
const { latin1Write, utf8Write } = Buffer.prototype as unknown as Record<
  'latin1Write' | 'utf8Write',
  (this: Uint8Array, text: string, at: number, length: number) => number
>

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

function bytesOf(chunk: Chunk, encoding: BufferEncoding | null | undefined): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding ?? 'utf8') : chunk
}

function checkChunk(chunk: unknown): void {
  if (typeof chunk === 'string' || chunk instanceof Uint8Array) return
  throw nodeError(chunk === null ? 'ERR_STREAM_NULL_VALUES' : 'ERR_INVALID_ARG_TYPE', `content is ${typeof chunk}`)
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
