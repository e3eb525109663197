import { hasListeners } from './light.ts'
import { finishSoon } from './finish.ts'
import { nodeError } from './node-errors.ts'
import type { NodeRequest } from './node-request.ts'
import type { NodeSocket } from './node-socket.ts'
import { bytesOf, type Chunk, type Done, OutgoingMessage } from './outgoing-message.ts'
import type { Request } from '../server/request.ts'
import type { Response } from '../server/response.ts'
import type { ResponseWatcher } from '../server/response-owner.ts'

/**
 * A response in the shape of `http.ServerResponse`: a legacy stream that can be written and piped to, with the events
 * 'finish', 'close', 'drain', 'error' and 'pipe'.
 *
 * 'finish' says that all is handed to the engine, which sends it at the end of the turn.
 */
export class NodeResponse extends OutgoingMessage implements ResponseWatcher {
  declare readonly _sent100: boolean
  declare readonly _defaultKeepAlive: boolean
  declare readonly _removedConnection: boolean
  declare readonly _removedContLen: boolean
  declare readonly writable: boolean

  /** `end` was called. */
  finished = false
  writableFinished = false
  errored: Error | null = null
  /** 'close' has been, or is being, emitted. */
  _closed = false
  #needsDrain = false
  #whenFinished: Done[] | undefined

  constructor(request: NodeRequest, http: Request['connection'], response: Response) {
    super(request, http, response)
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
    return this.http.output.pendingBytes
  }

  // Interim answers

  writeContinue(done?: Done): void {
    this.http.wantBody()
    if (done !== undefined) process.nextTick(done)
  }

  writeProcessing(done?: Done): void {
    this.inform(102, undefined, done)
  }

  /** @param hints `link`: one or several values; other fields as they are. */
  writeEarlyHints(hints: Readonly<Record<string, string | readonly string[]>>, done?: Done): void {
    const { link, ...others } = hints
    const links = link === undefined ? [] : [link].flat()
    if (links.length > 0) this.inform(103, { Link: links.join(', '), ...others }, done)
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
    let mayGoOn = this.headWaits ? this.sendHead() : !this.#needsDrain
    if (bytes.length > 0) mayGoOn = this.content(bytes)
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
    if (this.headWaits) this.whole(chunk ?? '', encoding ?? null)
    else {
      if (chunk) this.content(bytesOf(chunk, encoding))
      this.endStream()
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

  /** Emits 'error': a response cannot be read. */
  override pipe<T extends NodeJS.WritableStream>(to: T): T {
    this.emit('error', nodeError('ERR_STREAM_CANNOT_PIPE'))
    return to
  }

  /** Breaks the connection off, unless the response has ended. */
  destroy(error?: Error): this {
    if (this.destroyed) return this
    this.destroyed = true
    this.errored = error ?? null
    if (this.finished) finishSoon(this)
    else this.http.output.destroy()
    return this
  }

  // For the connection

  onPeerEnd(): void {
    // As `http.Server` does unless `httpAllowHalfOpen` is set: whoever has stopped sending is taken to have left.
    this.http.output.destroy()
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

  #over(): void {
    this.finished = true
    const response = this.response
    response.statusCode = this.statusCode
    response.ended = true
    this.req.done()
    this.http.responseEnded()
    finishSoon(this)
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

function checkChunk(chunk: unknown): void {
  if (typeof chunk === 'string' || chunk instanceof Uint8Array) return
  throw nodeError(chunk === null ? 'ERR_STREAM_NULL_VALUES' : 'ERR_INVALID_ARG_TYPE', `content is ${typeof chunk}`)
}
