import { systemErrorCode } from '@qps/core'
import { errorCode, frameFlag, frameType, HpackDecoder, writeRstStream } from '@qps/http2-frames'
import type { ConnectionContext, ConnectionOwner, Ending, LoadConnection } from '../connection.ts'
import type { ErrorKind } from '../recorder.ts'
import type { TransportConnection, TransportHandler } from '../transport.ts'
import { AnswerHead } from './answer-head.ts'
import { type AnswerJudge, judgeFor, takeContent } from './answer-judge.ts'
import { FrameOutput } from './frame-output.ts'
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
 * One connection of HTTP/2, or of gRPC, which is a way to use it: every request is a stream, and answers come in any order.
 *
 *   connect ─► preface, SETTINGS ─► the server's SETTINGS: open ─► streams … ─► GOAWAY: what is outstanding, then closed
 *
 * A stream's fault is one request's error, and the connection goes on: `stream` where the server reset it, `parse` where
 * its answer is none. A fault of the connection ends it, as one of HTTP/1.1 does.
 */
export class Http2Connection implements TransportHandler, LoadConnection {
  freedMs = 0
  answers = 0
  endedPolitely = false
  /** Belongs to the ring of idle connections. */
  listed = false

  readonly #context: Http2Context
  readonly #owner: ConnectionOwner
  readonly #head = new AnswerHead()
  readonly #trailers = new AnswerHead()
  #session!: Session
  #decoder!: HpackDecoder
  #streams!: Streams
  #sender!: RequestSender
  #socket: TransportConnection | undefined
  #open = false
  /** The server has said GOAWAY, for this reason; -1 where it has not. */
  #goawayCode = -1
  /** Streams that we have reset: frames that were under way may still come for them. */
  #resets = 0
  /** Streams that have their answer while their request is still being sent. */
  #early = 0
  /** Streams that ended and of which the loop has not been told. */
  #freed = 0
  #connectingSinceMs = 0
  #heardMs = 0

  static context(context: ConnectionContext, message: Http2Message): Http2Context {
    return { ...context, message, judge: judgeFor(context, message), output: new FrameOutput() }
  }

  constructor(context: Http2Context, owner: ConnectionOwner) {
    this.#context = context
    this.#owner = owner
  }

  get free(): number {
    if (!this.#open || this.#leaving) return 0
    return Math.max(0, Math.min(this.#context.pipeline, this.#session.streamsMax) - this.#streams.length)
  }

  get outstanding(): number {
    return this.#open ? this.#streams.length : 0
  }

  connect(): void {
    const { clock, message, output, pipeline, target, transport } = this.#context
    this.#session = new Session(output, message.windowBytes)
    this.#decoder = new HpackDecoder()
    this.#head.forget()
    this.#trailers.forget()
    this.#streams = new Streams(pipeline)
    this.#sender = new RequestSender(message, this.#session, output)
    this.#goawayCode = -1
    this.#resets = 0
    this.#early = 0
    this.#freed = 0
    this.answers = 0
    this.#connectingSinceMs = clock.nowMs()
    this.#socket = transport.connect(target, this)
  }

  enqueue(intendedMs: number): void {
    const stream = this.#streams.open(intendedMs, this.#session.initialWindow)
    this.#sender.send(stream, this.#socket!)
  }

  flush(): void {
    this.#context.output.send(this.#socket!)
  }

  onConnect(): void {
    this.#session.begin()
    this.flush()
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    const nowMs = this.#context.clock.nowMs()
    const session = this.#session
    const { reader } = session
    this.#heardMs = nowMs
    for (let at = start; at < end;) {
      at = reader.feed(bytes, at, end)
      if (reader.complete) this.#frame(nowMs)
      if ((reader.failure ?? session.failure) !== undefined) return this.#breakOff(nowMs)
    }
    if (session.ready && !this.#open) this.#opened(nowMs)
    else this.#tellLoop(nowMs)
  }

  onClose(error: Error | undefined): void {
    const nowMs = this.#context.clock.nowMs()
    if (!this.#open) return this.#end(systemErrorCode(error) === 'ECONNREFUSED' ? 'refused' : 'failed', nowMs)
    const lost = this.#drop(this.#goawayCode === -1 ? 'reset' : 'goaway', nowMs)
    this.#end(lost === 0 && this.#goawayCode <= 0 ? 'polite' : 'broken', nowMs)
  }

  sweep(nowMs: number, timeoutMs: number): void {
    if (!this.#open) {
      const opening = this.#socket !== undefined
      if (opening && nowMs - this.#connectingSinceMs > timeoutMs) this.#end('failed', nowMs)
      return
    }
    let overdue = 0
    this.#streams.forEach((stream) => {
      if (stream.seenMs === 0) stream.seenMs = nowMs
      else if (nowMs - stream.seenMs > timeoutMs) {
        overdue++
        this.#giveUp(stream, 'timeout', errorCode.cancel)
      }
    })
    if (overdue === 0) return
    if (nowMs - this.#heardMs <= timeoutMs) return this.#tellLoop(nowMs)
    this.#drop('timeout', nowMs)
    this.#end('broken', nowMs)
  }

  close(): void {
    this.#open = false
    this.#socket?.close()
    this.#socket = undefined
  }

  /** No new stream: the server has said so, or the identifiers are used up. */
  get #leaving(): boolean {
    return this.#goawayCode !== -1 || this.#streams.exhausted
  }

  #opened(nowMs: number): void {
    this.#open = true
    this.flush()
    this.#owner.opened(this, nowMs)
  }

  /** Streams have ended: their slots go back to the loop, after what is written has left. */
  #tellLoop(nowMs: number): void {
    this.flush()
    if (this.#freed > 0) {
      const freed = this.#freed
      this.#freed = 0
      this.#context.loop.answered(this, freed, nowMs)
    }
    if (this.#open && this.#leaving && this.#streams.length === 0) {
      this.#end(this.#goawayCode <= 0 ? 'polite' : 'broken', nowMs)
    }
  }

  #frame(nowMs: number): void {
    const { type, streamId } = this.#session.reader
    if (!this.#session.ready) this.#ofConnection()
    else if (type === frameType.headers) this.#headers(nowMs)
    else if (type === frameType.data) this.#content(nowMs)
    else if (type === frameType.rstStream) this.#reset()
    else if (type === frameType.goaway) this.#goaway()
    else if (type === frameType.windowUpdate && streamId !== 0) this.#windowUpdate()
    else if (type !== frameType.priority) this.#ofConnection()
  }

  #ofConnection(): void {
    const session = this.#session
    const widenedBytes = session.take()
    if (session.failure !== undefined || session.reader.type === frameType.ping) return
    if (session.reader.type === frameType.settings && (session.reader.flags & frameFlag.ack) === 0) {
      this.#sender.settingsChanged()
      this.#streams.forEach((stream) => (stream.sendWindow += widenedBytes))
      const { peer } = this.#context
      peer.streamsMax = Math.min(peer.streamsMax, session.streamsMax)
    }
    this.#resume()
  }

  /** Windows have opened. */
  #resume(): void {
    this.#sender.resume(this.#socket!)
    if (this.#early === 0) return
    this.#streams.forEach((stream) => {
      if (stream.answered && this.#sender.isSent(stream)) this.#release(stream)
    })
  }

  #headers(nowMs: number): void {
    const { streamId, flags, bytes, start, end } = this.#session.reader
    const stream = this.#unanswered(streamId)
    const isTrailers = stream !== undefined && stream.status !== 0
    const head = isTrailers ? this.#trailers : this.#head
    head.read(this.#decoder, bytes, start, end)
    const { failure } = this.#decoder
    if (failure !== undefined) return this.#session.fail(errorCode.compressionError, failure)
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
    const session = this.#session
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
    const { streamId } = this.#session.reader
    const stream = this.#streams.find(streamId)
    if (stream !== undefined) this.#lose(stream, 'stream')
    else if (this.#streams.isIdle(streamId)) this.#stray(streamId)
  }

  /** RFC 9113, section 6.8: streams above the last one were not looked at; the others are still answered. */
  #goaway(): void {
    const { lastStreamId, code } = readGoaway(this.#session.reader)
    this.#goawayCode = code
    this.#streams.forEach((stream) => {
      if (stream.id > lastStreamId) this.#lose(stream, 'goaway')
    })
  }

  #windowUpdate(): void {
    const { streamId } = this.#session.reader
    const stream = this.#streams.find(streamId)
    if (stream === undefined) return this.#streams.isIdle(streamId) ? this.#stray(streamId) : undefined
    stream.sendWindow = this.#session.widened(stream.sendWindow)
    if (stream.blocked) this.#resume()
  }

  /** A frame for a stream that is not in use: a server's mistake, unless it had not seen our reset yet. */
  #stray(streamId: number): void {
    if (this.#streams.isIdle(streamId)) {
      this.#session.fail(errorCode.protocolError, `a frame on stream ${streamId}, which nobody opened`)
    } else if (this.#resets === 0) {
      this.#session.fail(errorCode.streamClosed, `a frame on stream ${streamId}, which is closed`)
    }
  }

  /**
   * The answer is whole. Where it comes before its request was, the request goes on: only the server knows whether it wants
   * the rest, and whoever resets streams in numbers is cut off.
   */
  #settle(stream: Stream, grpcStatus: number, nowMs: number): void {
    this.#context.judge(stream, grpcStatus, nowMs)
    this.answers++
    this.#session.progressed()
    if (this.#sender.isSent(stream)) return this.#release(stream)
    stream.answered = true
    this.#early++
  }

  /** A request gets an error instead of an answer, and the server need not go on with it. */
  #giveUp(stream: Stream, kind: ErrorKind, code: number): void {
    this.#writeReset(stream, code)
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

  #writeReset(stream: Stream, code: number): void {
    const { output } = this.#context
    output.makeRoom(this.#socket!)
    output.at = writeRstStream(output.bytes, output.at, stream.id, code)
    this.#resets++
  }

  /** What arrives is not HTTP/2: one request has a bad answer, the others have none. */
  #breakOff(nowMs: number): void {
    if (!this.#open) return this.#end('failed', nowMs)
    this.#context.recorder.error('parse')
    let first = true
    this.#streams.forEach((stream) => {
      if (first) this.#release(stream)
      first = false
    })
    this.#drop('reset', nowMs)
    this.#end('broken', nowMs)
  }

  /** Counts all outstanding requests as lost. */
  #drop(kind: ErrorKind, nowMs: number): number {
    const lost = this.#streams.length - this.#early
    this.#context.recorder.error(kind, lost)
    this.#streams.forEach((stream) => this.#release(stream))
    this.#context.loop.lost(this.#freed, nowMs)
    this.#freed = 0
    return lost
  }

  #end(ending: Ending, nowMs: number): void {
    this.#context.output.at = 0
    this.close()
    this.freedMs = nowMs
    this.#owner.ended(this, ending, nowMs)
  }
}

/** An answer, or an interim one, which has no end and is never a change of protocol: RFC 9113, section 8.1 and 8.6. */
function isAnswer(status: number, ends: boolean): boolean {
  return status >= 200 ? status <= 999 : status >= 100 && status !== 101 && !ends
}
