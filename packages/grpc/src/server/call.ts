import { constants } from 'node:http2'
import type { Clock } from '@qps/core'
import type { Encoding } from '../compression.ts'
import type { CopyCount } from '../copies.ts'
import type { AnyMethod } from '../definition.ts'
import type { GrpcError, StatusObject } from '../error.ts'
import { frame } from '../framing.ts'
import { MessageReader, type MessageReaderEvents } from '../message-reader.ts'
import { appendMetadata, Metadata, type MetadataLike } from '../metadata.ts'
import type { GrpcLimits } from '../options.ts'
import { encodeStatusMessage } from '../percent.ts'
import { GrpcStatus } from '../status.ts'
import { timerMsMax } from '../timeout.ts'
import type { MethodObserver } from './observer.ts'
import type { CallStream, CallStreamEvents } from './transport.ts'

/** What a shape of call does with what arrives. After `onCancel` nothing else comes. */
export interface CallListener {
  /** The call is listening: it may be answered from here on. */
  onStart(): void
  onMessage(message: unknown): void
  /** The client has sent its last message. */
  onHalfClose(): void
  /** Nobody waits for an answer any more: the client left, or the deadline passed. */
  onCancel(): void
}

/** What is called, and who is told of that. */
export interface CalledMethod {
  readonly method: AnyMethod
  readonly observed: MethodObserver | undefined
}

/** What a call needs of the server that it is on. */
export interface CallContext {
  readonly limits: Readonly<GrpcLimits>
  readonly clock: Clock
  /** The stream is gone. */
  onClosed(call: ServerCall): void
}

/** The header section of every answer, and the trailers of most: the same arrays, so that a transport can know their bytes. */
export const responseHeaders: readonly string[] = Object.freeze([
  ':status',
  '200',
  'content-type',
  'application/grpc+proto',
])
export const okTrailers: readonly string[] = Object.freeze(['grpc-status', '0'])

/**
 * One call on one stream: its messages in and out, its headers, its end. It knows no shape: a {@link CallListener} does.
 * Every method is harmless after the end.
 */
export class ServerCall implements MessageReaderEvents, CallStreamEvents, CopyCount {
  readonly stream: CallStream
  readonly method: AnyMethod
  /** Who is told of this method's calls. */
  readonly observed: MethodObserver | undefined
  readonly startMs: number
  /** By the wall clock, as handlers compare it; Infinity where the client set none. */
  deadlineMs: number = Infinity
  listener: CallListener | undefined
  copies = 0
  copiedBytes = 0
  messagesIn = 0
  messagesOut = 0
  /** How the call ends; undefined until that is known. */
  status: number | undefined
  /** The status is on its way: whatever becomes of the stream, the call was answered. */
  answered = false
  cancelled = false
  readonly #context: CallContext
  readonly #rawHeaders: readonly string[]
  readonly #reader: MessageReader
  #metadata: Metadata | undefined
  #headersSent = false
  #paused = false
  #timer: Disposable | undefined

  constructor(
    stream: CallStream,
    { method, observed }: CalledMethod,
    rawHeaders: readonly string[],
    encoding: Encoding,
    context: CallContext,
  ) {
    this.stream = stream
    this.method = method
    this.observed = observed
    this.#rawHeaders = rawHeaders
    this.#context = context
    this.startMs = context.clock.nowMs()
    this.#reader = new MessageReader(context.limits, this, this)
    this.#reader.encoding = encoding
  }

  /** From here on things arrive. @param timeoutMs undefined for none. */
  start(listener: CallListener, timeoutMs: number | undefined): void {
    this.listener = listener
    this.stream.listen(this)
    if (timeoutMs !== undefined && timeoutMs <= timerMsMax) {
      this.deadlineMs = this.#context.clock.wallMs() + timeoutMs
      this.#timer = this.#context.clock.after(timeoutMs, () => this.#onDeadline())
    }
    listener.onStart()
  }

  get metadata(): Metadata {
    return (this.#metadata ??= Metadata.fromRawHeaders(this.#rawHeaders))
  }

  /** The first value of a header, pseudo-headers included. */
  header(name: string): string | undefined {
    const at = this.#rawHeaders.findIndex((text, index) => index % 2 === 0 && text === name)
    return at === -1 ? undefined : this.#rawHeaders[at + 1]
  }

  /** True while something can still be sent. */
  get open(): boolean {
    return this.status === undefined && !this.cancelled && !this.stream.closed
  }

  /** Its status when it is over. A client that left is not OK, even if its handler took the end of its messages for one. */
  get outcome(): number {
    const { answered, status = GrpcStatus.CANCELLED } = this
    return status === GrpcStatus.OK && !answered ? GrpcStatus.CANCELLED : status
  }

  sendMetadata(metadata: MetadataLike): void {
    if (!this.open || this.#headersSent) return
    const headers = [...responseHeaders]
    appendMetadata(headers, metadata)
    this.#respond(headers)
  }

  /** @param done called when the message was taken by the connection; never, if the call ends before. */
  sendMessage(message: unknown, done: () => void): void {
    if (!this.open) return
    const framed = this.#framed(message)
    if (framed === undefined) return
    if (!this.#headersSent) this.#respond(responseHeaders)
    this.#sent()
    this.stream.write(framed, done)
  }

  /** The one message of a reply, and OK: in one go. */
  sendReply(message: unknown, metadata: MetadataLike | null | undefined): void {
    if (!this.open) return
    const framed = this.#framed(message)
    if (framed === undefined) return
    if (!this.#headersSent) this.#respond(responseHeaders)
    this.#sent()
    this.status = GrpcStatus.OK
    const plain = metadata === null || metadata === undefined
    this.stream.end(framed, plain ? okTrailers : trailersOf('0', '', metadata))
  }

  sendStatus({ code, details, metadata }: StatusObject): void {
    if (!this.open) return
    this.status = code
    const message = encodeStatusMessage(details)
    if (this.#headersSent) return this.stream.end(undefined, trailersOf(String(code), message, metadata))
    const headers = [...responseHeaders, 'grpc-status', String(code)]
    if (message !== '') headers.push('grpc-message', message)
    appendMetadata(headers, metadata)
    this.stream.respond(headers, true)
  }

  /** Reads no more until {@link resume}: the client's window closes by itself. */
  pause(): void {
    this.#paused = true
    this.stream.pause()
  }

  resume(): void {
    this.#paused = false
    if (this.#reader.waiting === 0) this.stream.resume()
  }

  onMessage(bytes: Buffer): void {
    if (this.cancelled || this.status !== undefined) return
    let message: unknown
    try {
      message = this.method.requestDeserialize(bytes)
    } catch {
      return this.fail(GrpcStatus.INTERNAL, `the request is no message of ${this.method.path}`)
    }
    this.messagesIn++
    this.observed?.received()
    this.listener!.onMessage(message)
  }

  onEnd(): void {
    if (!this.cancelled && this.status === undefined) this.listener!.onHalfClose()
  }

  onFailure(error: GrpcError): void {
    this.fail(error.code, error.details)
  }

  /** Ends the call with a status of ours, which the handler learns as a cancellation. */
  fail(code: number, details: string): void {
    this.sendStatus({ code, details, metadata: null })
    this.#cancel()
  }

  /** @internal */
  onData(piece: Buffer): void {
    this.#reader.push(piece)
    if (this.#reader.waiting === 0) return
    // What follows had better stay with the client.
    this.stream.pause()
  }

  onUnpacked(): void {
    if (!this.#paused) this.resume()
  }

  /** @internal */
  onAborted(): void {
    this.#cancel()
  }

  /** @internal */
  onRequestOver(): void {
    this.#reader.end()
  }

  /** @internal */
  onAnswered(): void {
    this.answered = true
    this.#timer?.[Symbol.dispose]()
  }

  /** @internal */
  onStreamClosed(): void {
    this.#timer?.[Symbol.dispose]()
    if (this.status === undefined) this.#cancel()
    this.#context.onClosed(this)
  }

  #sent(): void {
    this.messagesOut++
    this.observed?.sent()
  }

  #respond(headers: readonly string[]): void {
    this.#headersSent = true
    this.stream.respond(headers, false)
  }

  #framed(message: unknown): Buffer | undefined {
    try {
      return frame(this.method.responseSerialize(message), this.#context.limits.messageBytesMax, this)
    } catch (error) {
      const tooLarge = (error as Partial<GrpcError>).code === GrpcStatus.RESOURCE_EXHAUSTED
      if (tooLarge) this.fail(GrpcStatus.RESOURCE_EXHAUSTED, (error as GrpcError).details)
      else this.fail(GrpcStatus.INTERNAL, `the reply is no message of ${this.method.path}`)
      return undefined
    }
  }

  #onDeadline(): void {
    const { blocked } = this.stream
    this.fail(GrpcStatus.DEADLINE_EXCEEDED, 'the deadline passed')
    // Trailers would wait behind what the client does not take.
    if (blocked) this.stream.reset(constants.NGHTTP2_CANCEL)
  }

  #cancel(): void {
    if (this.cancelled) return
    this.cancelled = true
    this.listener!.onCancel()
  }
}

function trailersOf(code: string, message: string, metadata: MetadataLike | null): readonly string[] {
  if (code === '0' && message === '' && metadata === null) return okTrailers
  const trailers: string[] = []
  appendMetadata(trailers, metadata)
  trailers.push('grpc-status', code)
  if (message !== '') trailers.push('grpc-message', message)
  return trailers
}
