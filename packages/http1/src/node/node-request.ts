import { Readable } from 'node:stream'
import type { Request } from '../server/request.ts'
import { distinct, type IncomingFields, readFields, readRawFields } from './incoming-fields.ts'
import { IncomingBody } from './incoming-body.ts'
import { hasListeners, LightReadable } from './light.ts'
import { nodeError } from './node-errors.ts'
import type { NodeHttpServer } from './node-http-server.ts'
import { type NodeSocket, socketOf } from './node-socket.ts'

/** What makes a Readable out of an object that has its prototype. */
const constructReadable = Readable as unknown as (this: object, options: object) => void
type Listener = (...values: unknown[]) => void

const accessor = (name: 'destroyed' | 'readableEnded'): ((this: object) => boolean) =>
  // oxlint-disable-next-line typescript/unbound-method -- called with a receiver
  Object.getOwnPropertyDescriptor(Readable.prototype, name)!.get as (this: object) => boolean

/** Content that waits in the stream, beyond which the client is held back. Bytes, Node's own. */
const highWaterMark = 64 * 1024

/**
 * A request in the shape of `http.IncomingMessage`. Its head is decoded at once, because a framework reads it anyway, and
 * stays valid for as long as the object lives.
 *
 * It becomes a stream when somebody uses it as one: then it is a real `stream.Readable`, with all of its methods. Until
 * then it is an object with fields, and its events are 'aborted', 'end', 'error' and 'close', at the times of Node's.
 */
export class NodeRequest extends LightReadable {
  // Node's types have these as fields, which only a field may override; they are accessors in truth.
  static {
    const destroyed = accessor('destroyed')
    const readableEnded = accessor('readableEnded')
    const define = (name: string, get: (this: NodeRequest) => boolean) =>
      Object.defineProperty(this.prototype, name, { get, set() {}, configurable: true })
    define('destroyed', function () {
      return this.#stream === undefined ? this.#over : destroyed.call(this)
    })
    define('readableEnded', function () {
      return this.#stream !== undefined && readableEnded.call(this)
    })
  }

  method: string
  url: string
  headers: IncomingFields
  readonly httpVersionMajor = 1
  readonly httpVersionMinor: number
  /** The whole message has arrived. */
  complete: boolean
  /** The client left, or `destroy` was called, before the request was over. */
  aborted = false
  rawTrailers: string[] = noTrailers
  readonly server: NodeHttpServer
  readonly #request: Request
  readonly #http: Request['connection']
  readonly #text: string
  readonly #body: IncomingBody | undefined
  #rawHeaders: string[] | undefined
  /** A Readable's state, once it is one. */
  #stream: object | undefined
  #abortController: AbortController | undefined
  /** The response has ended, or the connection is gone. */
  #over = false

  constructor(server: NodeHttpServer, request: Request) {
    super()
    const { text, parser } = request.headText()
    const http = request.connection
    this.method = request.method
    this.url = text.slice(parser.targetStart, parser.targetEnd)
    this.headers = readFields(text, parser)
    this.httpVersionMinor = request.versionMinor
    this.complete = parser.bodyComplete
    this.server = server
    this.#request = request
    this.#http = http
    this.#text = text
    if (!parser.bodyComplete) http.openBodyInto((this.#body = new IncomingBody(http, this)))
    // All is decoded: the head's bytes need not be kept.
    request.release()
  }

  get httpVersion(): string {
    return this.httpVersionMinor === 0 ? '1.0' : '1.1'
  }

  /** The pattern of the route, for `onRequestDone`: whoever routes sets it. */
  get route(): string {
    return this.#request.route
  }
  set route(pattern: string) {
    this.#request.route = pattern
  }

  get rawHeaders(): string[] {
    return (this.#rawHeaders ??= readRawFields(this.#text))
  }

  get headersDistinct(): Record<string, string[]> {
    return distinct(this.rawHeaders)
  }

  get trailers(): Record<string, string> {
    const all = Object.entries(this.trailersDistinct)
    return Object.fromEntries(all.map(([name, values]) => [name, values.join(', ')]))
  }

  get trailersDistinct(): Record<string, string[]> {
    return distinct(this.rawTrailers)
  }

  get socket(): NodeSocket {
    return socketOf(this.server, this.#http)
  }

  get connection(): NodeSocket {
    return this.socket
  }

  /** Aborted when the client leaves before the request is over. */
  get signal(): AbortSignal {
    if (this.#abortController === undefined) {
      this.#abortController = new AbortController()
      if (this.aborted) this.#abortController.abort()
    }
    return this.#abortController.signal
  }

  /** Taken, without effect: the limits of the server hold. */
  setTimeout(): this {
    return this
  }

  // Readable, on demand

  get _readableState(): object {
    return this.#stream ?? this.#becomeStream()
  }

  set _readableState(state: object) {
    this.#stream = state
  }

  override on(name: string | symbol, listener: Listener): this {
    if (this.#stream === undefined && name !== 'data' && name !== 'readable') return listen(this, name, listener)
    return super.on(name, listener)
  }

  override addListener(name: string | symbol, listener: Listener): this {
    return this.on(name, listener)
  }

  override off(name: string | symbol, listener: Listener): this {
    return this.removeListener(name, listener)
  }

  override removeListener(name: string | symbol, listener: Listener): this {
    return this.#stream === undefined ? unlisten(this, name, listener) : super.removeListener(name, listener)
  }

  override destroy(error?: Error): this {
    // The connection may be another request's by now.
    if (this.#over && this.#stream === undefined) return this
    return super.destroy(error)
  }

  override _read(): void {
    if (this.#body === undefined) this.push(null)
    else this.#body.read()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.complete && this.readableEnded) return callback()
    this.aborted = true
    this.emit('aborted')
    this.#abortController?.abort()
    if (!this.#over) this.#http.output.destroy()
    // Nobody has to expect that a client leaves: without a listener it is no error.
    process.nextTick(() => callback(this.listenerCount('error') === 0 ? null : error))
  }

  // For the response and the body

  /** The client has left, or what it sent cannot be read on. */
  abort(): void {
    if (this.#over) return
    const quiet = this.#stream === undefined && !hasListeners(this)
    if (!quiet && this.#stream === undefined) this.#becomeStream()
    this.#over = true
    if (!quiet) super.destroy(nodeError('ECONNRESET'))
    else {
      this.aborted = true
      this.#abortController?.abort()
    }
  }

  /** The response has ended. What nobody has read by now is dropped. */
  done(): void {
    if (this.#over) return
    this.#over = true
    if (this.#stream === undefined) {
      this.#body?.drop()
      if (hasListeners(this)) process.nextTick(endUnread, this)
    } else if (!this.complete) {
      this.#body?.drop()
      super.destroy()
    } else if (!this.readableDidRead) {
      this.removeAllListeners('data')
      this.resume()
    }
  }

  #becomeStream(): object {
    constructReadable.call(this, { highWaterMark })
    const stream = this.#stream!
    if (this.#over) super.destroy()
    return stream
  }
}

const noTrailers: string[] = []
const { on: listenTo, removeListener } = Object.getPrototypeOf(
  Object.getPrototypeOf(Readable.prototype) as object,
) as NodeJS.EventEmitter

function listen<T extends NodeRequest>(request: T, name: string | symbol, listener: Listener): T {
  return listenTo.call(request, name, listener) as T
}

function unlisten<T extends NodeRequest>(request: T, name: string | symbol, listener: Listener): T {
  return removeListener.call(request, name, listener) as T
}

function endUnread(request: NodeRequest): void {
  request.emit('end')
  request.emit('close')
}
