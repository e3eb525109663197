import { errorCode, frameFlag, frameType, HpackDecoder, writeRstStream } from '@qps/http2-frames'
import type { ConnectionContext } from '../connection.ts'
import type { ErrorKind } from '../recorder.ts'
import type { TransportConnection } from '../transport.ts'
import { AnswerHead } from './answer-head.ts'
import { type AnswerJudge, takeContent } from './answer-judge.ts'
import type { FrameOutput } from './frame-output.ts'
import type { Http2Message } from './message.ts'
import { RequestSender } from './request-sender.ts'
import { readGoaway, Session } from './session.ts'
import { type Stream, Streams } from './streams.ts'

/** What HTTP/2 needs beyond what all connections do; shared by a thread's connections. */
export interface Http2Context extends ConnectionContext {
  message: Http2Message
  judge: AnswerJudge
  output: FrameOutput
}

/**
 * The requests and answers of one socket: opens a stream for each request, and makes of every frame that arrives what it
 * means for a stream. It tells the recorder at once; how many slots have become free is taken by whoever owns it. What
 * ends the connection shows in `failed`.
 *
 * A stream's fault is one request's error: `stream` where the server reset it, `parse` where its answer is none,
 * `goaway` where the server left without having looked at it.
 */
export class Exchange {
  readonly session: Session
  /** Answers on this socket. */
  answers = 0
  /** The server has said GOAWAY, for this reason; -1 where it has not. */
  goawayCode = -1

  readonly #context: Http2Context
  readonly #socket: TransportConnection
  readonly #decoder = new HpackDecoder()
  readonly #head = new AnswerHead()
  readonly #trailers = new AnswerHead()
  readonly #streams: Streams
  readonly #sender: RequestSender
  /** Streams that we have reset: frames that were under way may still come for them. */
  #resets = 0
  /** Streams that have their answer while their request is still being sent. */
  #early = 0
  /** Streams that ended and were not taken. */
  #freed = 0

  constructor(context: Http2Context, socket: TransportConnection) {
    const { message, output, pipeline } = context
    this.#context = context
    this.#socket = socket
    this.session = new Session(output, message.windowBytes)
    this.#streams = new Streams(pipeline)
    this.#sender = new RequestSender(message, this.session, output)
  }

  get failed(): boolean {
    return (this.session.reader.failure ?? this.session.failure) !== undefined
  }

  /** No new stream: the server has said so, or the identifiers are used up. */
  get leaving(): boolean {
    return this.goawayCode !== -1 || this.#streams.exhausted
  }

  get outstanding(): number {
    return this.#streams.length
  }

  /** Streams that may be opened now. */
  get free(): number {
    if (this.leaving) return 0
    return Math.max(0, Math.min(this.#context.pipeline, this.session.streamsMax) - this.#streams.length)
  }

  /** Streams that have ended since this was last called. */
  takeFreed(): number {
    const freed = this.#freed
    this.#freed = 0
    return freed
  }

  /** Writes a request. Only where `free` is at least 1. */
  send(intendedMs: number): void {
    this.#sender.send(this.#streams.open(intendedMs, this.session.initialWindow), this.#socket)
  }

  /** Takes the frame that the session's reader has completed. */
  take(nowMs: number): void {
    const { type, streamId } = this.session.reader
    if (!this.session.ready) this.#ofConnection()
    else if (type === frameType.headers) this.#headers(nowMs)
    else if (type === frameType.data) this.#content(nowMs)
    else if (type === frameType.rstStream) this.#reset()
    else if (type === frameType.goaway) this.#goaway()
    else if (type === frameType.windowUpdate && streamId !== 0) this.#windowUpdate()
    else if (type !== frameType.priority) this.#ofConnection()
  }

  /** Resets the streams that an earlier call has seen so long ago. @returns how many. */
  giveUpOverdue(nowMs: number, timeoutMs: number): number {
    let overdue = 0
    this.#streams.forEach((stream) => {
      if (stream.seenMs === 0) stream.seenMs = nowMs
      else if (nowMs - stream.seenMs > timeoutMs) {
        overdue++
        this.#giveUp(stream, 'timeout', errorCode.cancel)
      }
    })
    return overdue
  }

  /** Ends one stream, if there is any, of whose error the recorder knows already. */
  releaseOne(): void {
    let first = true
    this.#streams.forEach((stream) => {
      if (first) this.#release(stream)
      first = false
    })
  }

  /** Ends all streams. @returns how many of them had no answer: an error of this kind each. */
  loseAll(kind: ErrorKind): number {
    const lost = this.#streams.length - this.#early
    this.#streams.forEach((stream) => this.#lose(stream, kind))
    return lost
  }

  #ofConnection(): void {
    const { session } = this
    const widenedBytes = session.take()
    const { type, flags } = session.reader
    if (session.failure !== undefined || type === frameType.ping) return
    if (type === frameType.settings && (flags & frameFlag.ack) === 0) {
      this.#sender.settingsChanged()
      this.#streams.forEach((stream) => (stream.sendWindow += widenedBytes))
      const { peer } = this.#context
      peer.streamsMax = Math.min(peer.streamsMax, session.streamsMax)
    }
    this.#resume()
  }

  /** Windows have opened. */
  #resume(): void {
    this.#sender.resume(this.#socket)
    if (this.#early === 0) return
    this.#streams.forEach((stream) => {
      if (stream.answered && this.#sender.isSent(stream)) this.#release(stream)
    })
  }

  #headers(nowMs: number): void {
    const { streamId, flags, bytes, start, end } = this.session.reader
    const stream = this.#unanswered(streamId)
    const isTrailers = stream !== undefined && stream.status !== 0
    const head = isTrailers ? this.#trailers : this.#head
    head.read(this.#decoder, bytes, start, end)
    const { failure } = this.#decoder
    if (failure !== undefined) return this.session.fail(errorCode.compressionError, failure)
    if (stream === undefined) return this.#stray(streamId)
    const ends = (flags & frameFlag.endStream) !== 0
    if (head.malformed || (isTrailers ? head.status !== -1 || !ends : !isAnswer(head.status, ends))) {
      return this.#giveUp(stream, 'parse', errorCode.protocolError)
    }
    if (!isTrailers && head.status >= 200) {
      stream.status = head.status
      stream.contentLength = head.contentLength
    }
    if (ends) this.#settle(stream, head.grpcStatus, nowMs)
  }

  #content(nowMs: number): void {
    const { session } = this
    const { streamId, flags, bytes, start, end, payloadBytes } = session.reader
    session.received(payloadBytes)
    const stream = this.#unanswered(streamId)
    if (stream === undefined) return this.#stray(streamId)
    if (stream.status === 0) return this.#giveUp(stream, 'parse', errorCode.protocolError)
    takeContent(stream, bytes, start, end)
    if ((flags & frameFlag.endStream) !== 0) return this.#settle(stream, -1, nowMs)
    stream.unacknowledgedBytes = session.reopened(streamId, stream.unacknowledgedBytes + payloadBytes)
  }

  /** The stream, if its answer is still to come. */
  #unanswered(streamId: number): Stream | undefined {
    const stream = this.#streams.find(streamId)
    return stream?.answered ? undefined : stream
  }

  #reset(): void {
    const { streamId } = this.session.reader
    const stream = this.#streams.find(streamId)
    if (stream !== undefined) this.#lose(stream, 'stream')
    else if (this.#streams.isIdle(streamId)) this.#stray(streamId)
  }

  /** RFC 9113, section 6.8: streams above the last one were not looked at; the others are still answered. */
  #goaway(): void {
    const { lastStreamId, code } = readGoaway(this.session.reader)
    this.goawayCode = code
    this.#streams.forEach((stream) => {
      if (stream.id > lastStreamId) this.#lose(stream, 'goaway')
    })
  }

  #windowUpdate(): void {
    const { streamId } = this.session.reader
    const stream = this.#streams.find(streamId)
    if (stream === undefined) return this.#streams.isIdle(streamId) ? this.#stray(streamId) : undefined
    stream.sendWindow = this.session.widened(stream.sendWindow)
    if (stream.blocked) this.#resume()
  }

  /** A frame for a stream that is not in use: a server's mistake, unless it had not seen our reset yet. */
  #stray(streamId: number): void {
    if (this.#streams.isIdle(streamId)) {
      this.session.fail(errorCode.protocolError, `a frame on stream ${streamId}, which nobody opened`)
    } else if (this.#resets === 0) {
      this.session.fail(errorCode.streamClosed, `a frame on stream ${streamId}, which is closed`)
    }
  }

  /**
   * The answer is whole. Where it comes before its request was, the request goes on: only the server knows whether it wants
   * the rest, and whoever resets streams in numbers is cut off.
   */
  #settle(stream: Stream, grpcStatus: number, nowMs: number): void {
    this.#context.judge(stream, grpcStatus, nowMs)
    this.answers++
    this.session.progressed()
    if (this.#sender.isSent(stream)) return this.#release(stream)
    stream.answered = true
    this.#early++
  }

  /** A request gets an error instead of an answer, and the server need not go on with it. */
  #giveUp(stream: Stream, kind: ErrorKind, code: number): void {
    const { output } = this.#context
    output.makeRoom(this.#socket)
    output.at = writeRstStream(output.bytes, output.at, stream.id, code)
    this.#resets++
    this.#lose(stream, kind)
  }

  /** The stream is over, and with it the request, unless it has its answer. */
  #lose(stream: Stream, kind: ErrorKind): void {
    if (!stream.answered) this.#context.recorder.error(kind)
    this.#release(stream)
  }

  #release(stream: Stream): void {
    this.#sender.abandon(stream)
    if (stream.answered) this.#early--
    this.#streams.close(stream)
    this.#freed++
  }
}

/** An answer, or an interim one, which has no end and is never a change of protocol: RFC 9113, sections 8.1 and 8.6. */
function isAnswer(status: number, ends: boolean): boolean {
  return status >= 200 ? status <= 999 : status >= 100 && status !== 101 && !ends
}
