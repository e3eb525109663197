import {
  connectionPreface,
  errorCode,
  frameFlag,
  FrameReader,
  frameType,
  protocolDefaults,
  readSettings,
  readUint31,
  setting,
} from '@qps/http2-frames'
import { LeakyBucket } from '@qps/http2'
import { HeadReader } from './head-reader.ts'
import type { EngineLimits } from './limits.ts'
import type { Http2Session } from './session.ts'
import { Http2Stream } from './stream.ts'

/** What `SessionSender.returnsDue` saves up at most. */
const returnsMax = 8192

/**
 * What the client of a session sends: makes of every frame what it means for a stream, and holds the client to the protocol
 * and to the limits.
 *
 * What a client breaks of the protocol on one stream ends that stream, and is counted as a reset; everything else ends the
 * session with a GOAWAY that says why (RFC 9113, section 5.4).
 */
export class IncomingFrames {
  /** The largest stream that the client has begun. */
  lastStreamId = 0

  readonly #session: Http2Session
  readonly #limits: Readonly<EngineLimits>
  readonly #streams: Map<number, Http2Stream>
  readonly #reader = new FrameReader()
  readonly #heads: HeadReader
  /** Row S10: PING, SETTINGS, empty DATA and the like (CVE-2019-9512, -9515, -9518). Requests make up for them. */
  readonly #empty: LeakyBucket
  #prefaceBytes = 0
  /** The client has acknowledged our SETTINGS. */
  #acknowledged = false
  /** The client has left out stream identifiers, which closed them (RFC 9113, section 5.1.1). */
  #hasSkipped = false
  #window: number
  /** Received and not yet given back. */
  #owedBytes = 0

  constructor(session: Http2Session) {
    const { limits, nowMs, streams } = session
    this.#session = session
    this.#limits = limits
    this.#streams = streams
    this.#heads = new HeadReader(limits.headerBytesMax, limits.headerFieldsMax)
    this.#empty = new LeakyBucket(limits.emptyFramesMax, limits.emptyFramesPerS, nowMs)
    // The client begins with the protocol's window, whatever ours is to be.
    this.#window = Math.max(limits.connectionWindowBytes, protocolDefaults.initialWindowBytes)
  }

  /** The client has begun as a client of HTTP/2 does. */
  get hasPreface(): boolean {
    return this.#prefaceBytes === connectionPreface.length
  }

  /** @param bytes borrowed for this call: `bytes[start..end)`. */
  push(bytes: Uint8Array, start: number, end: number): void {
    const reader = this.#reader
    const session = this.#session
    for (let at = this.#preface(bytes, start, end); at < end && !session.over;) {
      at = reader.feed(bytes, at, end)
      if (reader.failure !== undefined) return this.#unreadable(reader.failure.code)
      if (reader.complete) this.#take()
    }
  }

  /** @returns where the frames begin. */
  #preface(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    for (; at < end && this.#prefaceBytes < connectionPreface.length; at++) {
      if (bytes[at] !== connectionPreface[this.#prefaceBytes]) {
        this.#session.fail(errorCode.protocolError)
        return end
      }
      this.#prefaceBytes++
    }
    return at
  }

  #unreadable(code: number): void {
    if (code === errorCode.enhanceYourCalm) this.#session.calm('header-block')
    else this.#session.fail(code)
  }

  #take(): void {
    const { type } = this.#reader
    if (!this.#session.ready && type !== frameType.settings) return this.#session.fail(errorCode.protocolError)
    if (type === frameType.headers) this.#headers()
    else if (type === frameType.data) this.#data()
    else if (type === frameType.windowUpdate) this.#windowUpdate()
    else if (type === frameType.rstStream) this.#reset()
    else if (type === frameType.settings) this.#settings()
    else if (type === frameType.ping) this.#ping()
    else if (type === frameType.goaway) this.#goaway()
    else if (type === frameType.priority) this.#countEmpty()
  }

  #headers(): void {
    const session = this.#session
    const { bytes, start, end, flags, streamId } = this.#reader
    const endStream = (flags & frameFlag.endStream) !== 0
    if (streamId % 2 === 0) return session.fail(errorCode.protocolError)
    if (streamId <= this.lastStreamId) return this.#trailers(endStream)
    if (streamId > this.lastStreamId + 2) this.#hasSkipped = true
    this.lastStreamId = streamId
    const head = this.#heads.read(bytes, start, end)
    if (this.#heads.failure !== undefined) return session.fail(errorCode.compressionError)
    if (head === undefined || (endStream && head.contentLength > 0)) {
      session.endStream(streamId, errorCode.protocolError, endStream)
      return session.countReset()
    }
    if (session.leaving || this.#isFull()) {
      session.endStream(streamId, errorCode.refusedStream, endStream)
      return this.#countEmpty()
    }
    this.#empty.makeUp(2)
    const stream = new Http2Stream(session, streamId, head, endStream)
    session.begin(stream)
    // A request without a body is over as soon as its handler listens.
    if (endStream) stream.tellEnd()
  }

  #isFull(): boolean {
    const { output, resets, sender, nowMs } = this.#session
    const { streamsMax, outputBytesMax } = this.#limits
    const openMax = Math.min(streamsMax, resets.openMax(streamsMax, nowMs))
    return this.#streams.size >= openMax || sender.queuedBytes + output.pendingBytes > outputBytesMax
  }

  #trailers(endStream: boolean): void {
    const session = this.#session
    const { bytes, start, end, streamId } = this.#reader
    const isTrailers = this.#heads.skip(bytes, start, end) && endStream
    if (this.#heads.failure !== undefined) return session.fail(errorCode.compressionError)
    const stream = this.#streams.get(streamId)
    if (stream === undefined) return this.#stray(streamId)
    if (stream.requestOver) return session.resetFor(stream, errorCode.streamClosed)
    if (!isTrailers) return session.resetFor(stream, errorCode.protocolError)
    const fault = stream.endRequest()
    if (fault !== -1) session.resetFor(stream, fault)
  }

  #data(): void {
    const session = this.#session
    const { bytes, start, end, flags, streamId, payloadBytes } = this.#reader
    const endStream = (flags & frameFlag.endStream) !== 0
    this.#window -= payloadBytes
    if (this.#window < 0) return session.fail(errorCode.flowControlError)
    this.#giveBack(payloadBytes)
    const stream = this.#streams.get(streamId)
    if (stream === undefined) return this.#stray(streamId)
    if (stream.requestOver) return session.resetFor(stream, errorCode.streamClosed)
    if (start === end && !endStream) this.#countEmpty()
    else this.#empty.makeUp(2)
    const fault = stream.receive(bytes, start, end, payloadBytes, endStream)
    if (fault !== -1) session.resetFor(stream, fault)
  }

  /** DATA or HEADERS for a stream that is not open. Only of one that we ended may the client not know it yet. */
  #stray(streamId: number): void {
    if (this.#session.late.has(streamId)) return this.#countEmpty()
    const wasNeverOpen = this.#isIdle(streamId) || this.#hasSkipped
    this.#session.fail(wasNeverOpen ? errorCode.protocolError : errorCode.streamClosed)
  }

  /** Not begun yet, or one of those that only a server begins. */
  #isIdle(streamId: number): boolean {
    return streamId > this.lastStreamId || streamId % 2 === 0
  }

  /** Given back on arrival: a listener that is slow is felt in its stream's window, and must not hold up the others. */
  #giveBack(bytes: number): void {
    this.#owedBytes += bytes
    if (2 * this.#owedBytes < this.#limits.connectionWindowBytes) return
    this.#window += this.#owedBytes
    this.#session.sender.windowUpdate(0, this.#owedBytes)
    this.#owedBytes = 0
  }

  #windowUpdate(): void {
    const session = this.#session
    const { bytes, start, streamId } = this.#reader
    const increment = readUint31(bytes, start)
    this.#countEmpty()
    if (streamId === 0) {
      if (increment === 0) return session.fail(errorCode.protocolError)
      if (!session.sender.widen(increment)) session.fail(errorCode.flowControlError)
      return
    }
    if (this.#isIdle(streamId)) return session.fail(errorCode.protocolError)
    const stream = this.#streams.get(streamId)
    if (stream === undefined) return
    if (increment === 0) return session.resetFor(stream, errorCode.protocolError)
    if (!stream.widen(increment)) return session.resetFor(stream, errorCode.flowControlError)
    while (stream.waiting && stream.sendOne());
  }

  #reset(): void {
    const session = this.#session
    const { bytes, start, streamId } = this.#reader
    if (this.#isIdle(streamId)) return session.fail(errorCode.protocolError)
    const stream = this.#streams.get(streamId)
    const code = readUint31(bytes, start)
    if (stream === undefined) {
      // It crossed the answer, which had made up for a reset. Whoever does that again and again is a flood all the same.
      session.resets.spend(session.nowMs)
      return session.countReset()
    }
    // No error is what a client says that has its answer and will not finish its request.
    if (code === errorCode.noError && stream.complete) return stream.close(code)
    stream.close(code === errorCode.noError ? errorCode.cancel : code)
    session.countReset()
  }

  #settings(): void {
    const session = this.#session
    const { sender } = session
    const { bytes, start, end, flags } = this.#reader
    const isAck = (flags & frameFlag.ack) !== 0
    if (!session.ready) {
      if (isAck) return session.fail(errorCode.protocolError)
      session.greet()
    }
    if (isAck) return this.#acknowledge()
    const windowBefore = sender.initialWindow
    const failure = readSettings(bytes, start, end, (id, value) => {
      if (id === setting.initialWindowSize) sender.initialWindow = value
      else if (id === setting.maxFrameSize) sender.maxFrameBytes = value
      else if (id === setting.headerTableSize) sender.headerTableBytes = value
    })
    if (failure !== undefined) return session.fail(failure.code)
    sender.settingsAck()
    const grown = sender.initialWindow - windowBefore
    if (grown !== 0) {
      for (const stream of this.#streams.values()) {
        if (!stream.widen(grown)) return session.fail(errorCode.flowControlError)
      }
      sender.pump()
    }
    this.#countEmpty()
  }

  /** The client goes by our SETTINGS, and has told its streams. */
  #acknowledge(): void {
    this.#countEmpty()
    if (this.#acknowledged) return
    this.#acknowledged = true
    const lost = protocolDefaults.initialWindowBytes - this.#limits.windowBytes
    if (lost <= 0) return
    this.#session.streamWindowBytes = this.#limits.windowBytes
    for (const stream of this.#streams.values()) stream.narrow(lost)
  }

  #ping(): void {
    const { bytes, start, flags } = this.#reader
    if ((flags & frameFlag.ack) !== 0) this.#session.hasNoticed = true
    else this.#session.sender.pingAck(bytes, start)
    this.#countEmpty()
  }

  /** The client opens no more streams: the session ends with the last of those that there are. */
  #goaway(): void {
    this.#countEmpty()
    this.#session.endWithStreams()
  }

  /** A frame that carries nothing: one that belongs to what we have sent is free. */
  #countEmpty(): void {
    const session = this.#session
    const { sender } = session
    if (sender.returnsDue > 0) sender.returnsDue = Math.min(sender.returnsDue, returnsMax) - 1
    else if (!session.over && !this.#empty.spend(session.nowMs)) session.calm('empty-frames')
  }
}
