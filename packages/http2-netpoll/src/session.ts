import { errorCode, protocolDefaults, setting, streamIdMax, windowBytesMax } from '@qps/http2-frames'
import { ResetBudget } from '@qps/http2'
import type { Connection, ConnectionHandler } from '@qps/netpoll'
import { IncomingFrames } from './incoming-frames.ts'
import { LateStreams } from './late-streams.ts'
import type { EngineLimits } from './limits.ts'
import type { EngineRefusal, Http2NetpollServer } from './server.ts'
import { SessionSender } from './sender.ts'
import type { Http2Stream } from './stream.ts'

/**
 * One client's connection, from its first word to its last, and what its streams need of it. What the client says is
 * {@link IncomingFrames}', what is said to it {@link SessionSender}'s.
 *
 *   preface ─► SETTINGS ─► streams … ─► leaving: no more streams ─► over: nothing is read any more
 */
export class Http2Session implements ConnectionHandler {
  readonly output: Connection
  readonly sender: SessionSender
  readonly limits: Readonly<EngineLimits>
  readonly streams: Map<number, Http2Stream> = new Map()
  readonly resets: ResetBudget
  readonly late: LateStreams
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
  readonly #incoming: IncomingFrames
  #settled = false
  /** It is to be told that the server is about to leave, as soon as it has said its preface. */
  #noticeDue = false
  /** What a GOAWAY has said the last stream to be; later ones may not say more. */
  #saidLastId: number = streamIdMax
  #leaving = false
  #over = false

  constructor(server: Http2NetpollServer, output: Connection) {
    const { limits, nowMs } = server
    this.#server = server
    this.output = output
    this.limits = limits
    this.sender = new SessionSender(output)
    this.late = new LateStreams(2 * limits.streamsMax)
    this.resets = new ResetBudget(limits, nowMs)
    // The client begins with the protocol's window, whatever ours is to be.
    this.streamWindowBytes = Math.max(limits.windowBytes, protocolDefaults.initialWindowBytes)
    this.openedAtMs = nowMs
    this.usedAtMs = nowMs
    this.#incoming = new IncomingFrames(this)
  }

  /** As of the last sweep, in the clock's ms: exact to a sweep, and free. */
  get nowMs(): number {
    return this.#server.nowMs
  }

  /** The client has said its preface and its SETTINGS. */
  get ready(): boolean {
    return this.#settled
  }

  /** No new streams. */
  get leaving(): boolean {
    return this.#leaving
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
    this.#incoming.push(bytes, start, end)
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
    if (!this.#settled && this.#incoming.hasPreface) this.greet()
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
    this.resetFor(stream, errorCode.enhanceYourCalm)
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
    if (!requestOver) this.late.add(streamId)
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
    if (code === errorCode.noError) this.resets.makeUp()
    if (!this.#over) this.#endIfDone()
  }

  // For what arrives

  /** Our SETTINGS, which are the first that the client hears. */
  greet(): void {
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

  begin(stream: Http2Stream): void {
    this.usedAtMs = this.nowMs
    this.streams.set(stream.id, stream)
    this.#server.begin(stream)
  }

  /** The client opens no more streams. */
  endWithStreams(): void {
    this.#leaving = true
    this.#endIfDone()
  }

  /** The client broke a rule of one stream. It counts as a reset of its own: MadeYouReset, CVE-2025-8671. */
  resetFor(stream: Http2Stream, code: number): void {
    stream.reset(code)
    this.countReset()
  }

  countReset(): void {
    if (!this.#over && !this.resets.spend(this.nowMs)) this.calm('rapid-reset')
  }

  #goawayWith(code: number): void {
    this.#saidLastId = Math.min(this.#saidLastId, this.#incoming.lastStreamId)
    this.sender.goaway(this.#saidLastId, code)
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
