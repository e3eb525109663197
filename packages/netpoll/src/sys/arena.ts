import { QpsError } from '@qps/core'
import { memory } from './abi.ts'
import { systemError } from './errno.ts'
import { loadNative } from './native.ts'

/** What mmap returns where it fails. */
const mapFailed = 0xffff_ffff_ffff_ffffn

/**
 * Memory from mmap, outside of the collector: it neither moves nor disappears while the kernel holds pointers to it.
 *
 * Pages cost nothing until they are first touched, so a large arena is a large reservation, not a large use.
 *
 * `release` unmaps. The caller makes sure that the kernel is done with it; our own views become empty (length 0), so that
 * a late access reads `undefined` instead of someone else's memory.
 */
export class Arena {
  readonly address: bigint
  readonly byteLength: number
  /** The address in two halves, as 32-bit submission words; {@link lowAt} and {@link highAt} for what lies further in. */
  readonly addressLow: number
  readonly addressHigh: number
  readonly bytes: Uint8Array
  readonly words: Int32Array

  /** Maps `byteLength` bytes of zeroes, or a part of a descriptor. */
  constructor(byteLength: number, descriptor = -1, offset = 0) {
    const { MAP_SHARED, MAP_POPULATE, MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE, PROT_READ_WRITE } = memory
    const flags = descriptor === -1 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED | MAP_POPULATE
    const native = loadNative()
    this.address = native.mmap(0n, BigInt(byteLength), PROT_READ_WRITE, flags, descriptor, BigInt(offset))
    if (this.address === mapFailed) {
      throw new QpsError('QPS_MEMORY', `mmap of ${byteLength} bytes failed`, {
        cause: systemError(-native.errno(), 'mmap'),
        hint: 'the address space is limited (ulimit -v) or full; lower outputBytesMax',
      })
    }
    this.byteLength = byteLength
    this.addressLow = Number(this.address & 0xffff_ffffn)
    this.addressHigh = Number(this.address >> 32n)
    const buffer = native.view(this.address, byteLength)
    this.bytes = new Uint8Array(buffer)
    this.words = new Int32Array(buffer)
  }

  /**
   * The lower half of the address of the byte at `offset`, as a signed word: the bits are those of the address.
   *
   * @param offset below 2^32.
   */
  lowAt(offset: number): number {
    return (this.addressLow + offset) | 0
  }

  /** The upper half, with what the lower one carries. */
  highAt(offset: number): number {
    return this.addressHigh + (this.addressLow + offset > 0xffff_ffff ? 1 : 0)
  }

  /** Unmaps, after every view of it was emptied. */
  release(): void {
    // Moving the contents out of the buffer detaches every view; the moved object is dropped at once.
    ;(this.bytes.buffer as ArrayBuffer).transfer(0)
    loadNative().munmap(this.address, BigInt(this.byteLength))
  }
}
