import { releasedError, twiceError } from '../errors.ts'
import type { BufferLease, Lease } from '../lease.ts'
import type { PlainBufferLease, PlainLease } from '../plain-lease.ts'
import { type Frame, traceAbove } from './trace.ts'
import type { Lending, Watch } from './watch.ts'

/**
 * A lease of development: a new one for each acquire, around the place that production would lend itself. So it stays
 * released for ever, and knows where it was acquired.
 */
abstract class WatchedLeaseBase<S extends PlainLease<unknown> | PlainBufferLease> implements Disposable {
  readonly #lending: Lending<S>
  readonly #watch: Watch<S>

  constructor(lending: Lending<S>, watch: Watch<S>) {
    this.#lending = lending
    this.#watch = watch
    watch.guard(this, lending)
  }

  get generation(): number {
    return this.#lending.generation
  }

  isCurrent(generation: number): boolean {
    return this.#lending.released === undefined && this.#lending.generation === generation
  }

  release(): void {
    this.#end(this.release)
  }

  [Symbol.dispose](): void {
    this.#end(this[Symbol.dispose])
  }

  protected held(): S {
    if (this.#lending.released !== undefined) throw releasedError(this.#watch.name, this.#lending)
    return this.#lending.slot
  }

  #end(above: Frame): void {
    if (this.#lending.released !== undefined) throw twiceError(this.#watch.name, this.#lending)
    this.#watch.end(this, this.#lending, traceAbove(above))
    this.#lending.slot.release()
  }
}

export class WatchedLease<T> extends WatchedLeaseBase<PlainLease<T>> implements Lease<T> {
  get value(): T {
    return this.held().item
  }
}

export class WatchedBufferLease extends WatchedLeaseBase<PlainBufferLease> implements BufferLease {
  get bytes(): Uint8Array {
    return this.held().view
  }
}
