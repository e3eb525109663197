import { type ClientHttp2Session, type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2'
import { acceptedEncodings, encodingOf } from '../compression.ts'
import type { CopyCount } from '../copies.ts'
import type { AnyMethod } from '../definition.ts'
import { GrpcError, type StatusObject } from '../error.ts'
import { frame } from '../framing.ts'
import { MessageReader, type MessageReaderEvents } from '../message-reader.ts'
import { appendMetadata, Metadata, type MetadataLike } from '../metadata.ts'
import { decodeStatusMessage } from '../percent.ts'
import { GrpcStatus, parseStatus, statusOfHttp, statusOfReset } from '../status.ts'
import { formatTimeout, timerMsMax } from '../timeout.ts'
import type { Channel } from './channel.ts'

export interface CallOptions {
  metadata?: MetadataLike
  /** From now until the status, waiting for a stream included; the server is told. Default: none. */
  timeoutMs?: number
  /** Cancels the call. */
  signal?: AbortSignal
}

/** How a call ended. */
export interface EndOfCall extends StatusObject {
  metadata: Metadata
  /** True where the server certainly did not begin the call. */
  retryable: boolean
}

/** What a call's owner learns, in this order. Nothing comes after `onStatus`. */
export interface ClientCallListener {
  /** The call has a stream: it may be written to. */
  onReady(stream: ClientHttp2Stream): void
  onMetadata(metadata: Metadata): void
  onReply(reply: unknown): void
  onStatus(end: EndOfCall): void
}

/** A call that the server refused unprocessed is sent again this often, if it is one that we still have in full. */
const resendsMax = 1

/** One call on one stream of a channel, from the wait for the stream to the status. It knows no shape. */
export class ClientCall implements MessageReaderEvents, CopyCount {
  readonly method: AnyMethod
  copies = 0
  copiedBytes = 0
  over = false
  readonly #channel: Channel
  readonly #options: CallOptions
  readonly #listener: ClientCallListener
  /** The one request of the call, framed; undefined where the client streams. */
  readonly #request: Buffer | undefined
  readonly #deadlineMs: number
  #reader: MessageReader
  #stream: ClientHttp2Stream | undefined
  #received: Omit<EndOfCall, 'retryable'> | undefined
  #metadataSeen = false
  #resends = 0
  #timer: Disposable | undefined
  #paused = false
  readonly #onAbort = (): void => this.cancel('the caller aborted')

  constructor(
    channel: Channel,
    method: AnyMethod,
    options: CallOptions,
    listener: ClientCallListener,
    request: { message: unknown } | undefined,
  ) {
    this.#channel = channel
    this.method = method
    this.#options = options
    this.#listener = listener
    this.#reader = new MessageReader(channel.limits, this, this)
    this.#deadlineMs = options.timeoutMs === undefined ? Infinity : channel.clock.nowMs() + options.timeoutMs
    this.#request = request === undefined ? undefined : this.framed(request.message)
  }

  start(): void {
    const { timeoutMs, signal } = this.#options
    if (signal?.aborted === true) return this.cancel('the caller aborted')
    signal?.addEventListener('abort', this.#onAbort)
    if (timeoutMs !== undefined && timeoutMs <= timerMsMax) {
      this.#timer = this.#channel.clock.after(Math.max(0, timeoutMs), () => {
        this.#abandon(GrpcStatus.DEADLINE_EXCEEDED, this.#deadlineDetails())
      })
    }
    this.#channel.enter(this)
  }

  /** @throws GrpcError RESOURCE_EXHAUSTED for a message beyond the limit. */
  framed(message: unknown): Buffer {
    return frame(this.method.requestSerialize(message), this.#channel.limits.messageBytesMax, this)
  }

  cancel(details = 'the caller cancelled'): void {
    this.#abandon(GrpcStatus.CANCELLED, details)
  }

  pause(): void {
    this.#paused = true
    this.#stream?.pause()
  }

  resume(): void {
    this.#paused = false
    if (this.#reader.waiting === 0 && this.#stream?.isPaused() === true) this.#stream.resume()
  }

  /** @internal The channel has a stream to spare. */
  onSession(session: ClientHttp2Session, onStreamClosed: () => void): void {
    const stream = session.request(this.#headers())
    this.#stream = stream
    stream.on('error', ignore)
    stream.on('response', (headers, _flags, rawHeaders) => this.#onResponse(headers, rawHeaders))
    stream.on('trailers', (headers, _flags, rawHeaders) => this.#onTrailers(headers, rawHeaders))
    stream.on('data', (piece: Buffer) => this.#onData(piece))
    stream.on('end', () => this.#reader.end())
    stream.on('close', () => {
      onStreamClosed()
      this.#onClose(stream.rstCode, session.destroyed)
    })
    if (this.#paused) stream.pause()
    if (this.#request) stream.end(this.#request)
    this.#listener.onReady(stream)
  }

  /** @internal The channel has none, and will not have one. */
  onNoSession(error: GrpcError): void {
    this.#finish({ code: error.code, details: error.details, metadata: new Metadata(), retryable: error.retryable })
  }

  onMessage(bytes: Buffer): void {
    if (this.over) return
    let reply: unknown
    try {
      reply = this.method.responseDeserialize(bytes)
    } catch {
      return this.#abandon(GrpcStatus.INTERNAL, `the reply is no message of ${this.method.path}`)
    }
    this.#listener.onReply(reply)
  }

  onEnd(): void {
    if (this.#received === undefined) return
    this.#finish({ ...this.#received, retryable: false })
    // The server needs no more of what we would still send.
    if (!this.#stream!.writableEnded) this.#stream!.close(constants.NGHTTP2_CANCEL)
  }

  onFailure(error: GrpcError): void {
    this.#abandon(error.code, error.details)
  }

  onUnpacked(): void {
    if (!this.#paused) this.resume()
  }

  /** Ends the call on our side, whatever the server does. */
  fail(code: number, details: string): void {
    this.#abandon(code, details)
  }

  #deadlineDetails(): string {
    return `the deadline of ${this.#options.timeoutMs} ms passed`
  }

  #headers(): string[] {
    const { authority, scheme } = this.#channel
    const headers = [':method', 'POST', ':scheme', scheme, ':authority', authority, ':path', this.method.path]
    headers.push('te', 'trailers', 'content-type', 'application/grpc+proto', 'grpc-accept-encoding', acceptedEncodings)
    if (this.#deadlineMs !== Infinity) {
      headers.push('grpc-timeout', formatTimeout(this.#deadlineMs - this.#channel.clock.nowMs()))
    }
    appendMetadata(headers, this.#options.metadata)
    return headers
  }

  #onResponse(headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    const httpStatus = Number(headers[':status'])
    if (httpStatus !== 200) {
      return this.#abandon(statusOfHttp(httpStatus), `the answer has the HTTP status ${httpStatus}`)
    }
    if (!headers['content-type']?.startsWith('application/grpc')) {
      return this.#abandon(GrpcStatus.UNKNOWN, `the answer has the content type ${headers['content-type']}`)
    }
    const encoding = encodingOf(headers['grpc-encoding'] as string | undefined)
    if (encoding === undefined)
      return this.#abandon(GrpcStatus.INTERNAL, 'the answer has a grpc-encoding not agreed on')
    this.#reader.encoding = encoding
    if (headers['grpc-status'] !== undefined) return this.#onTrailers(headers, rawHeaders)
    this.#seeMetadata(Metadata.fromRawHeaders(rawHeaders))
  }

  #onTrailers(headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    const code = parseStatus(headers['grpc-status'] as string | undefined)
    if (code === undefined) return
    const details = decodeStatusMessage((headers['grpc-message'] as string | undefined) ?? '')
    this.#received = { code, details, metadata: Metadata.fromRawHeaders(rawHeaders) }
  }

  #onData(piece: Buffer): void {
    this.#reader.push(piece)
    if (this.#reader.waiting > 0) this.#stream!.pause()
  }

  #onClose(resetCode: number, connectionLost: boolean): void {
    if (this.over || (this.#received !== undefined && this.#reader.waiting > 0)) return
    // A stream that was reset right after its trailers ends without an `end`.
    if (this.#received) return this.#finish({ ...this.#received, retryable: false })
    const refused = resetCode === constants.NGHTTP2_REFUSED_STREAM
    if (refused && this.#request !== undefined && this.#resends++ < resendsMax) {
      this.#reader = new MessageReader(this.#channel.limits, this, this)
      this.#stream = undefined
      return this.#channel.enter(this)
    }
    // A server watches the deadline too, and ends the call so where its timer is through before ours.
    if (resetCode === constants.NGHTTP2_CANCEL && this.#channel.clock.nowMs() >= this.#deadlineMs) {
      return this.fail(GrpcStatus.DEADLINE_EXCEEDED, this.#deadlineDetails())
    }
    const code = connectionLost ? GrpcStatus.UNAVAILABLE : statusOfReset(resetCode)
    const details = connectionLost ? 'the connection was lost' : `the stream was closed with the code ${resetCode}`
    this.#finish({ code, details, metadata: new Metadata(), retryable: refused })
  }

  #abandon(code: number, details: string): void {
    if (this.over) return
    this.#finish({ code, details, metadata: new Metadata(), retryable: false })
    if (this.#stream === undefined) this.#channel.leave(this)
    else this.#stream.close(constants.NGHTTP2_CANCEL)
  }

  #seeMetadata(metadata: Metadata): void {
    if (this.#metadataSeen || this.over) return
    this.#metadataSeen = true
    this.#listener.onMetadata(metadata)
  }

  #finish(end: EndOfCall): void {
    if (this.over) return
    // An answer of trailers alone has no other metadata.
    this.#seeMetadata(new Metadata())
    this.over = true
    this.#timer?.[Symbol.dispose]()
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#listener.onStatus(end)
  }
}

function ignore(): void {
  // A stream that fails is closed as well: that is where it is seen to.
}

/** The error that a call rejects with. */
export function errorOf(end: EndOfCall): GrpcError {
  return new GrpcError(end.code, end.details, { metadata: end.metadata, retryable: end.retryable })
}
