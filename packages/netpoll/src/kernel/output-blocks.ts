import { Arena } from '../sys/arena.ts'

/** Bytes of one block. The answers of a deep pipeline fit, and one send carries them. */
export const blockBytes: number = 16 * 1024
/**
 * From one block to the next. Blocks a power of two apart would begin in the same few sets of the processor's caches and
 * push each other out; 17 lines of 64 bytes more spread them over all sets.
 */
export const blockStride: number = blockBytes + 17 * 64

/**
 * The output memory of a poller: blocks of one arena, lent to connections while they have something to send. The last
 * one that came back is lent first, because it is still in the processor's cache; a busy server cycles through a few.
 */
export class OutputBlocks {
  readonly arena: Arena
  readonly bytes: Uint8Array
  readonly #free: Int32Array
  #count: number

  /** @param bytesMax the bound; memory is used only for blocks that were lent at least once. */
  constructor(bytesMax: number) {
    const count = Math.max(1, Math.floor(bytesMax / blockStride))
    this.arena = new Arena(count * blockStride)
    this.bytes = this.arena.bytes
    // From the top down, so that the lowest blocks are lent first and the rest of the arena stays untouched.
    this.#free = Int32Array.from({ length: count }, (_, index) => (count - 1 - index) * blockStride)
    this.#count = count
  }

  /** Blocks that are not lent. */
  get free(): number {
    return this.#count
  }

  /** @returns the offset of a block in `bytes`, or -1 where all are lent. */
  take(): number {
    return this.#count === 0 ? -1 : this.#free[--this.#count]!
  }

  /** @param block what `take` returned, exactly once. */
  give(block: number): void {
    this.#free[this.#count++] = block
  }

  release(): void {
    this.arena.release()
  }
}
