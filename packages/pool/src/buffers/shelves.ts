import type { BufferPlan } from '../options.ts'
import type { PlainBufferLease } from '../plain-lease.ts'
import { Memory } from './memory.ts'
import { SizeTable } from './size-classes.ts'
import { SizeClass, type Slab } from './slab.ts'

/** What the shelves need of their pool. */
export interface ShelfOwner {
  /** A new buffer was cut. */
  added(slab: Slab, view: Uint8Array): PlainBufferLease
  /** An idle buffer is gone, with its slab. */
  removed(slot: PlainBufferLease): void
}

/** What lies on the shelves. */
export interface ShelfStats {
  bytesReserved: number
  bytesHeld: number
  slabs: number
  held: number
  idle: number
  slabsAllocated: number
  slabsFreed: number
}

/**
 * The buffers of a pool that nobody holds, by size, and the slabs that they were cut from. Never more than `bytesMax` in
 * slabs; with `grow`, `bytesHardMax`.
 */
export class Shelves {
  readonly #plan: BufferPlan
  readonly #owner: ShelfOwner
  readonly #table: SizeTable
  readonly #classes: readonly SizeClass[]
  readonly #memory: Memory

  /** @param isolated gives each buffer a slab of its own. */
  constructor(plan: BufferPlan, isolated: boolean, owner: ShelfOwner) {
    const perSlab = (bytes: number): number => (isolated ? 1 : Math.max(1, Math.floor(plan.slabBytes / bytes)))
    this.#plan = plan
    this.#owner = owner
    this.#table = new SizeTable(plan.classes)
    this.#classes = plan.classes.map((bytes) => new SizeClass(bytes, perSlab(bytes)))
    this.#memory = new Memory(plan)
  }

  /** @throws QpsError QPS_OPTION where `bytes` is no whole number from 0 to the largest class. */
  classFor(bytes: number): SizeClass {
    return this.#classes[this.#table.indexOf(bytes)]!
  }

  /** A buffer that is nobody's: an idle one, or one that is cut now; undefined where the bound is reached. */
  take(sizeClass: SizeClass): PlainBufferLease | undefined {
    const idle = sizeClass.idle.pop()
    if (idle !== undefined) return idle
    const slab = sizeClass.filling ?? this.#addSlab(sizeClass)
    if (slab === undefined) return undefined
    const slot = this.#owner.added(slab, slab.cutNext())
    sizeClass.filling = slab.cut < slab.capacity ? slab : undefined
    return slot
  }

  /** A buffer that is not lent again. Its slab is freed when nobody is left in it. */
  drop(slot: PlainBufferLease): void {
    this.#owner.removed(slot)
    if (slot.slab.held === 0) this.#free(slot.slab.sizeClass, new Set([slot.slab]))
  }

  /** Frees slabs that were not needed since the last trim, or all that nobody is left in. O(idle log idle). */
  trim(all: boolean): void {
    for (const sizeClass of this.#classes) {
      const { idle } = sizeClass
      this.#free(sizeClass, all ? vacant(sizeClass) : unneeded(sizeClass))
      // The fullest slabs are used first from here on, and the others get empty.
      idle.sort((left, right) => left.slab.held - right.slab.held)
      idle.restart()
    }
  }

  /** Frees what nobody is left in, and lends nothing of the rest. */
  close(): void {
    for (const sizeClass of this.#classes) {
      this.#free(sizeClass, vacant(sizeClass))
      for (const slot of sizeClass.idle.takeBottom(sizeClass.idle.size)) this.#owner.removed(slot)
    }
  }

  idle(): PlainBufferLease[] {
    return this.#classes.flatMap(({ idle }) => idle.values())
  }

  stats(): ShelfStats {
    const slabs = this.#classes.flatMap((sizeClass) => [...sizeClass.slabs])
    return {
      bytesReserved: this.#memory.reservedBytes,
      bytesHeld: slabs.reduce((sum, slab) => sum + slab.held * slab.sizeClass.bytes, 0),
      slabs: slabs.length,
      held: slabs.reduce((sum, slab) => sum + slab.held, 0),
      idle: this.#classes.reduce((sum, { idle }) => sum + idle.size, 0),
      slabsAllocated: this.#memory.allocated,
      slabsFreed: this.#memory.freed,
    }
  }

  get bytesReserved(): number {
    return this.#memory.reservedBytes
  }

  #addSlab(sizeClass: SizeClass): Slab | undefined {
    const { bytes, perSlab } = sizeClass
    this.#reclaim(bytes)
    const capacity = Math.min(perSlab, Math.floor(this.#memory.room / bytes))
    if (capacity > 0) return this.#memory.allocate(sizeClass, capacity, false)
    const { whenExhausted, bytesHardMax } = this.#plan
    const grows = whenExhausted === 'grow' && this.#memory.reservedBytes + bytes <= bytesHardMax
    return grows ? this.#memory.allocate(sizeClass, 1, true) : undefined
  }

  /** Frees slabs that nobody is left in, of any class, until there is room for so many bytes or none is left. */
  #reclaim(bytes: number): void {
    for (const sizeClass of this.#classes) {
      const missing = bytes - this.#memory.room
      if (missing <= 0) return
      this.#free(sizeClass, vacant(sizeClass, missing))
    }
  }

  #free(sizeClass: SizeClass, slabs: ReadonlySet<Slab>): void {
    if (slabs.size === 0) return
    for (const slot of sizeClass.idle.takeWhere((slot) => slabs.has(slot.slab))) this.#owner.removed(slot)
    for (const slab of slabs) this.#memory.free(slab)
  }
}

/** Slabs that nobody is left in: as many as have `bytesMin` together, or all. */
function vacant({ slabs }: SizeClass, bytesMin = Infinity): Set<Slab> {
  const found = new Set<Slab>()
  let bytes = 0
  for (const slab of slabs) {
    if (bytes >= bytesMin) break
    if (slab.held > 0) continue
    found.add(slab)
    bytes += slab.bytes
  }
  return found
}

/** Slabs that nobody is left in, with no more buffers together than were idle all the time. */
function unneeded({ slabs, idle }: SizeClass): Set<Slab> {
  const found = new Set<Slab>()
  let spare = idle.least
  for (const slab of slabs) {
    if (slab.held > 0 || slab.cut > spare) continue
    found.add(slab)
    spare -= slab.cut
  }
  return found
}
