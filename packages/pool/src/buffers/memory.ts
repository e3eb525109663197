import { QpsError } from '@qps/core'
import { createError } from '../errors.ts'
import type { BufferPlan } from '../options.ts'
import { type SizeClass, Slab } from './slab.ts'

/** The memory of a pool: what it may have, what it has, and where slabs come from and go to. */
export class Memory {
  readonly #plan: BufferPlan
  /** What all slabs together count for, in bytes. */
  reservedBytes = 0
  slabs = 0
  allocated = 0
  freed = 0

  constructor(plan: BufferPlan) {
    this.#plan = plan
  }

  /** Bytes that may still be reserved. */
  get room(): number {
    return this.#plan.bytesMax - this.reservedBytes
  }

  /** @throws QpsError QPS_POOL_CREATE where `allocate` throws or gives what is too short or not aligned. */
  allocate(sizeClass: SizeClass, capacity: number, extra: boolean): Slab {
    const bytes = capacity * sizeClass.bytes
    const slab = new Slab(sizeClass, this.#obtain(bytes), capacity, extra)
    sizeClass.slabs.add(slab)
    this.reservedBytes += bytes
    this.slabs++
    this.allocated++
    return slab
  }

  free(slab: Slab): void {
    slab.sizeClass.slabs.delete(slab)
    if (slab.sizeClass.filling === slab) slab.sizeClass.filling = undefined
    this.reservedBytes -= slab.bytes
    this.slabs--
    this.freed++
    this.#plan.free?.(slab.memory)
  }

  #obtain(bytes: number): Uint8Array {
    const { allocate, alignment, name } = this.#plan
    try {
      if (allocate === undefined) return new Uint8Array(bytes)
      const memory = allocate(bytes, alignment)
      if (memory.byteLength >= bytes && memory.byteOffset % alignment === 0) return memory
      const given = `${memory.byteLength} bytes at offset ${memory.byteOffset}`
      throw new QpsError('QPS_OPTION', `allocate gave ${given} for ${bytes} bytes at a multiple of ${alignment}`)
    } catch (error) {
      throw createError(name, error)
    }
  }
}
