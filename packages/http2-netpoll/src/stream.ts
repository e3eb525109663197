import { invariant } from '@qps/core'
import { errorCode, type HeaderField, windowBytesMax } from '@qps/http2-frames'
import type { RequestHead } from './request-head.ts'
import type { Http2Session } from './session.ts'
import type { StreamListener } from './stream-listener.ts'

/** INTERNAL_ERROR of RFC 9113, section 7. */
export const internalError = 0x2

/** Bytes of a body that wait for a window. */
interface Piece {
  bytes: Uint8Array
  at: number
  taken: (() => void) | undefined
}

/**
 * One request and its answer. Every method is harmless after the end, so that a handler may answer late without asking.
 *
 *   respond ─► write* ─► end          respond(fields, true): an answer without a body
 *                         └ with trailers, or without
 */
export class Http2Stream {
  readonly id: number
  readonly head: RequestHead
  /** Set by the handler, before it returns. */
  listener: StreamListener | undefined
  /** Of the answer's head; -1 before. The last answer only: interim ones (1xx) are not supported. */
  status = -1
  /** The client has sent END_STREAM. */
  requestOver: boolean
  /** Everything that belongs to the answer was handed in. */
  ended = false
  /** The answer has been handed to the connection, to its last frame. */
  complete = false
  closed = false
  /** In the server's time; for whoever measures. */
  readonly beganMs: number
  /** Since when a body arrives that has a time limit; -1 where none does. */
  arrivingSinceMs = -1
  /** Since when the client has taken too little of what waits; -1 where nothing waits. */
  stalledSinceMs = -1

  readonly #session: Http2Session
  #sendWindow: number
  #receiveWindow: number
  /** Taken by the listener, not yet given back to the client. */
  #owedBytes = 0
  /** A `taken` runs: what it writes waits for it to return, so that a chain of them needs no stack. */
  #telling = false
  #piecesAtStall = 0
  #held = false
  #bodyBytes = 0
  #pieces: Piece[] | undefined
  #trailers: readonly HeaderField[] | undefined
  #sentSinceStall = 0

  constructor(session: Http2Session, id: number, head: RequestHead, requestOver: boolean) {
    this.#session = session
    this.id = id
    this.head = head
    this.requestOver = requestOver
    this.beganMs = session.startMs()
    this.#sendWindow = session.sender.initialWindow
    this.#receiveWindow = session.streamWindowBytes
  }

  /** The client's address; empty for a unix socket. */
  get remoteAddress(): string {
    return this.#session.output.remoteAddress
  }

  get remotePort(): number {
    return this.#session.output.remotePort
  }

  /** Output waits for a window or for the connection. */
  get waiting(): boolean {
    return this.#pieces !== undefined && this.#pieces.length > 0
  }

  /** Its own window is closed. */
  get blocked(): boolean {
    return this.#sendWindow <= 0
  }

  /** Nothing was sent to the end on the whole session since this stream stands still. */
  get isAlone(): boolean {
    return this.#session.sender.piecesSent === this.#piecesAtStall
  }

  /**
   * Sends the answer's head. The second one is ignored.
   *
   * @param fields `:status` first; names in lower case. Keep lists that come again, and freeze them: their bytes are kept.
   * @param endStream true where nothing follows. Default false.
   */
  respond(fields: readonly HeaderField[], endStream = false): void {
    if (this.closed || this.ended || this.status !== -1) return
    this.status = Number(fields[0]![1])
    this.#session.sender.headers(this.id, fields, endStream)
    if (!endStream) return
    this.ended = true
    this.#completed()
  }

  /**
   * Adds to the answer's body.
   *
   * @param bytes not to be changed any more: larger ones are sent from where they lie.
   * @param taken called when all of them have been handed to the connection, perhaps at once; never, if the stream is gone
   *   before. Whoever waits for it has bounded memory.
   * @throws InvariantError before `respond`.
   */
  write(bytes: Uint8Array, taken?: () => void): void {
    if (this.closed || this.ended) return
    invariant(this.status !== -1, 'respond comes before write')
    this.#push(bytes, taken)
  }

  /**
   * The rest of the body, and what follows it.
   *
   * @param bytes as of `write`.
   * @param trailers as the fields of `respond`, without pseudo-header fields.
   * @throws InvariantError before `respond`.
   */
  end(bytes: Uint8Array = nothing, trailers?: readonly HeaderField[]): void {
    if (this.closed || this.ended) return
    invariant(this.status !== -1, 'respond comes before end')
    this.ended = true
    this.#trailers = trailers
    // What waits is then the last: an empty piece behind it would wait for a window that it does not need.
    if (bytes.length > 0 || !this.waiting) this.#push(bytes, undefined)
  }

  /** Ends both directions at once; what waits is dropped. @param code of RFC 9113, section 7. */
  reset(code: number): void {
    if (this.closed) return
    this.#session.endStream(this.id, code, this.requestOver)
    this.close(code)
  }

  /** Gives the client no more window: at most `windowBytes` still come, and are still delivered. */
  hold(): void {
    this.#held = true
  }

  /** Gives the window back that was held. */
  release(): void {
    this.#held = false
    this.#giveBack()
  }

  /** The body is to be complete within `requestTimeoutMs`, or the stream is reset. */
  expectBody(): void {
    if (!this.requestOver) this.#session.expectBody(this)
  }

  // For the session

  /** DATA has come. @returns the code of the stream's error, or -1. */
  receive(bytes: Uint8Array, start: number, end: number, payloadBytes: number, last: boolean): number {
    this.#receiveWindow -= payloadBytes
    if (this.#receiveWindow < 0) return errorCode.flowControlError
    this.#bodyBytes += end - start
    const { contentLength } = this.head
    if (contentLength !== -1 && (this.#bodyBytes > contentLength || (last && this.#bodyBytes < contentLength))) {
      return errorCode.protocolError
    }
    this.#owedBytes += payloadBytes
    if (end > start) this.#tellData(bytes, start, end)
    if (last) this.endRequest()
    else this.#giveBack()
    return -1
  }

  /** @returns the code of the stream's error, or -1. */
  endRequest(): number {
    if (this.closed || this.requestOver) return -1
    if (this.head.contentLength > this.#bodyBytes) return errorCode.protocolError
    this.requestOver = true
    this.arrivingSinceMs = -1
    this.tellEnd()
    this.#closeIfOver()
    return -1
  }

  /** The request is complete, and somebody may want to know. */
  tellEnd(): void {
    if (this.closed || this.listener === undefined) return
    try {
      this.listener.onEnd()
    } catch (error) {
      this.#session.failed(this, error)
    }
  }

  /** The window has changed, by a WINDOW_UPDATE or by SETTINGS. @returns false where it has grown beyond its bound. */
  widen(bytes: number): boolean {
    this.#sendWindow += bytes
    return this.#sendWindow <= windowBytesMax
  }

  /** Our SETTINGS are known to the client, which gives less window than it had before. */
  narrow(bytes: number): void {
    this.#receiveWindow -= bytes
  }

  /**
   * Sends one frame of what waits, if the windows and the connection allow it.
   *
   * @returns false where nothing was sent.
   */
  sendOne(): boolean {
    const { sender } = this.#session
    const piece = this.#pieces![0]!
    const rest = piece.bytes.length - piece.at
    const bytes = rest === 0 ? 0 : Math.min(rest, this.#sendWindow, sender.room())
    if (rest > 0 && bytes <= 0) return false
    const isLast = this.ended && bytes === rest && this.#pieces!.length === 1
    this.#sendWindow -= bytes
    this.#sendPiece(piece.bytes, piece.at, piece.at + bytes, isLast)
    piece.at += bytes
    this.#noteProgress(bytes)
    if (bytes < rest) return true
    this.#pieces!.shift()
    sender.queuedBytes -= piece.bytes.length
    if (this.#pieces!.length === 0) {
      this.stalledSinceMs = -1
      sender.waiting.delete(this)
    }
    if (piece.taken !== undefined) this.#tellTaken(piece.taken)
    if (isLast && !this.closed) this.#completed()
    return true
  }

  /** From now on it is looked whether the client takes what waits. */
  restartStall(): void {
    this.#sentSinceStall = 0
    this.stalledSinceMs = this.#session.nowMs
    this.#piecesAtStall = this.#session.sender.piecesSent
  }

  /** It is gone. */
  close(code: number): void {
    if (this.closed) return
    this.closed = true
    this.arrivingSinceMs = -1
    const { sender } = this.#session
    for (const { bytes } of this.#pieces ?? []) sender.queuedBytes -= bytes.length
    this.#pieces = undefined
    sender.waiting.delete(this)
    this.#session.closed(this, code)
    try {
      this.listener?.onClose(code)
    } catch (error) {
      this.#session.failed(this, error)
    }
  }

  #push(bytes: Uint8Array, taken: (() => void) | undefined): void {
    const { sender } = this.#session
    const { length } = bytes
    // The way of nearly every answer: nothing waits, and it fits.
    const fits = length === 0 || (length <= this.#sendWindow && length <= sender.room())
    if (fits && !this.#telling && !this.waiting) {
      const isLast = this.ended
      this.#sendWindow -= length
      this.#sendPiece(bytes, 0, length, isLast)
      if (isLast) this.#completed()
      else if (taken !== undefined) {
        this.#tellTaken(taken)
        while (this.waiting && this.sendOne());
      }
      return
    }
    sender.queuedBytes += length
    const pieces = (this.#pieces ??= [])
    pieces.push({ bytes, at: 0, taken })
    if (pieces.length > 1) return
    this.restartStall()
    sender.waiting.add(this)
    while (!this.#telling && this.waiting && this.sendOne());
  }

  #sendPiece(bytes: Uint8Array, from: number, to: number, isLast: boolean): void {
    const { sender } = this.#session
    const trailers = isLast ? this.#trailers : undefined
    if (to > from || (isLast && trailers === undefined)) {
      sender.data(this.id, bytes, from, to, isLast && trailers === undefined)
    }
    if (trailers !== undefined) sender.headers(this.id, trailers, true)
  }

  /** A client that takes less than a slice in the time that it has counts as one that takes nothing. */
  #noteProgress(bytes: number): void {
    this.#sentSinceStall += bytes
    if (this.#sentSinceStall >= this.#session.limits.sliceBytes) this.restartStall()
  }

  #giveBack(): void {
    const { windowBytes } = this.#session.limits
    if (this.#held || this.closed || this.requestOver || this.#owedBytes < windowBytes / 2) return
    this.#receiveWindow += this.#owedBytes
    this.#session.sender.windowUpdate(this.id, this.#owedBytes)
    this.#owedBytes = 0
  }

  #completed(): void {
    this.complete = true
    try {
      this.listener?.onAnswered?.()
    } catch (error) {
      this.#session.failed(this, error)
    }
    if (this.closed) return
    if (!this.requestOver) this.#session.linger(this)
    this.#closeIfOver()
  }

  #tellData(bytes: Uint8Array, start: number, end: number): void {
    try {
      this.listener?.onData(bytes, start, end)
    } catch (error) {
      this.#session.failed(this, error)
    }
  }

  #tellTaken(taken: () => void): void {
    const before = this.#telling
    this.#telling = true
    try {
      taken()
    } catch (error) {
      this.#session.failed(this, error)
    }
    this.#telling = before
  }

  #closeIfOver(): void {
    if (this.complete && this.requestOver) this.close(errorCode.noError)
  }
}

const nothing = new Uint8Array(0)
