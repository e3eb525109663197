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
  streamIdMax,
  windowBytesMax,
} from '@qps/http2-frames'
import { ResetBudget } from '@qps/http2'
import type { Connection, ConnectionHandler } from '@qps/netpoll'
import { FrameBudget } from './frame-budget.ts'
import { HeadReader } from './head-reader.ts'
import type { EngineLimits } from './limits.ts'
import type { EngineRefusal, Http2NetpollServer } from './server.ts'
import { SessionSender } from './sender.ts'
import { Http2Stream } from './stream.ts'

/**
 * One client's connection: makes of every frame what it means for a stream, and holds the client to the protocol and to the
 * limits.
 *
 *   preface ─► SETTINGS ─► streams … ─► leaving: no more streams ─► over: nothing is read any more
 *
 * What a client breaks of the protocol on one stream ends that stream, and is counted as a reset; everything else ends the
 * session with a GOAWAY that says why (RFC 9113, section 5.4).
 */
export class Http2Session implements ConnectionHandler {
  readonly output: Connection
  readonly sender: SessionSender
  readonly limits: Readonly<EngineLimits>
  readonly streams: Map<number, Http2Stream> = new Map()
  /** The client's part of the cap per address; undefined where it was turned away. */
  address: string | undefined
  /** Was told that the server is about to leave, and has answered since. */
  hasNoticed = false
  readonly openedAtMs: number
  /** When a stream last began or ended; at first, when the connection was made. */
  usedAtMs: number
  /** When DATA was last sent. */
  dataAtMs: number
  /** Since when the kernel has taken too little of what waits there; -1 where nothing waits. */
  stalledSinceMs = -1
  bytesAtStall = 0

  readonly #server: Http2NetpollServer
  readonly #reader = new FrameReader()
  readonly #heads: HeadReader
  readonly #resets: ResetBudget
  readonly #empty: FrameBudget
  #prefaceBytes = 0
  #settled = false
  #lastStreamId = 0
  #window: number
  /** Received and not yet given back. */
  #owedBytes = 0
  /** No new streams. */
  #leaving = false
  #over = false

  constructor(server: Http2NetpollServer, output: Connection) {
    this.#server = server
    this.output = output
    this.limits = server.limits
    this.sender = new SessionSender(output)
    this.#heads = new HeadReader(server.limits.headerBytesMax)
    this.#resets = new ResetBudget(server.limits, server.nowMs)
    this.#empty = new FrameBudget(server.limits, server.nowMs)
    this.#window = server.limits.connectionWindowBytes
    this.openedAtMs = server.nowMs
    this.usedAtMs = server.nowMs
    this.dataAtMs = server.nowMs
  }

  /** As of the last sweep, in the clock's ms: exact to a sweep, and free. */
  get nowMs(): number {
    return this.#server.nowMs
  }

  /** The client has said its preface and its SETTINGS. */
  get ready(): boolean {
    return this.#settled
  }

  get over(): boolean {
    return this.#over
  }

  /** Exactly now, where somebody measures. */
  startMs(): number {
    return this.#server.startMs()
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    const reader = this.#reader
    for (let at = this.#preface(bytes, start, end); at < end && !this.#over;) {
      at = reader.feed(bytes, at, end)
      if (reader.failure !== undefined) return this.fail(reader.failure.code)
      if (reader.complete) this.#take()
    }
  }

  /** Nobody half-closes a connection of HTTP/2: whoever says FIN has left. */
  onEnd(): void {
    this.output.destroy()
  }

  onDrain(): void {
    this.sender.pump()
  }

  onClose(): void {
    this.#over = true
    for (const stream of this.streams.values()) stream.close(errorCode.cancel)
    this.#server.forget(this)
  }

  /** Says goodbye for now: nothing changes for streams, and clients that understand open no more. */
  giveNotice(): void {
    this.sender.goaway(streamIdMax, errorCode.noError)
    this.sender.ping()
  }

  /** Takes no more streams, and ends with the last of those that there are. */
  leave(): void {
    if (this.#over || this.#leaving) return
    this.#leaving = true
    this.sender.goaway(this.#lastStreamId, errorCode.noError)
    this.#endIfDone()
  }

  /** Ends the session: the streams are gone, what they had to send is not sent. @param code of RFC 9113, section 7. */
  fail(code: number): void {
    if (this.#over) return
    this.#over = true
    this.sender.goaway(this.#lastStreamId, code)
    for (const stream of this.streams.values()) stream.close(code)
    this.output.end()
    this.#server.cutSoon(this)
  }

  /** The client asks too much. */
  calm(reason: EngineRefusal): void {
    if (this.#over) return
    this.#server.refused(reason)
    this.fail(errorCode.enhanceYourCalm)
  }

  // For the streams

  /** Its answer is complete, its request is not: what it still sends is let go by, for a while. */
  linger(stream: Http2Stream): void {
    stream.arrivingSinceMs = -1
    this.#server.lingering.set(stream, this.nowMs)
  }

  expectBody(stream: Http2Stream): void {
    stream.arrivingSinceMs = this.nowMs
    this.#server.arriving.add(stream)
  }

  closed(stream: Http2Stream, code: number): void {
    this.streams.delete(stream.id)
    this.usedAtMs = this.nowMs
    this.#server.streamClosed(stream, code)
    if (code === errorCode.noError) this.#resets.makeUp()
    if (!this.#over) this.#endIfDone()
  }

  // What arrives

  /** @returns where the frames begin. */
  #preface(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    for (; at < end && this.#prefaceBytes < connectionPreface.length; at++) {
      if (bytes[at] !== connectionPreface[this.#prefaceBytes++]) {
        this.fail(errorCode.protocolError)
        return end
      }
    }
    return at
  }

  #take(): void {
    const { type, streamId } = this.#reader
    if (!this.#settled && type !== frameType.settings) return this.fail(errorCode.protocolError)
    if (type === frameType.headers) this.#headers()
    else if (type === frameType.data) this.#data()
    else if (type === frameType.windowUpdate) this.#windowUpdate()
    else if (type === frameType.rstStream) this.#reset()
    else if (type === frameType.settings) this.#settings()
    else if (type === frameType.ping) this.#ping()
    else if (type === frameType.goaway) this.#goaway()
    else if (type === frameType.priority && streamId !== 0) this.#countEmpty()
  }

  #headers(): void {
    const { bytes, start, end, flags, streamId } = this.#reader
    const endStream = (flags & frameFlag.endStream) !== 0
    if (streamId <= this.#lastStreamId) return this.#trailers(endStream)
    if (streamId % 2 === 0) return this.fail(errorCode.protocolError)
    this.#lastStreamId = streamId
    const head = this.#heads.read(bytes, start, end)
    if (this.#heads.failure !== undefined) return this.fail(errorCode.compressionError)
    if (head === undefined || (endStream && head.contentLength > 0)) return this.#refuse(errorCode.protocolError)
    if (this.#leaving) return this.sender.reset(streamId, errorCode.refusedStream)
    if (this.#isFull()) {
      this.sender.reset(streamId, errorCode.refusedStream)
      return this.#countEmpty()
    }
    this.#empty.makeUp(2)
    this.usedAtMs = this.nowMs
    const stream = new Http2Stream(this, streamId, head, endStream)
    this.streams.set(streamId, stream)
    this.#server.begin(stream)
    // A request without a body is over as soon as its handler listens.
    if (endStream && !stream.closed) stream.listener?.onEnd()
  }

  #isFull(): boolean {
    const { streamsMax, outputBytesMax } = this.limits
    const openMax = Math.min(streamsMax, this.#resets.openMax(streamsMax, this.nowMs))
    return this.streams.size >= openMax || this.sender.queuedBytes > outputBytesMax
  }

  #trailers(endStream: boolean): void {
    const { bytes, start, end, streamId } = this.#reader
    this.#heads.skip(bytes, start, end)
    if (this.#heads.failure !== undefined) return this.fail(errorCode.compressionError)
    const stream = this.streams.get(streamId)
    if (stream === undefined) return this.#countEmpty()
    if (stream.requestOver) return this.#resetFor(stream, errorCode.streamClosed)
    if (!endStream) return this.#resetFor(stream, errorCode.protocolError)
    const fault = stream.endRequest()
    if (fault !== -1) this.#resetFor(stream, fault)
  }

  #data(): void {
    const { bytes, start, end, flags, streamId, payloadBytes } = this.#reader
    const endStream = (flags & frameFlag.endStream) !== 0
    this.#window -= payloadBytes
    if (this.#window < 0) return this.fail(errorCode.flowControlError)
    this.#giveBack(payloadBytes)
    const stream = this.streams.get(streamId)
    if (stream === undefined) {
      return streamId > this.#lastStreamId ? this.fail(errorCode.protocolError) : this.#countEmpty()
    }
    if (stream.requestOver) return this.#resetFor(stream, errorCode.streamClosed)
    if (start === end && !endStream) this.#countEmpty()
    else this.#empty.makeUp(2)
    const fault = stream.receive(bytes, start, end, payloadBytes, endStream)
    if (fault !== -1) this.#resetFor(stream, fault)
  }

  /** Streams have windows of their own, which is where a listener that is slow is felt. This one only bounds their sum. */
  #giveBack(bytes: number): void {
    this.#owedBytes += bytes
    if (this.#owedBytes < this.limits.connectionWindowBytes / 2) return
    this.#window += this.#owedBytes
    this.sender.windowUpdate(0, this.#owedBytes)
    this.#owedBytes = 0
  }

  #windowUpdate(): void {
    const { bytes, start, streamId } = this.#reader
    const increment = readUint31(bytes, start)
    this.#countEmpty()
    if (streamId === 0) {
      if (increment === 0) return this.fail(errorCode.protocolError)
      if (!this.sender.widen(increment)) this.fail(errorCode.flowControlError)
      return
    }
    if (streamId > this.#lastStreamId) return this.fail(errorCode.protocolError)
    const stream = this.streams.get(streamId)
    if (stream === undefined) return
    if (increment === 0) return this.#resetFor(stream, errorCode.protocolError)
    if (!stream.widen(increment)) return this.#resetFor(stream, errorCode.flowControlError)
    while (stream.waiting && stream.sendOne());
  }

  #reset(): void {
    const { bytes, start, streamId } = this.#reader
    if (streamId > this.#lastStreamId) return this.fail(errorCode.protocolError)
    const stream = this.streams.get(streamId)
    const code = readUint31(bytes, start)
    if (stream === undefined) {
      // It crossed the answer, which had made up for a reset. Whoever does that again and again is a flood all the same.
      this.#resets.spend(this.nowMs)
      return this.#countReset()
    }
    // No error is what a client says that has its answer and will not finish its request.
    const isCancelled = code !== errorCode.noError || !stream.complete
    stream.close(isCancelled && code === errorCode.noError ? errorCode.cancel : code)
    if (isCancelled) this.#countReset()
  }

  #settings(): void {
    const { bytes, start, end, flags } = this.#reader
    if (!this.#settled) this.#greet()
    if ((flags & frameFlag.ack) !== 0) return this.#countEmpty()
    const { sender } = this
    const windowBefore = sender.initialWindow
    const failure = readSettings(bytes, start, end, (id, value) => {
      if (id === setting.initialWindowSize) sender.initialWindow = value
      else if (id === setting.maxFrameSize) sender.maxFrameBytes = value
      else if (id === setting.headerTableSize) sender.headerTableBytes = value
    })
    if (failure !== undefined) return this.fail(failure.code)
    sender.settingsAck()
    const grown = sender.initialWindow - windowBefore
    if (grown !== 0) {
      for (const stream of this.streams.values()) {
        if (!stream.widen(grown)) return this.fail(errorCode.flowControlError)
      }
      sender.pump()
    }
    this.#countEmpty()
  }

  /** Our SETTINGS, which are the first that the client hears. */
  #greet(): void {
    const { streamsMax, headerBytesMax, windowBytes, connectionWindowBytes } = this.limits
    this.#settled = true
    this.sender.settings([
      [setting.enablePush, 0],
      [setting.maxConcurrentStreams, streamsMax],
      [setting.initialWindowSize, windowBytes],
      [setting.maxHeaderListSize, headerBytesMax],
    ])
    const more = connectionWindowBytes - protocolDefaults.initialWindowBytes
    if (more > 0) this.sender.windowUpdate(0, Math.min(more, windowBytesMax - protocolDefaults.initialWindowBytes))
  }

  #ping(): void {
    const { bytes, start, flags } = this.#reader
    if ((flags & frameFlag.ack) !== 0) this.hasNoticed = true
    else this.sender.pingAck(bytes, start)
    this.#countEmpty()
  }

  /** The client opens no more streams: the session ends with the last of those that there are. */
  #goaway(): void {
    this.#leaving = true
    this.#endIfDone()
  }

  /** A stream that never was one. */
  #refuse(code: number): void {
    this.sender.reset(this.#lastStreamId, code)
    this.#countReset()
  }

  /** The client broke a rule of one stream. It counts as a reset of its own: MadeYouReset, CVE-2025-8671. */
  #resetFor(stream: Http2Stream, code: number): void {
    stream.reset(code)
    this.#countReset()
  }

  #countReset(): void {
    if (!this.#over && !this.#resets.spend(this.nowMs)) this.calm('rapid-reset')
  }

  #countEmpty(): void {
    if (!this.#over && !this.#empty.spend(this.nowMs)) this.calm('empty-frames')
  }

  #endIfDone(): void {
    if (this.#over || !this.#leaving || this.streams.size > 0) return
    this.#over = true
    this.output.end()
    this.#server.cutSoon(this)
  }
}
