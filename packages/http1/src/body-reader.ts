import { chunkEnded, ChunkFraming, chunkIncomplete, chunkSized, chunkTooLong } from './chunked.ts'
import { sectionComplete, sectionIncomplete, sectionTooMany } from './field-section.ts'
import type { MessageLimits } from './message-limits.ts'
import { type Trailer, TrailerReader, trailersTooLong } from './trailers.ts'

/** Why a body is refused. */
export type BodyFailure = 'malformed' | 'header-bytes' | 'header-fields' | 'body'

/*
 *   unknown ──┬─► complete                                                   expectNothing
 *             ├─► content ──► complete                                       expectLength
 *             ├─► framing ──► content ──► framing … size 0 ──► trailers ──► complete
 *             │                                                              expectChunks
 *             └─► untilClose ── finish ──► complete                          expectRest
 *   Every state but `complete` may end in `failed`, and stays there until `reset`.
 */
const unknown = 0
const content = 1
const framing = 2
const trailerFields = 3
const untilClose = 4
const complete = 5
const failed = 6

const noTrailers: readonly Trailer[] = Object.freeze([])

/**
 * Reads the body of a message, request or response: how it ends is told by its head. It owns no bytes, and makes no object
 * unless there are trailers. The pieces that it finds may differ with how the input is cut; their content, and whether the
 * body is refused, do not.
 */
export class BodyReader {
  /** Why it is refused. `undefined` while all is well. */
  failure: BodyFailure | undefined = undefined
  /** The content that the last {@link read} found: `bytes[pieceStart]` up to and not including `bytes[pieceEnd]`. */
  pieceStart = 0
  pieceEnd = 0
  /** Content so far, in bytes. */
  contentBytes = 0
  /** The fields behind a chunked body. */
  trailers: readonly Trailer[] = noTrailers

  readonly #limits: Readonly<MessageLimits>
  readonly #framing = new ChunkFraming()
  #trailerReader: TrailerReader | undefined = undefined
  #state = unknown
  #chunked = false
  /** Of the content, or of the chunk's. */
  #bytesLeft = 0
  /** What the head has left for the trailers. */
  #fieldsLeft = 0

  constructor(limits: Readonly<MessageLimits>) {
    this.#limits = limits
  }

  get complete(): boolean {
    return this.#state === complete
  }

  /** Another message: nothing is known of its body. */
  reset(): void {
    this.failure = undefined
    this.contentBytes = 0
    this.trailers = noTrailers
    this.#state = unknown
  }

  expectNothing(): void {
    this.#state = complete
  }

  expectLength(length: number): void {
    if (length > this.#limits.bodyBytesMax) return this.#fail('body')
    this.#chunked = false
    this.#bytesLeft = length
    this.#state = length > 0 ? content : complete
  }

  /** @param headBytes and @param headFields what the head has taken of the room for extensions and trailers. */
  expectChunks(headBytes: number, headFields: number): void {
    const { headerBytesMax, headerFieldsMax } = this.#limits
    this.#chunked = true
    this.#fieldsLeft = headerFieldsMax - headFields
    this.#framing.reset(headerBytesMax - headBytes)
    this.#state = framing
  }

  /** All that comes until the connection ends. */
  expectRest(): void {
    this.#state = untilClose
  }

  /** The connection has ended in order. @returns whether the body is complete by that. */
  finish(): boolean {
    if (this.#state === untilClose) this.#state = complete
    return this.#state === complete
  }

  /** Stops behind one piece of content, at `end` or at the body's end. @returns where to go on. */
  read(bytes: Uint8Array, at: number, end: number): number {
    this.pieceStart = at
    this.pieceEnd = at
    let next = at
    while (next < end) {
      switch (this.#state) {
        case content:
          return this.#readContent(next, end)
        case framing:
          next = this.#readFraming(bytes, next, end)
          break
        case trailerFields:
          return this.#readTrailers(bytes, next, end)
        case untilClose:
          return this.#readRest(next, end)
        default:
          return next
      }
    }
    return next
  }

  #fail(failure: BodyFailure): void {
    this.failure = failure
    this.#state = failed
  }

  #readContent(at: number, end: number): number {
    const taken = Math.min(this.#bytesLeft, end - at)
    this.#piece(at, at + taken)
    this.#bytesLeft -= taken
    if (this.#bytesLeft === 0) {
      if (this.#chunked) this.#framing.expectEnd()
      this.#state = this.#chunked ? framing : complete
    }
    return at + taken
  }

  #readRest(at: number, end: number): number {
    if (end - at > this.#limits.bodyBytesMax - this.contentBytes) this.#fail('body')
    else this.#piece(at, end)
    return end
  }

  #piece(start: number, end: number): void {
    this.pieceStart = start
    this.pieceEnd = end
    this.contentBytes += end - start
  }

  #readFraming(bytes: Uint8Array, at: number, end: number): number {
    const outcome = this.#framing.read(bytes, at, end)
    if (outcome === chunkSized) this.#expectChunk(this.#framing.size)
    else if (outcome === chunkTooLong) this.#fail('header-bytes')
    else if (outcome !== chunkIncomplete && outcome !== chunkEnded) this.#fail('malformed')
    return this.#framing.at
  }

  #expectChunk(size: number): void {
    if (size > this.#limits.bodyBytesMax - this.contentBytes) return this.#fail('body')
    this.#bytesLeft = size
    this.#state = content
    if (size > 0) return
    this.#trailerReader ??= new TrailerReader()
    this.#trailerReader.reset(this.#framing.extensionRoom, this.#fieldsLeft)
    this.#state = trailerFields
  }

  #readTrailers(bytes: Uint8Array, at: number, end: number): number {
    const reader = this.#trailerReader!
    const outcome = reader.read(bytes, at, end)
    if (outcome === sectionComplete) {
      this.trailers = reader.trailers
      this.#state = complete
    } else if (outcome === trailersTooLong) this.#fail('header-bytes')
    else if (outcome === sectionTooMany) this.#fail('header-fields')
    else if (outcome !== sectionIncomplete) this.#fail('malformed')
    return reader.at
  }
}
