import { type DecodedFields, decodeFields } from '../qpack/decoder.ts'
import { errorCode, frameType, reservedFrameTypes } from './codes.ts'
import { checkTrailers } from './fields.ts'
import { Http3Failure } from './failure.ts'
import { FrameReader, type FrameSink, type FrameUse } from './frame-reader.ts'

/** Takes a message, part by part. */
export interface MessageSink {
  /**
   * The first field section, or an interim one.
   *
   * @returns the body's length where it is known, undefined where not, 'interim' where the message is still to come.
   */
  head(decoded: DecodedFields): number | undefined | 'interim'
  /** Some of the body. @param bytes borrowed for the call. */
  data(bytes: Uint8Array): void
}

export interface MessageBounds {
  headerBytesMax: number
  headerFieldsMax: number
}

/** Interim answers before the answer: RFC 9110 allows any number. */
const interimMax = 16

/**
 * Reads the frames of a request or of an answer: HEADERS, then DATA, then perhaps trailers, which are checked and dropped.
 * A field section that is too long is not an error here: its head has `overflow`.
 *
 * Sources: RFC 9114, sections 4.1 and 4.1.2.
 */
export class MessageReader implements FrameSink {
  readonly #sink: MessageSink
  readonly #bounds: MessageBounds
  readonly #frames: FrameReader
  #state: 'head' | 'body' | 'done' = 'head'
  #interim = 0
  #length: number | undefined
  #bytes = 0

  constructor(sink: MessageSink, bounds: MessageBounds) {
    this.#sink = sink
    this.#bounds = bounds
    this.#frames = new FrameReader(this, bounds.headerBytesMax)
  }

  get hasHead(): boolean {
    return this.#state !== 'head'
  }

  /** @throws Http3Failure */
  push(bytes: Uint8Array): void {
    this.#frames.push(bytes)
  }

  /** The stream ends here. @throws Http3Failure where the message does not. */
  end(): void {
    this.#frames.end()
    if (this.#state === 'head') {
      throw new Http3Failure(errorCode.requestIncomplete, 'the stream ends before its head', 'stream')
    }
    if (this.#length !== undefined && this.#bytes < this.#length) this.#lengthDiffers()
  }

  begin(type: number, length: number): FrameUse {
    if (type === frameType.data) {
      if (this.#state !== 'body') throw unexpected('DATA outside of a body')
      this.#bytes += length
      if (this.#length !== undefined && this.#bytes > this.#length) this.#lengthDiffers()
      return 'pieces'
    }
    if (type === frameType.headers) {
      if (this.#state === 'done') throw unexpected('HEADERS behind trailers')
      if (length <= this.#bounds.headerBytesMax) return 'whole'
      this.#section({ fields: [], overflow: 'bytes' })
      return 'skip'
    }
    if (type === frameType.pushPromise) throw new Http3Failure(errorCode.idError, 'a push that nobody has allowed')
    const isOfControl =
      type === frameType.settings ||
      type === frameType.goaway ||
      type === frameType.maxPushId ||
      type === frameType.cancelPush
    if (isOfControl || reservedFrameTypes.has(type)) throw unexpected(`a frame of type ${type} on a request's stream`)
    return 'skip'
  }

  piece(bytes: Uint8Array): void {
    this.#sink.data(bytes)
  }

  whole(_type: number, bytes: Uint8Array): void {
    this.#section(decodeFields(bytes, this.#bounds.headerBytesMax, this.#bounds.headerFieldsMax))
  }

  #section(decoded: DecodedFields): void {
    if (this.#state === 'body') {
      this.#state = 'done'
      return checkTrailers(decoded.fields)
    }
    const length = this.#sink.head(decoded)
    if (length !== 'interim') {
      this.#length = length
      this.#state = 'body'
    } else if (++this.#interim > interimMax) {
      throw new Http3Failure(errorCode.excessiveLoad, 'interim answers without end', 'stream')
    }
  }

  #lengthDiffers(): never {
    throw new Http3Failure(errorCode.messageError, 'the body is not as long as Content-Length says', 'stream')
  }
}

function unexpected(what: string): Http3Failure {
  return new Http3Failure(errorCode.frameUnexpected, what)
}
