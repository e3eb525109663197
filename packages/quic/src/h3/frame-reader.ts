import { readVarint, varintBytes } from '../varint.ts'
import { errorCode } from './codes.ts'
import { Http3Failure } from './failure.ts'

/** What to do with a frame's payload: hand it over in pieces as it comes, whole, or not at all. */
export type FrameUse = 'pieces' | 'whole' | 'skip'

/** Takes what a stream's frames hold; called during `push`. Each may throw an {@link Http3Failure}. */
export interface FrameSink {
  /** A frame begins. @param length of its payload: 0..2^62-1, whatever the sender claims. */
  begin(type: number, length: number): FrameUse
  /** Some of a payload. @param bytes borrowed for the call. */
  piece(bytes: Uint8Array): void
  /** A whole payload. @param bytes borrowed for the call. */
  whole(type: number, bytes: Uint8Array): void
}

/** Type and length, 8 bytes each. */
const headBytesMax = 16

/**
 * Finds the frames in the bytes of a stream, however those are cut. Holds at most one head and one payload that is wanted
 * whole; of a payload that is skipped it holds nothing. Linear in the bytes.
 *
 *   | type (varint) | length (varint) | payload |
 *
 * Sources: RFC 9114, section 7.1.
 */
export class FrameReader {
  readonly #sink: FrameSink
  readonly #wholeBytesMax: number
  readonly #head = new Uint8Array(headBytesMax)
  #headEnd = 0
  #type = -1
  #use: FrameUse = 'skip'
  #left = 0
  #payload: Buffer = Buffer.alloc(0)
  #payloadEnd = 0

  /** @param wholeBytesMax the longest payload that is collected; a longer one is H3_EXCESSIVE_LOAD. */
  constructor(sink: FrameSink, wholeBytesMax: number) {
    this.#sink = sink
    this.#wholeBytesMax = wholeBytesMax
  }

  /** True between two frames, where a stream may end. */
  get isBetweenFrames(): boolean {
    return this.#type === -1 && this.#headEnd === 0
  }

  /** @param bytes only read during the call. @throws Http3Failure, and what the sink throws. */
  push(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length) at = this.#type === -1 ? this.#readHead(bytes, at) : this.#readPayload(bytes, at)
  }

  /** The stream ends here. @throws Http3Failure H3_FRAME_ERROR in the middle of a frame. */
  end(): void {
    if (!this.isBetweenFrames) throw new Http3Failure(errorCode.frameError, 'the stream ends within a frame')
  }

  #readHead(bytes: Uint8Array, from: number): number {
    let at = from
    while (at < bytes.length) {
      this.#head[this.#headEnd++] = bytes[at++]!
      const typeBytes = varintBytes(this.#head[0]!)
      if (this.#headEnd <= typeBytes) continue
      if (this.#headEnd < typeBytes + varintBytes(this.#head[typeBytes]!)) continue
      this.#headEnd = 0
      this.#begin(readVarint(this.#head, 0), readVarint(this.#head, typeBytes))
      return at
    }
    return at
  }

  #begin(type: number, length: number): void {
    this.#use = this.#sink.begin(type, length)
    if (this.#use === 'whole') {
      if (length > this.#wholeBytesMax) {
        throw new Http3Failure(errorCode.excessiveLoad, `a frame of ${length} bytes, of type ${type}`)
      }
      this.#payload = Buffer.allocUnsafe(length)
      this.#payloadEnd = 0
    }
    this.#type = type
    this.#left = length
    if (length === 0) this.#finish()
  }

  #readPayload(bytes: Uint8Array, at: number): number {
    const end = at + Math.min(this.#left, bytes.length - at)
    const piece = bytes.subarray(at, end)
    this.#left -= piece.length
    if (this.#use === 'pieces') this.#sink.piece(piece)
    else if (this.#use === 'whole') {
      this.#payload.set(piece, this.#payloadEnd)
      this.#payloadEnd += piece.length
    }
    if (this.#left === 0) this.#finish()
    return end
  }

  #finish(): void {
    const type = this.#type
    this.#type = -1
    if (this.#use === 'whole') this.#sink.whole(type, this.#payload)
  }
}
