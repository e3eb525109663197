import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
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
import { withoutBody } from './refusals.ts'
import { SlicedWrite, sliceBytes } from './sliced-write.ts'

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

/** What a call needs of the server and the connection that it is on. */
export interface CallContext {
  readonly limits: Readonly<GrpcLimits>
  readonly clock: Clock
  /** The answer is complete, the request is not: what it still sends is let go by, for a while. */
  linger(stream: ServerHttp2Stream): void
  /** Bytes were taken by the client. */
  onProgress(): void
  /** The stream is gone. */
  onClosed(call: ServerCall): void
}

type OwnedStream = ServerHttp2Stream & { [owner]: ServerCall }
const owner = Symbol('call')

const responseHeaders: readonly string[] = [':status', '200', 'content-type', 'application/grpc+proto']
const okTrailers: OutgoingHttpHeaders = Object.freeze({ 'grpc-status': '0' })
/** A Date header tells a gRPC client nothing. */
const withTrailers = Object.freeze({ waitForTrailers: true, sendDate: false })

/**
 * One call on one stream: its messages in and out, its headers, its end. It knows no shape: a {@link CallListener} does.
 * Every method is harmless after the end.
 *
 * The listeners on the stream are the same functions for all calls: they find the call on the stream.
 */
export class ServerCall implements MessageReaderEvents, CopyCount {
  readonly stream: ServerHttp2Stream
  readonly method: AnyMethod
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
  /** Since when output has waited without any of it being taken; undefined while none waits. */
  waitingSinceMs: number | undefined
  readonly #context: CallContext
  readonly #rawHeaders: readonly string[]
  readonly #reader: MessageReader
  #metadata: Metadata | undefined
  #headersSent = false
  #requestOver = false
  #paused = false
  #abortWatched = false
  #sliced: SlicedWrite | undefined
  #trailers: OutgoingHttpHeaders = okTrailers
  #timer: Disposable | undefined

  constructor(
    stream: ServerHttp2Stream,
    method: AnyMethod,
    rawHeaders: readonly string[],
    encoding: Encoding,
    context: CallContext,
  ) {
    this.stream = stream
    this.method = method
    this.#rawHeaders = rawHeaders
    this.#context = context
    this.startMs = context.clock.nowMs()
    this.#reader = new MessageReader(context.limits, this, this)
    this.#reader.encoding = encoding
  }

  /** From here on things arrive. @param timeoutMs undefined for none. */
  start(listener: CallListener, timeoutMs: number | undefined): void {
    this.listener = listener
    const { stream } = this
    ;(stream as OwnedStream)[owner] = this
    stream.on('close', onStreamClose)
    stream.on('end', onStreamEnd)
    stream.on('data', onStreamData)
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
    return this.status === undefined && !this.cancelled && !this.stream.destroyed && !this.stream.closed
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
    this.messagesOut++
    this.#write(framed, false, done)
  }

  /** The one message of a reply, and OK: in one go. */
  sendReply(message: unknown, metadata: MetadataLike | null | undefined): void {
    if (!this.open) return
    const framed = this.#framed(message)
    if (framed === undefined) return
    if (!this.#headersSent) this.#respond(responseHeaders)
    this.messagesOut++
    this.status = GrpcStatus.OK
    if (metadata !== null && metadata !== undefined) this.#trailers = trailersOf('0', '', metadata)
    this.#write(framed, true, ignore)
  }

  sendStatus({ code, details, metadata }: StatusObject): void {
    if (!this.open) return
    this.status = code
    const message = encodeStatusMessage(details)
    if (this.#headersSent) {
      this.#trailers = trailersOf(String(code), message, metadata)
      if (this.#sliced) this.#sliced.last = true
      else this.stream.end()
      return
    }
    const headers = [...responseHeaders, 'grpc-status', String(code)]
    if (message !== '') headers.push('grpc-message', message)
    appendMetadata(headers, metadata)
    this.stream.respond(headers, withoutBody)
    this.#settle()
  }

  /** Reads no more until {@link resume}: the client's window closes by itself. */
  pause(): void {
    this.#paused = true
    this.stream.pause()
    if (this.#abortWatched) return
    // A stream that is paused does not end, and so does not close, where the client resets it with the code 0.
    this.#abortWatched = true
    this.stream.on('aborted', onStreamAborted)
  }

  resume(): void {
    this.#paused = false
    if (this.#reader.waiting === 0 && this.stream.isPaused()) this.stream.resume()
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
    this.stream.resume()
  }

  /** @internal */
  onRequestOver(): void {
    this.#requestOver = true
    this.#reader.end()
  }

  /** @internal */
  onWantTrailers(): void {
    this.#settle()
    this.stream.sendTrailers(this.#trailers)
  }

  /** @internal */
  onStreamClosed(): void {
    this.#timer?.[Symbol.dispose]()
    this.waitingSinceMs = undefined
    if (this.status === undefined) this.#cancel()
    this.#context.onClosed(this)
  }

  /** @internal What waited has been taken; `more` of the same message follows. */
  onTaken(more: boolean): void {
    this.waitingSinceMs = more ? this.#context.clock.nowMs() : undefined
    if (!more) this.#sliced = undefined
    this.#context.onProgress()
  }

  #respond(headers: readonly string[]): void {
    this.#headersSent = true
    this.stream.on('wantTrailers', onStreamWantsTrailers)
    this.stream.respond(headers, withTrailers)
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

  #write(framed: Buffer, last: boolean, done: () => void): void {
    this.waitingSinceMs ??= this.#context.clock.nowMs()
    if (framed.length > sliceBytes) {
      this.#sliced = new SlicedWrite(this, framed, last, done)
      this.#sliced.next()
    } else if (last) this.stream.end(framed)
    else {
      this.stream.write(framed, () => {
        this.onTaken(false)
        done()
      })
    }
  }

  /** Nothing waits for the client but the status: the deadline is met, and the rest of the request is not needed. */
  #settle(): void {
    this.answered = true
    this.waitingSinceMs = undefined
    this.#timer?.[Symbol.dispose]()
    if (!this.#requestOver) this.#context.linger(this.stream)
  }

  #onDeadline(): void {
    const blocked = this.waitingSinceMs !== undefined
    this.fail(GrpcStatus.DEADLINE_EXCEEDED, 'the deadline passed')
    // Trailers would wait behind what the client does not take.
    if (blocked) this.stream.close(constants.NGHTTP2_CANCEL)
  }

  #cancel(): void {
    if (this.cancelled) return
    this.cancelled = true
    this.listener!.onCancel()
  }
}

function trailersOf(code: string, message: string, metadata: MetadataLike | null): OutgoingHttpHeaders {
  const trailers = Object.create(null) as Record<string, string | string[]>
  const pairs: string[] = []
  appendMetadata(pairs, metadata)
  for (let at = 0; at < pairs.length; at += 2) {
    const key = pairs[at]!
    const before = trailers[key]
    trailers[key] = before === undefined ? [pairs[at + 1]!] : [...before, pairs[at + 1]!]
  }
  trailers['grpc-status'] = code
  if (message !== '') trailers['grpc-message'] = message
  return trailers
}

function ignore(): void {
  // The end of the stream is what tells that a reply was taken.
}

function onStreamData(this: ServerHttp2Stream, piece: Buffer): void {
  ;(this as OwnedStream)[owner].onData(piece)
}

function onStreamAborted(this: ServerHttp2Stream): void {
  ;(this as OwnedStream)[owner].onAborted()
}

function onStreamEnd(this: ServerHttp2Stream): void {
  ;(this as OwnedStream)[owner].onRequestOver()
}

function onStreamWantsTrailers(this: ServerHttp2Stream): void {
  ;(this as OwnedStream)[owner].onWantTrailers()
}

function onStreamClose(this: ServerHttp2Stream): void {
  ;(this as OwnedStream)[owner].onStreamClosed()
}
