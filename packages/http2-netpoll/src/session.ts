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
import { LeakyBucket, ResetBudget } from '@qps/http2'
import type { Connection, ConnectionHandler } from '@qps/netpoll'
import { HeadReader } from './head-reader.ts'
import { LateStreams } from './late-streams.ts'
import type { EngineLimits } from './limits.ts'
import type { EngineRefusal, Http2NetpollServer } from './server.ts'
import { SessionSender } from './sender.ts'
import { Http2Stream } from './stream.ts'

/** What `SessionSender.returnsDue` saves up at most. */
const returnsMax = 8192

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
  /** Was told that the server is about to leave, and has acknowledged it. */
  hasNoticed = false
  readonly openedAtMs: number
  /** When a stream last began or ended; at first, when the connection was made, and at last, when the session ended. */
  usedAtMs: number
  /** The window that the client may take a stream to have. */
  streamWindowBytes: number
  /** For the watch: since when the client has taken too little of what waits, -1 where nothing waits; and the counts then. */
  stalledSinceMs = -1
  bytesAtStall = 0
  piecesAtStall = 0
  /** For the watch: the client was told that this is the end, and may still be reading. */
  isParting = false

  readonly #server: Http2NetpollServer
  readonly #reader = new FrameReader()
  readonly #heads: HeadReader
  readonly #resets: ResetBudget
  /** Row S10: PING, SETTINGS, empty DATA and the like (CVE-2019-9512, -9515, -9518). Requests make up for them. */
  readonly #empty: LeakyBucket
  readonly #late: LateStreams
  #prefaceBytes = 0
  #settled = false
  /** The client has acknowledged our SETTINGS. */
  #acknowledged = false
  /** It is to be told that the server is about to leave, as soon as it has said its preface. */
  #noticeDue = false
  #lastStreamId = 0
  /** What a GOAWAY has said the last stream to be; later ones may not say more. */
  #saidLastId: number = streamIdMax
  /** The client has left out stream identifiers, which closed them (RFC 9113, section 5.1.1). */
  #hasSkipped = false
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
    this.#heads = new HeadReader(server.limits.headerBytesMax, server.limits.headerFieldsMax)
    this.#late = new LateStreams(2 * server.limits.streamsMax)
    this.#resets = new ResetBudget(server.limits, server.nowMs)
    const { emptyFramesMax, emptyFramesPerS } = server.limits
    this.#empty = new LeakyBucket(emptyFramesMax, emptyFramesPerS, server.nowMs)
    // The client begins with the protocol's windows, whatever ours are to be.
    this.#window = Math.max(server.limits.connectionWindowBytes, protocolDefaults.initialWindowBytes)
    this.streamWindowBytes = Math.max(server.limits.windowBytes, protocolDefaults.initialWindowBytes)
    this.openedAtMs = server.nowMs
    this.usedAtMs = server.nowMs
  }

  /** As of the last sweep, in the clock's ms: exact to a sweep, and free. */
  get nowMs(): number {
    return this.#server.nowMs
  }

  /** The client has said its preface and its SETTINGS. */
  get ready(): boolean {
    return this.#settled
  }

  /** Nothing is read any more; the connection ends. */
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
      if (reader.failure !== undefined) return this.#unreadable(reader.failure.code)
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
    this.hasNoticed = false
    this.#noticeDue = !this.#settled
    if (this.#noticeDue || this.#saidLastId !== streamIdMax) return
    this.sender.goaway(streamIdMax, errorCode.noError)
    this.sender.ping()
  }

  /** Takes no more streams, and ends with the last of those that there are. */
  leave(): void {
    if (this.#over || this.#leaving) return
    this.#leaving = true
    if (this.#settled) this.#goawayWith(errorCode.noError)
    this.#endIfDone()
  }

  /** Ends the session: the streams are gone, what they had to send is not sent. @param code of RFC 9113, section 7. */
  fail(code: number): void {
    if (this.#over) return
    this.#over = true
    // Our SETTINGS come first, also where there is nothing else to say. To whoever speaks no HTTP/2 we say nothing.
    if (!this.#settled && this.#prefaceBytes === connectionPreface.length) this.#greet()
    if (this.#settled) this.#goawayWith(code)
    for (const stream of this.streams.values()) stream.close(code)
    this.output.end()
    this.#server.cutSoon(this.output)
  }

  /** The client asks too much. */
  calm(reason: EngineRefusal): void {
    if (this.#over) return
    this.#server.refused(reason)
    this.fail(errorCode.enhanceYourCalm)
  }

  /** A stream's client takes nothing, while others' do. Who has many such streams is soon done with. */
  endStalled(stream: Http2Stream): void {
    this.#server.refused('slow-reader')
    this.#resetFor(stream, errorCode.enhanceYourCalm)
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

  /** RST_STREAM. @param requestOver false where the client may still be sending. */
  endStream(streamId: number, code: number, requestOver: boolean): void {
    if (!requestOver) this.#late.add(streamId)
    this.sender.reset(streamId, code)
  }

  /** What its listener threw ends the stream. */
  failed(stream: Http2Stream, error: unknown): void {
    this.#server.failed(stream, error)
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
      if (bytes[at] !== connectionPreface[this.#prefaceBytes]) {
        this.fail(errorCode.protocolError)
        return end
      }
      this.#prefaceBytes++
    }
    return at
  }

  #unreadable(code: number): void {
    if (code === errorCode.enhanceYourCalm) this.calm('header-block')
    else this.fail(code)
  }

  #take(): void {
    const { type } = this.#reader
    if (!this.#settled && type !== frameType.settings) return this.fail(errorCode.protocolError)
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
    const { bytes, start, end, flags, streamId } = this.#reader
    const endStream = (flags & frameFlag.endStream) !== 0
    if (streamId % 2 === 0) return this.fail(errorCode.protocolError)
    if (streamId <= this.#lastStreamId) return this.#trailers(endStream)
    if (streamId > this.#lastStreamId + 2) this.#hasSkipped = true
    this.#lastStreamId = streamId
    const head = this.#heads.read(bytes, start, end)
    if (this.#heads.failure !== undefined) return this.fail(errorCode.compressionError)
    if (head === undefined || (endStream && head.contentLength > 0)) {
      this.endStream(streamId, errorCode.protocolError, endStream)
      return this.#countReset()
    }
    if (this.#leaving || this.#isFull()) {
      this.endStream(streamId, errorCode.refusedStream, endStream)
      return this.#countEmpty()
    }
    this.#empty.makeUp(2)
    this.usedAtMs = this.nowMs
    const stream = new Http2Stream(this, streamId, head, endStream)
    this.streams.set(streamId, stream)
    this.#server.begin(stream)
    // A request without a body is over as soon as its handler listens.
    if (endStream) stream.tellEnd()
  }

  #isFull(): boolean {
    const { streamsMax, outputBytesMax } = this.limits
    const openMax = Math.min(streamsMax, this.#resets.openMax(streamsMax, this.nowMs))
    return this.streams.size >= openMax || this.sender.queuedBytes + this.output.pendingBytes > outputBytesMax
  }

  #trailers(endStream: boolean): void {
    const { bytes, start, end, streamId } = this.#reader
    const isTrailers = this.#heads.skip(bytes, start, end) && endStream
    if (this.#heads.failure !== undefined) return this.fail(errorCode.compressionError)
    const stream = this.streams.get(streamId)
    if (stream === undefined) return this.#stray(streamId)
    if (stream.requestOver) return this.#resetFor(stream, errorCode.streamClosed)
    if (!isTrailers) return this.#resetFor(stream, errorCode.protocolError)
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
    if (stream === undefined) return this.#stray(streamId)
    if (stream.requestOver) return this.#resetFor(stream, errorCode.streamClosed)
    if (start === end && !endStream) this.#countEmpty()
    else this.#empty.makeUp(2)
    const fault = stream.receive(bytes, start, end, payloadBytes, endStream)
    if (fault !== -1) this.#resetFor(stream, fault)
  }

  /** DATA or HEADERS for a stream that is not open. Only of one that we ended may the client not know it yet. */
  #stray(streamId: number): void {
    if (this.#late.has(streamId)) return this.#countEmpty()
    const wasNeverOpen = this.#isIdle(streamId) || this.#hasSkipped
    this.fail(wasNeverOpen ? errorCode.protocolError : errorCode.streamClosed)
  }

  /** Not begun yet, or one of those that only a server begins. */
  #isIdle(streamId: number): boolean {
    return streamId > this.#lastStreamId || streamId % 2 === 0
  }

  /** Given back on arrival: a listener that is slow is felt in its stream's window, and must not hold up the others. */
  #giveBack(bytes: number): void {
    this.#owedBytes += bytes
    if (2 * this.#owedBytes < this.limits.connectionWindowBytes) return
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
    if (this.#isIdle(streamId)) return this.fail(errorCode.protocolError)
    const stream = this.streams.get(streamId)
    if (stream === undefined) return
    if (increment === 0) return this.#resetFor(stream, errorCode.protocolError)
    if (!stream.widen(increment)) return this.#resetFor(stream, errorCode.flowControlError)
    while (stream.waiting && stream.sendOne());
  }

  #reset(): void {
    const { bytes, start, streamId } = this.#reader
    if (this.#isIdle(streamId)) return this.fail(errorCode.protocolError)
    const stream = this.streams.get(streamId)
    const code = readUint31(bytes, start)
    if (stream === undefined) {
      // It crossed the answer, which had made up for a reset. Whoever does that again and again is a flood all the same.
      this.#resets.spend(this.nowMs)
      return this.#countReset()
    }
    // No error is what a client says that has its answer and will not finish its request.
    if (code === errorCode.noError && stream.complete) return stream.close(code)
    stream.close(code === errorCode.noError ? errorCode.cancel : code)
    this.#countReset()
  }

  #settings(): void {
    const { bytes, start, end, flags } = this.#reader
    const isAck = (flags & frameFlag.ack) !== 0
    if (!this.#settled) {
      if (isAck) return this.fail(errorCode.protocolError)
      this.#greet()
    }
    if (isAck) return this.#acknowledge()
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

  /** The client goes by our SETTINGS, and has told its streams. */
  #acknowledge(): void {
    this.#countEmpty()
    if (this.#acknowledged) return
    this.#acknowledged = true
    const lost = protocolDefaults.initialWindowBytes - this.limits.windowBytes
    if (lost <= 0) return
    this.streamWindowBytes = this.limits.windowBytes
    for (const stream of this.streams.values()) stream.narrow(lost)
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
    if (this.#noticeDue) this.giveNotice()
  }

  #ping(): void {
    const { bytes, start, flags } = this.#reader
    if ((flags & frameFlag.ack) !== 0) this.hasNoticed = true
    else this.sender.pingAck(bytes, start)
    this.#countEmpty()
  }

  /** The client opens no more streams: the session ends with the last of those that there are. */
  #goaway(): void {
    this.#countEmpty()
    this.#leaving = true
    this.#endIfDone()
  }

  #goawayWith(code: number): void {
    this.#saidLastId = Math.min(this.#saidLastId, this.#lastStreamId)
    this.sender.goaway(this.#saidLastId, code)
  }

  /** The client broke a rule of one stream. It counts as a reset of its own: MadeYouReset, CVE-2025-8671. */
  #resetFor(stream: Http2Stream, code: number): void {
    stream.reset(code)
    this.#countReset()
  }

  #countReset(): void {
    if (!this.#over && !this.#resets.spend(this.nowMs)) this.calm('rapid-reset')
  }

  /** A frame that carries nothing: one that belongs to what we have sent is free. */
  #countEmpty(): void {
    const { sender } = this
    if (sender.returnsDue > 0) sender.returnsDue = Math.min(sender.returnsDue, returnsMax) - 1
    else if (!this.#over && !this.#empty.spend(this.nowMs)) this.calm('empty-frames')
  }

  /** Ends in peace: what was written still leaves, and the client gets to read it. The watch cuts who does not go. */
  #endIfDone(): void {
    if (this.#over || !this.#leaving || this.streams.size > 0) return
    this.#over = true
    this.isParting = true
    this.usedAtMs = this.nowMs
    this.output.end()
  }
}
