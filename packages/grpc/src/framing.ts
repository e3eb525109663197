import type { CopyCount } from './copies.ts'
import { GrpcError } from './error.ts'
import { GrpcStatus } from './status.ts'

/** A byte that says whether the message is compressed, then its length in four, the most significant first. */
export const prefixBytes = 5

/** A message that comes in pieces gets this much room at first, or what it needs if that is less. */
const firstRoomBytes = 64 * 1024
/** Room grows by this factor: what is copied again stays a third of the message at most. */
const growth = 4

/**
 * One message with its prefix, in a buffer of its own: one copy.
 *
 * @throws GrpcError RESOURCE_EXHAUSTED beyond `bytesMax`.
 */
export function frame(message: Uint8Array, bytesMax: number, count: CopyCount): Buffer {
  const { length } = message
  if (length > bytesMax) throw tooLarge(length, bytesMax)
  const framed = Buffer.allocUnsafe(prefixBytes + length)
  framed[0] = 0
  framed.writeUInt32BE(length, 1)
  framed.set(message, prefixBytes)
  count.copies++
  count.copiedBytes += length
  return framed
}

/** Receives each message, for as long as it likes: nobody else writes to it. */
export interface FrameSink {
  onFrame(message: Buffer, compressed: boolean): void
}

/**
 * Takes a stream of length-prefixed messages apart, however it was cut. A message that lies within one piece is a view of
 * it; one that does not is copied together. Work is linear in the bytes, and memory is bounded by what has come, times
 * {@link growth}: a length that was merely announced reserves next to nothing.
 *
 * Source: grpc/grpc, doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message".
 */
export class FrameReader {
  readonly #bytesMax: number
  readonly #count: CopyCount
  readonly #sink: FrameSink
  /** A prefix that was cut, or whose body is under way. Most calls never need it. */
  #prefix: Uint8Array | undefined
  #prefixFilled = 0
  /** The body that is under way; undefined while a prefix is. */
  #body: Buffer | undefined
  #bodyFilled = 0
  #bodyLength = 0
  #failed = false

  constructor(bytesMax: number, count: CopyCount, sink: FrameSink) {
    this.#bytesMax = bytesMax
    this.#count = count
    this.#sink = sink
  }

  /** True between two messages: here the stream may end. */
  get idle(): boolean {
    return this.#prefixFilled === 0
  }

  /**
   * @throws GrpcError RESOURCE_EXHAUSTED for a message beyond the limit, INTERNAL for a first byte other than 0 and 1;
   *   from then on every piece is ignored.
   */
  push(piece: Buffer): void {
    let at = 0
    while (at < piece.length && !this.#failed) {
      if (this.#body !== undefined) at = this.#fillBody(piece, at)
      else if (this.#prefixFilled === 0 && piece.length - at >= prefixBytes) {
        at = this.#begin(piece, at, piece, at + prefixBytes)
      } else at = this.#fillPrefix(piece, at)
    }
  }

  #fillPrefix(piece: Buffer, at: number): number {
    const prefix = (this.#prefix ??= new Uint8Array(prefixBytes))
    prefix[this.#prefixFilled++] = piece[at]!
    if (this.#prefixFilled < prefixBytes) return at + 1
    return this.#begin(prefix, 0, piece, at + 1)
  }

  /** A prefix is complete at `prefixAt` of `prefix`; what follows it lies in `piece` from `at` on. */
  #begin(prefix: Uint8Array, prefixAt: number, piece: Buffer, at: number): number {
    const flag = prefix[prefixAt]!
    const length =
      prefix[prefixAt + 1]! * 0x1000000 +
      ((prefix[prefixAt + 2]! << 16) | (prefix[prefixAt + 3]! << 8) | prefix[prefixAt + 4]!)
    if (flag > 1)
      throw this.#fail(new GrpcError(GrpcStatus.INTERNAL, `a message begins with the byte ${flag}, not 0 or 1`))
    if (length > this.#bytesMax) throw this.#fail(tooLarge(length, this.#bytesMax))
    if (piece.length - at >= length) {
      this.#prefixFilled = 0
      this.#sink.onFrame(piece.subarray(at, at + length), flag === 1)
      return at + length
    }
    this.#prefix ??= new Uint8Array(prefixBytes)
    this.#prefix[0] = flag
    this.#prefixFilled = prefixBytes
    this.#bodyLength = length
    this.#bodyFilled = 0
    this.#body = Buffer.allocUnsafe(Math.min(length, Math.max(firstRoomBytes, piece.length - at)))
    return this.#fillBody(piece, at)
  }

  #fillBody(piece: Buffer, at: number): number {
    const taken = Math.min(piece.length - at, this.#bodyLength - this.#bodyFilled)
    const body = this.#roomFor(this.#bodyFilled + taken)
    piece.copy(body, this.#bodyFilled, at, at + taken)
    this.#bodyFilled += taken
    this.#counted(taken)
    if (this.#bodyFilled === this.#bodyLength) {
      this.#body = undefined
      this.#prefixFilled = 0
      this.#sink.onFrame(body, this.#prefix![0] === 1)
    }
    return at + taken
  }

  #roomFor(length: number): Buffer {
    const body = this.#body!
    if (length <= body.length) return body
    const larger = Buffer.allocUnsafe(Math.min(this.#bodyLength, Math.max(length, body.length * growth)))
    body.copy(larger, 0, 0, this.#bodyFilled)
    this.#counted(this.#bodyFilled)
    this.#body = larger
    return larger
  }

  #counted(bytes: number): void {
    this.#count.copies++
    this.#count.copiedBytes += bytes
  }

  #fail(error: GrpcError): GrpcError {
    this.#failed = true
    return error
  }
}

function tooLarge(length: number, bytesMax: number): GrpcError {
  return new GrpcError(
    GrpcStatus.RESOURCE_EXHAUSTED,
    `a message of ${length} bytes is larger than the limit of ${bytesMax}`,
  )
}
