import { checkInteger } from '@qps/core'
import { HeaderBlock } from './header-block.ts'
import { frameName, protocolError, refusalOf } from './frame-rules.ts'
import { readUint31 } from './numbers.ts'
import {
  errorCode,
  frameBytesMax,
  frameFlag,
  frameHeadBytes,
  frameType,
  type ProtocolFailure,
  protocolDefaults,
} from './protocol.ts'

export interface FrameReaderOptions {
  /** The SETTINGS_MAX_FRAME_SIZE that we announced: 16,384..16,777,215 bytes, default 16,384. A longer frame is an error. */
  maxFrameBytes?: number
}

/**
 * Reads the frames of one direction of a connection from bytes, incrementally: the answer is the same however the input is
 * cut. Linear in the input. A frame that lies in the input as a whole is not copied; of one that is cut, what has arrived
 * is kept, at most `maxFrameBytes` and its head.
 *
 * HEADERS and its CONTINUATION frames come as one HEADERS with the whole block. Padding and priority are taken off. Frames
 * of unknown types are skipped. Strict: sizes, stream identifiers, padding and the order of CONTINUATION are checked as
 * RFC 9113 asks; a header block has at most 32 KiB and 16 continuations, so that no flood of them is kept.
 *
 * @example
 * for (let at = start; at < end;) {
 *   at = reader.feed(bytes, at, end)
 *   if (reader.failure !== undefined) break
 *   if (reader.complete) handle(reader.type, reader.streamId, reader.bytes.subarray(reader.start, reader.end))
 * }
 * Sources: RFC 9113, sections 4, 5.5 and 6.
 */
export class FrameReader {
  /** The last `feed` stopped behind a frame: the fields below describe it until the next `feed`. */
  complete = false
  type = 0
  flags = 0
  streamId = 0
  /** Where the content is, from `start` up to and not including `end`: borrowed until the next `feed`. */
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0
  /** The payload's length on the wire with padding, which is what flow control counts. Of the last frame of a block. */
  payloadBytes = 0
  /** What is wrong with the input; once set, nothing more is read. */
  failure: ProtocolFailure | undefined

  readonly #maxFrameBytes: number
  readonly #block = new HeaderBlock()
  /** The beginning of a frame that is cut, in the first `#carried` bytes. */
  #carry: Uint8Array = new Uint8Array(0)
  #carried = 0

  /** @throws QpsError QPS_OPTION for a size that the protocol does not allow. */
  constructor(options: FrameReaderOptions = {}) {
    const given = options.maxFrameBytes ?? protocolDefaults.maxFrameBytes
    const bounds = { min: protocolDefaults.maxFrameBytes, max: frameBytesMax }
    this.#maxFrameBytes = checkInteger('maxFrameBytes', given, bounds)
  }

  /**
   * Reads on, and stops behind one frame.
   *
   * @param bytes lent until the next `feed`.
   * @returns where it stopped: `end` unless a frame is complete (or the input is bad) before it.
   */
  feed(bytes: Uint8Array, start: number, end: number): number {
    this.complete = false
    let at = start
    while (at < end && !this.complete && this.failure === undefined) {
      at = this.#carried > 0 || end - at < frameHeadBytes ? this.#assemble(bytes, at, end) : this.#whole(bytes, at, end)
    }
    return at
  }

  /** A frame's head is here, uncut: takes the frame in place if all of it is. */
  #whole(bytes: Uint8Array, at: number, end: number): number {
    if (!this.#head(bytes, at)) return at
    const next = at + frameHeadBytes + this.payloadBytes
    if (next > end) return this.#keep(bytes, at, end)
    this.#accept(bytes, at + frameHeadBytes, next)
    return next
  }

  /** Adds to what is kept until there is a head, then until there is a frame. */
  #assemble(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    if (this.#carried < frameHeadBytes) {
      at = this.#keep(bytes, at, Math.min(end, at + frameHeadBytes - this.#carried))
      if (this.#carried < frameHeadBytes || !this.#head(this.#carry, 0)) return at
    }
    const wholeBytes = frameHeadBytes + this.payloadBytes
    at = this.#keep(bytes, at, Math.min(end, at + wholeBytes - this.#carried))
    if (this.#carried < wholeBytes) return at
    this.#carried = 0
    this.#accept(this.#carry, frameHeadBytes, wholeBytes)
    return at
  }

  /** Doubles the memory when it is full, which keeps a frame that arrives byte by byte linear. */
  #keep(bytes: Uint8Array, start: number, end: number): number {
    const needed = this.#carried + end - start
    if (needed > this.#carry.length) {
      const grown = new Uint8Array(Math.min(Math.max(256, 2 * needed), frameHeadBytes + this.#maxFrameBytes))
      grown.set(this.#carry.subarray(0, this.#carried))
      this.#carry = grown
    }
    this.#carry.set(bytes.subarray(start, end), this.#carried)
    this.#carried = needed
    return end
  }

  /** Reads a head and refuses what it alone shows to be wrong. @returns false where it is. */
  #head(bytes: Uint8Array, at: number): boolean {
    this.payloadBytes = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
    this.type = bytes[at + 3]!
    this.flags = bytes[at + 4]!
    this.streamId = readUint31(bytes, at + 5)
    if (this.payloadBytes > this.#maxFrameBytes) {
      const what = `a frame of ${this.payloadBytes} bytes, more than the ${this.#maxFrameBytes} that were allowed`
      this.failure = { code: errorCode.frameSizeError, what }
    } else this.failure = this.#orderRefusal() ?? refusalOf(this.type, this.flags, this.streamId, this.payloadBytes)
    return this.failure === undefined
  }

  /** A header block is one piece: nothing may come between its frames (RFC 9113, section 4.3). */
  #orderRefusal(): ProtocolFailure | undefined {
    const open = this.#block.streamId
    const continues = this.type === frameType.continuation
    if (open === 0) return continues ? protocolError('CONTINUATION without a header block') : undefined
    if (continues && this.streamId === open) return undefined
    return protocolError(`${frameName(this.type)} within the header block of stream ${open}`)
  }

  /** The whole frame is here: finds its content. */
  #accept(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.start = start
    this.end = end
    if (this.type === frameType.headers) this.#headers()
    else if (this.type === frameType.continuation) this.#continuation()
    else {
      if (this.type === frameType.data) this.#stripPadding()
      this.complete = this.failure === undefined && this.type <= frameType.continuation
    }
  }

  #headers(): void {
    this.#stripPadding()
    if ((this.flags & frameFlag.priority) !== 0) this.start += 5
    if (this.start > this.end) this.failure ??= protocolError('HEADERS without room for their priority')
    if (this.failure !== undefined) return
    if ((this.flags & frameFlag.endHeaders) !== 0) this.complete = true
    else this.failure = this.#block.begin(this.streamId, this.flags, this.bytes, this.start, this.end)
  }

  #continuation(): void {
    const block = this.#block
    this.failure = block.add(this.bytes, this.start, this.end)
    if (this.failure !== undefined || (this.flags & frameFlag.endHeaders) === 0) return
    this.type = frameType.headers
    this.flags |= block.flags
    this.bytes = block.bytes
    this.start = 0
    this.end = block.length
    block.close()
    this.complete = true
  }

  /** RFC 9113, section 6.1: the first byte says how many at the end are padding. */
  #stripPadding(): void {
    if ((this.flags & frameFlag.padded) === 0) return
    const paddingBytes = this.start < this.end ? this.bytes[this.start]! : Infinity
    this.start++
    this.end -= paddingBytes
    if (this.start > this.end) this.failure = protocolError(`${frameName(this.type)} with more padding than payload`)
  }
}
