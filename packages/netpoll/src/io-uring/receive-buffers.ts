import { bufferWords, ringRegister } from '../sys/abi.ts'
import { Arena } from '../sys/arena.ts'
import { scratch } from '../sys/scratch.ts'
import type { Ring } from './ring.ts'

/** The only group of this ring. */
export const bufferGroup = 0

/** Enough for the bytes of a hundred connections that speak at the same moment. */
const buffersAtFirst = 128

/**
 * Receive buffers that all connections share: the kernel takes one when bytes arrive, not when a read is asked for, so
 * ten thousand idle connections hold none.
 *
 * A ring again: we put free buffers at its tail, the kernel takes them from its head. A buffer is ours from its
 * completion until `give`, and comes back exactly once.
 *
 *     struct io_uring_buf { u64 addr; u32 len; u16 bid; u16 resv; }   the first one's `resv` is the tail
 *
 * Source: io_uring_register_buf_ring(3).
 */
export class ReceiveBuffers {
  readonly bytes: Uint8Array
  readonly bufferBytes: number
  /** A read found no buffer, or there is none yet: with the next `publish`, more come into use. */
  ranOut = true
  readonly #ring: Arena
  readonly #buffers: Arena
  readonly #words: Int32Array
  readonly #halves: Uint16Array
  readonly #mask: number
  readonly #count: number
  /** From one buffer to the next; see `blockStride` for why it is no power of two. */
  readonly #stride: number
  /** Buffers that are in use at all: those below this number. */
  #used = 0
  #tail = 0
  /** The tail that the kernel sees. */
  #published = 0

  /**
   * @param count power of two, at most 32,768.
   * @throws the system's error where the kernel does not take the ring; QPS_MEMORY.
   */
  constructor(ring: Ring, count: number, bufferBytes: number) {
    using owned = new DisposableStack()
    this.bufferBytes = bufferBytes
    this.#ring = owned.adopt(new Arena(count * bufferWords * 4), (arena) => arena.release())
    this.#count = count
    this.#stride = bufferBytes + 5 * 64
    this.#buffers = owned.adopt(new Arena(count * this.#stride), (arena) => arena.release())
    this.bytes = this.#buffers.bytes
    this.#words = this.#ring.words
    this.#halves = new Uint16Array(this.#words.buffer)
    this.#mask = count - 1
    // struct io_uring_buf_reg { u64 ring_addr; u32 ring_entries; u16 bgid; u16 flags; u64 resv[3]; }
    const { address, words } = scratch()
    words.fill(0, 0, 10)
    words[0] = this.#ring.addressLow
    words[1] = this.#ring.addressHigh
    words[2] = count
    words[3] = bufferGroup
    ring.register(ringRegister.PBUF_RING, address, 1)
    this.publish()
    owned.move()
  }

  /** Where a buffer begins in `bytes`. */
  startOf(id: number): number {
    return id * this.#stride
  }

  /** Gives a buffer back; the kernel sees it after `publish`. */
  give(id: number): void {
    const at = (this.#tail & this.#mask) * bufferWords
    const offset = id * this.#stride
    this.#words[at] = this.#buffers.lowAt(offset)
    this.#words[at + 1] = this.#buffers.highAt(offset)
    this.#words[at + 2] = this.bufferBytes
    this.#halves[(at + 3) * 2] = id
    this.#tail = (this.#tail + 1) & 0xffff
  }

  /** Lets the kernel see what was given back, and more where it has run out. */
  publish(): void {
    if (this.ranOut) {
      this.ranOut = false
      this.#grow()
    }
    if (this.#tail === this.#published) return
    this.#published = this.#tail
    // An atomic store, because the kernel on another core must not see the tail before the entries.
    Atomics.store(this.#halves, 7, this.#tail)
  }

  /**
   * Puts more buffers into use: at first a few, then twice as many each time they were not enough. The kernel takes them in
   * turn, all of them, so more than needed only keeps the caches busy.
   */
  #grow(): void {
    const until = Math.min(this.#count, Math.max(buffersAtFirst, 2 * this.#used))
    while (this.#used < until) this.give(this.#used++)
  }

  release(): void {
    this.#ring.release()
    this.#buffers.release()
  }
}
