import { IdleStack } from '../idle-stack.ts'
import type { PlainBufferLease } from '../plain-lease.ts'

/** Buffers of one size, and the slabs that they come from. */
export class SizeClass {
  /** Length of each of its buffers. */
  readonly bytes: number
  /** Buffers in a slab. */
  readonly perSlab: number
  readonly idle: IdleStack<PlainBufferLease> = new IdleStack()
  readonly slabs: Set<Slab> = new Set()
  /** The slab that has buffers left which were never lent. */
  filling: Slab | undefined

  constructor(bytes: number, perSlab: number) {
    this.bytes = bytes
    this.perSlab = perSlab
  }
}

/**
 * One piece of memory, cut into buffers of one size. Cut when they are first needed, from the start on, so that pages which
 * nobody needs are never touched.
 *
 *   ┌────────┬────────┬────────┬╌╌╌╌╌╌╌╌┬╌╌╌╌╌╌╌╌┐
 *   │ lent   │ idle   │ lent   │        │        │   held 2, cut 3, capacity 5
 *   └────────┴────────┴────────┴╌╌╌╌╌╌╌╌┴╌╌╌╌╌╌╌╌┘
 */
export class Slab {
  readonly sizeClass: SizeClass
  readonly capacity: number
  /** Beyond the pool's bound: goes as soon as its one buffer comes back. */
  readonly extra: boolean
  /** Buffers that are lent, and those that were forgotten. */
  held = 0
  #memory: Uint8Array
  #cut = 0

  /** @param memory at least `capacity` buffers long. */
  constructor(sizeClass: SizeClass, memory: Uint8Array, capacity: number, extra: boolean) {
    this.sizeClass = sizeClass
    this.#memory = memory
    this.capacity = capacity
    this.extra = extra
  }

  get memory(): Uint8Array {
    return this.#memory
  }

  /** Buffers that were lent at least once. */
  get cut(): number {
    return this.#cut
  }

  /** What the slab counts for, in bytes. */
  get bytes(): number {
    return this.capacity * this.sizeClass.bytes
  }

  /** The next buffer that was never lent. The caller sees that there is one. */
  cutNext(): Uint8Array {
    const { bytes } = this.sizeClass
    const start = this.#cut++ * bytes
    return this.#memory.subarray(start, start + bytes)
  }

  /**
   * Moves the memory, with what it contains, into another ArrayBuffer. Nothing is copied; views of the one before become
   * empty. For a slab with one buffer, in memory of JavaScript's own.
   *
   * @returns the view that is good from now on.
   */
  moved(): Uint8Array {
    this.#memory = new Uint8Array((this.#memory.buffer as ArrayBuffer).transfer())
    return this.#memory.subarray(0, this.sizeClass.bytes)
  }
}
