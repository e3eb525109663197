/** Size of an output block: four of the largest reservations. */
export const blockBytes: number = 16 * 1024

/** A piece of a connection's output: a block of the pool, or bytes that the writer lent. */
export interface Piece {
  readonly memory: Uint8Array
  /** From here on it has not been taken by the kernel. */
  start: number
  /** The end of what is written. */
  end: number
  next: Piece | undefined
  /** A block has room behind `end`; lent bytes are full. */
  readonly block: boolean
  /** Whether it goes back to the pool. */
  readonly pooled: boolean
}

/**
 * The output blocks of a poller. The free ones form a stack: the block that was used last is the one that the processor's
 * caches still hold.
 */
export class BlockPool {
  /** Times that no block was left below the bound. */
  starved = 0
  #free: Piece | undefined
  #left: number

  /** @param bytesMax bound of the memory in blocks. It is allocated as it is needed, and kept for reuse. */
  constructor(bytesMax: number) {
    this.#left = Math.max(1, Math.floor(bytesMax / blockBytes))
  }

  /** An empty block. Beyond the bound it is one that the collector takes back: who gets such a one must slow down. */
  acquire(): Piece {
    const free = this.#free
    if (free !== undefined) {
      this.#free = free.next
      free.next = undefined
      free.start = free.end = 0
      return free
    }
    const pooled = this.#left > 0
    if (pooled) this.#left--
    else this.starved++
    return { memory: new Uint8Array(blockBytes), start: 0, end: 0, next: undefined, block: true, pooled }
  }

  /** Gives back what `acquire` gave; the caller must have forgotten it. Lent bytes are only let go. */
  release(piece: Piece): void {
    if (!piece.pooled) return
    piece.next = this.#free
    this.#free = piece
  }

  /** Lets go of all free blocks. */
  clear(): void {
    this.#free = undefined
  }
}

/**
 * The output of one connection, oldest first. An idle connection has none and holds no memory.
 *
 *     first ─► [ block ▓▓▓▓░░ ] ─► [ lent ▓▓▓▓▓▓▓▓▓▓ ] ─► [ block ▓▓······ ] ◄─ last
 *              taken ┘     └ to send                           room ┘
 */
export class OutputQueue {
  /** Bytes written and not taken. */
  bytes = 0
  /** Offset of the lease into the last block, -1 without one. */
  #leased = -1
  #first: Piece | undefined
  #last: Piece | undefined
  readonly #pool: BlockPool

  constructor(pool: BlockPool) {
    this.#pool = pool
  }

  /** The last block's memory: what the lease points into. */
  get memory(): Uint8Array {
    return this.#last?.memory ?? nothing
  }

  /** Leases room for at most a block's bytes at the end; returns the offset into `memory`. */
  reserve(bytes: number): number {
    let last = this.#last
    if (last === undefined || !last.block || blockBytes - last.end < bytes) last = this.#append(this.#pool.acquire())
    return (this.#leased = last.end)
  }

  /** Ends the lease. @returns whether `end` lies within it; if not, nothing is written. */
  commit(end: number): boolean {
    const offset = this.#leased
    this.#leased = -1
    if (offset === -1 || end < offset || end > blockBytes) return false
    this.#last!.end = end
    this.bytes += end - offset
    return true
  }

  /** Adds a copy of at most a block's bytes. */
  copy(bytes: Uint8Array): void {
    const offset = this.reserve(bytes.length)
    this.memory.set(bytes, offset)
    this.commit(offset + bytes.length)
  }

  /** Adds the bytes themselves. */
  lend(bytes: Uint8Array): void {
    this.#leased = -1
    this.#append({ memory: bytes, start: 0, end: bytes.length, next: undefined, block: false, pooled: false })
    this.bytes += bytes.length
  }

  /** The turn is over, and with it a lease. A block in which nothing was written is given back. */
  endLease(): void {
    this.#leased = -1
    if (this.bytes === 0) this.clear()
  }

  /** Views of the oldest bytes, `bytesMax` of them at most; empty where there is nothing. */
  head(bytesMax: number): Uint8Array[] {
    const views: Uint8Array[] = []
    let room = bytesMax
    for (let piece = this.#first; piece !== undefined && room > 0; piece = piece.next) {
      const length = Math.min(room, piece.end - piece.start)
      if (length === 0) continue
      const { memory, start } = piece
      views.push(new Uint8Array(memory.buffer, memory.byteOffset + start, length))
      room -= length
    }
    return views
  }

  /** The kernel has taken the oldest `bytes`: their pieces are let go. */
  taken(bytes: number): void {
    this.bytes -= bytes
    let left = bytes
    for (let piece = this.#first; piece !== undefined; piece = this.#first) {
      const length = piece.end - piece.start
      if (left < length) {
        piece.start += left
        return
      }
      left -= length
      // A lease points behind what the last block has been sent of.
      if (piece === this.#last && this.#leased !== -1) {
        piece.start = piece.end
        return
      }
      this.#first = piece.next
      if (piece === this.#last) this.#last = undefined
      this.#pool.release(piece)
    }
  }

  /** Lets go of everything. The kernel must not be reading any of it. */
  clear(): void {
    this.#leased = -1
    this.bytes = 0
    for (let piece = this.#first; piece !== undefined;) {
      const { next } = piece
      this.#pool.release(piece)
      piece = next
    }
    this.#first = this.#last = undefined
  }

  #append(piece: Piece): Piece {
    if (this.#last === undefined) this.#first = piece
    else this.#last.next = piece
    return (this.#last = piece)
  }
}

const nothing = new Uint8Array(0)
