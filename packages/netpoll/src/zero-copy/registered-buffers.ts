import { QpsError } from '@qps/core'
import type { Ring } from '../io-uring/ring.ts'
import { resourceBytes, resourceFlag, ringRegister } from '../sys/abi.ts'
import type { Arena } from '../sys/arena.ts'
import { scratch } from '../sys/scratch.ts'

/** Where in the scratch page the `struct iovec { void *base; size_t len; }` lies. */
const vectorAt = 64

/**
 * The ring's table of registered buffers: memory that the kernel has looked up and pinned once, instead of at each send.
 *
 * Registered memory counts against RLIMIT_MEMLOCK of whoever has no CAP_IPC_LOCK. Sources: io_uring_register(2),
 * io_uring_register_buffers_sparse(3).
 */
export class RegisteredBuffers {
  readonly #ring: Ring
  readonly #count: number
  readonly #free: number[]
  /** The table stands: from the first registration on. */
  #stands = false

  constructor(ring: Ring, count: number) {
    this.#ring = ring
    this.#count = count
    this.#free = Array.from({ length: count }, (_, index) => count - 1 - index)
  }

  /**
   * @returns the place of the memory in the table, which submissions name.
   * @throws QpsError QPS_MEMORY where the table is full, or the kernel locks no more memory.
   */
  add(memory: Arena): number {
    const place = this.#free.pop()
    if (place === undefined) {
      throw new QpsError('QPS_MEMORY', `all ${this.#count} places for registered memory are taken`, {
        hint: 'release what is no longer sent from, or raise registeredMax',
      })
    }
    try {
      this.#stand()
      this.#update(place, memory.addressLow, memory.addressHigh, memory.byteLength)
      return place
    } catch (cause) {
      this.#free.push(place)
      throw new QpsError('QPS_MEMORY', `the kernel did not register ${memory.byteLength} bytes of memory`, {
        cause,
        hint: 'raise the limit of locked memory (ulimit -l), or ask for memory that is not registered',
      })
    }
  }

  /** The kernel lets go of the memory when the last send from it is complete. */
  remove(place: number): void {
    this.#update(place, 0, 0, 0)
    this.#free.push(place)
  }

  #stand(): void {
    if (this.#stands) return
    const { address, words } = scratch()
    words.fill(0, 0, resourceBytes / 4)
    words[0] = this.#count
    words[1] = resourceFlag.REGISTER_SPARSE
    this.#ring.register(ringRegister.BUFFERS2, address, resourceBytes)
    this.#stands = true
  }

  #update(place: number, low: number, high: number, byteLength: number): void {
    const { address, words, lowAt, highAt } = scratchWords()
    words.fill(0, 0, (vectorAt + 16) / 4)
    words[0] = place
    words[2] = lowAt
    words[3] = highAt
    words[6] = 1
    words[vectorAt / 4] = low
    words[vectorAt / 4 + 1] = high
    words[vectorAt / 4 + 2] = byteLength
    this.#ring.register(ringRegister.BUFFERS_UPDATE, address, resourceBytes)
  }
}

/** The scratch page, and the address of the vector in it. */
function scratchWords(): { address: bigint; words: Int32Array; lowAt: number; highAt: number } {
  const page = scratch()
  return { address: page.address, words: page.words, lowAt: page.lowAt(vectorAt), highAt: page.highAt(vectorAt) }
}
