import { releasedError, twiceError } from './errors.ts'
import type { Stacked } from './idle-stack.ts'
import type { BufferLease, Lease } from './lease.ts'
import type { Slab } from './buffers/slab.ts'

/** A pool, as its leases see it. */
export interface Home<S> {
  readonly name: string
  /** Takes back what one of its leases was for. Called by `release`, and by nobody else. */
  giveBack(slot: S): void
}

/** Generations stay small integers, which V8 keeps without an object of their own. */
const generationMask = 2 ** 30 - 1

/*
 * A place in a pool and its own lease, which is lent again each time: production allocates nothing. The two classes below
 * repeat each other, so that each property access in them sees one shape only.
 */

/** The place of an object. `held`, `below` and `item` are the pool's. */
export class PlainLease<T> implements Lease<T>, Stacked<PlainLease<T>> {
  held = false
  generation = 0
  below: PlainLease<T> | undefined = undefined
  readonly item: T
  readonly #home: Home<PlainLease<T>>

  constructor(home: Home<PlainLease<T>>, item: T) {
    this.#home = home
    this.item = item
  }

  get value(): T {
    if (!this.held) throw releasedError(this.#home.name)
    return this.item
  }

  isCurrent(generation: number): boolean {
    return this.held && this.generation === generation
  }

  release(): void {
    if (!this.held) throw twiceError(this.#home.name)
    this.held = false
    this.generation = (this.generation + 1) & generationMask
    this.#home.giveBack(this)
  }

  [Symbol.dispose](): void {
    this.release()
  }
}

/** The place of a buffer in its slab. `held`, `below` and `view` are the pool's. */
export class PlainBufferLease implements BufferLease, Stacked<PlainBufferLease> {
  held = false
  generation = 0
  below: PlainBufferLease | undefined = undefined
  view: Uint8Array
  readonly slab: Slab
  readonly #home: Home<PlainBufferLease>

  constructor(home: Home<PlainBufferLease>, slab: Slab, view: Uint8Array) {
    this.#home = home
    this.slab = slab
    this.view = view
  }

  get bytes(): Uint8Array {
    if (!this.held) throw releasedError(this.#home.name)
    return this.view
  }

  isCurrent(generation: number): boolean {
    return this.held && this.generation === generation
  }

  release(): void {
    if (!this.held) throw twiceError(this.#home.name)
    this.held = false
    this.generation = (this.generation + 1) & generationMask
    this.#home.giveBack(this)
  }

  [Symbol.dispose](): void {
    this.release()
  }
}
