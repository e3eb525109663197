import { blockStride, type OutputBlocks } from '../kernel/output-blocks.ts'

/**
 * Addresses and lengths for send(2). FFI takes pointers and 64-bit numbers as bigints, and a bigint is an allocation: so
 * each is made once and kept. Of addresses there are as many as blocks, of lengths as many as a block has bytes.
 */
export class SendArguments {
  readonly #blocks: OutputBlocks
  readonly #addresses: (bigint | undefined)[] = []
  readonly #lengths: (bigint | undefined)[] = []

  constructor(blocks: OutputBlocks) {
    this.#blocks = blocks
  }

  /** @param at offset into the output blocks. Sends nearly always begin at the beginning of a block. */
  addressOf(at: number): bigint {
    const { arena } = this.#blocks
    if (at % blockStride !== 0) return arena.address + BigInt(at)
    return (this.#addresses[at / blockStride] ??= arena.address + BigInt(at))
  }

  lengthOf(bytes: number): bigint {
    return (this.#lengths[bytes] ??= BigInt(bytes))
  }
}
