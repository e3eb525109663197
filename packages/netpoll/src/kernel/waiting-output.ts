import { reserveBytesMax } from '../poller.ts'
import type { KernelConnection } from './connection.ts'
import { blockBytes, type OutputBlocks } from './output-blocks.ts'

/** Output that lies in no block: when its turn comes, it has itself sent. See `zero-copy`. */
export interface ForeignOutput {
  /** Sends, or goes on. Not called while the connection is `sending`. */
  advance(connection: KernelConnection): void
  /** The connection is gone, and the kernel works on nothing of it. */
  drop(): void
}

/** A part of a block, of memory on the heap in its place, or of bytes that their owner has lent. */
interface Piece {
  /** Offset of the block in the pool, or -1. */
  block: number
  bytes: Uint8Array
  at: number
  end: number
  foreign: ForeignOutput | undefined
}

/**
 * Output of one connection behind the block that is being sent: what was too long for that block, or came while the pool
 * was empty. Oldest first; nearly every connection lives without it.
 *
 *     first ──► [ lent ▓▓▓▓▓▓▓▓▓▓▓▓ ] ─► [ block ▓▓▓▓▓▓▓▓ ] ─► [ block ▓▓▓······ ]
 *               at ┘   copied into a block     becomes the block        room ┘
 *                      piece by piece          that is sent
 */
export class WaitingOutput {
  /** What `reserve` leased room in. */
  memory: Uint8Array
  #pieces: Piece[] = []
  #head = 0
  readonly #blocks: OutputBlocks

  constructor(blocks: OutputBlocks) {
    this.#blocks = blocks
    this.memory = blocks.bytes
  }

  get empty(): boolean {
    return this.#head === this.#pieces.length
  }

  /** The oldest piece; only where there is one. */
  get first(): Piece {
    return this.#pieces[this.#head]!
  }

  /** Leases room for `bytes` at the end: in the last piece, or in a new block; without a block, on the heap. */
  reserve(bytes: number): number {
    const last = this.empty ? undefined : this.#pieces[this.#pieces.length - 1]
    if (last !== undefined && hasRoom(last, bytes)) {
      this.memory = last.bytes
      return last.end
    }
    const block = this.#blocks.take()
    this.memory = block === -1 ? new Uint8Array(reserveBytesMax) : this.#blocks.bytes
    const at = Math.max(0, block)
    this.#pieces.push({ block, bytes: this.memory, at, end: at, foreign: undefined })
    return at
  }

  /** Ends the lease. @returns how many bytes were written, or -1 where `end` lies outside of it. */
  commit(end: number): number {
    const last = this.#pieces[this.#pieces.length - 1]!
    const room = last.block === -1 ? last.bytes.length : last.block + blockBytes
    if (!(end >= last.end && end <= room)) return -1
    const written = end - last.end
    last.end = end
    return written
  }

  /** Adds the bytes themselves, more than `reserve` takes. */
  lend(bytes: Uint8Array): void {
    this.#pieces.push({ block: -1, bytes, at: 0, end: bytes.length, foreign: undefined })
  }

  append(foreign: ForeignOutput): void {
    this.#pieces.push({ block: -1, bytes: none, at: 0, end: 0, foreign })
  }

  /** The oldest piece is done with. */
  shift(): void {
    this.#head++
    if (this.#head === this.#pieces.length) {
      this.#pieces.length = 0
      this.#head = 0
    } else if (this.#head === 64) {
      this.#pieces = this.#pieces.slice(64)
      this.#head = 0
    }
  }

  /**
   * The pool is empty, but pieces behind the oldest may stand in blocks: the last of those moves to the heap. So whoever
   * waits for a block holds none, and connections cannot wait for each other.
   *
   * @returns its block, or -1.
   */
  takeBlockFromBehind(): number {
    for (let index = this.#pieces.length - 1; index > this.#head; index--) {
      const piece = this.#pieces[index]!
      const { block } = piece
      if (block === -1) continue
      piece.bytes = piece.bytes.slice(piece.at, piece.end)
      piece.end -= piece.at
      piece.at = 0
      piece.block = -1
      return block
    }
    return -1
  }

  /** Lets go of everything. */
  clear(): void {
    for (let index = this.#head; index < this.#pieces.length; index++) {
      const { block, foreign } = this.#pieces[index]!
      if (block !== -1) this.#blocks.give(block)
      foreign?.drop()
    }
    this.#pieces.length = 0
    this.#head = 0
  }
}

const none = new Uint8Array(0)

function hasRoom({ block, bytes, end }: Piece, more: number): boolean {
  if (block !== -1) return end + more <= block + blockBytes
  // Only our own pieces have this length: what is lent is longer.
  return bytes.length === reserveBytesMax && end + more <= reserveBytesMax
}
