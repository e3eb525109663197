import type { Clock, QpsError } from '@qps/core'
import { leakedError, type Whereabouts } from '../errors.ts'
import { placeOf } from './trace.ts'

/** A lease that was not given back. */
export interface Leak {
  /** How long ago it was acquired. */
  heldMs: number
  /** The line that acquired it. */
  acquired: string
  /** That line and the calls that led there. */
  trace: string
  /** True where the holder is gone without having given it back; false where it may only be slow. */
  forgotten: boolean
}

export interface LeakOptions {
  /** Names leases that are held for so long too, in milliseconds, at least 0. Default: forgotten ones only. */
  heldMsMin?: number
}

/** One lease from acquire to release. */
export interface Lending<S> extends Whereabouts {
  readonly slot: S
  readonly generation: number
  readonly sinceMs: number
  released: string | undefined
}

/** What a watch is told by its pool, and tells it. */
export interface Watched<S> {
  readonly name: string
  readonly clock: Clock
  readonly onLeak: ((leak: QpsError) => void) | undefined
  /** The holder of this one is gone. */
  readonly lose: (slot: S) => void
}

/** Forgotten leases that are kept for the report; further ones push out the oldest. */
export const forgottenMax = 100

/**
 * What a pool knows of its leases in development: who holds which, since when, and where each was acquired and released.
 *
 * A lease that the collector frees while it is held was forgotten. Nothing here refers to a lease itself, or none would ever
 * be free.
 */
export class Watch<S extends object> {
  readonly #pool: Watched<S>
  readonly #held = new Set<Lending<S>>()
  readonly #forgotten: Lending<S>[] = []
  readonly #last = new WeakMap<S, Lending<S>>()
  readonly #collector = new FinalizationRegistry<Lending<S>>((lending) => this.#collected(lending))

  constructor(pool: Watched<S>) {
    this.#pool = pool
  }

  get name(): string {
    return this.#pool.name
  }

  /** @param acquired the trace of the acquire. */
  begin(slot: S, generation: number, acquired: string): Lending<S> {
    const lending = { slot, generation, sinceMs: this.#pool.clock.nowMs(), acquired, released: undefined }
    this.#held.add(lending)
    this.#last.set(slot, lending)
    return lending
  }

  /** Notices when the collector frees this lease. */
  guard(lease: object, lending: Lending<S>): void {
    this.#collector.register(lease, lending, lease)
  }

  /** @param released the trace of the release. */
  end(lease: object, lending: Lending<S>, released: string): void {
    lending.released = released
    this.#held.delete(lending)
    this.#collector.unregister(lease)
  }

  /** Who had this one last, or has it. */
  lastOf(slot: S): Lending<S> | undefined {
    return this.#last.get(slot)
  }

  leaks({ heldMsMin = Infinity }: LeakOptions): Leak[] {
    const nowMs = this.#pool.clock.nowMs()
    const slow = [...this.#held].filter(({ sinceMs }) => nowMs - sinceMs >= heldMsMin)
    const leakOf = (forgotten: boolean) => (lending: Lending<S>) => ({
      heldMs: nowMs - lending.sinceMs,
      acquired: placeOf(lending.acquired),
      trace: lending.acquired,
      forgotten,
    })
    return [...this.#forgotten.map(leakOf(true)), ...slow.map(leakOf(false))]
  }

  /** Where the lease was acquired that is held for longest, for the message of an exhausted pool. */
  oldest(): string {
    const [first] = this.#held
    if (first === undefined) return ''
    const heldMs = Math.round(this.#pool.clock.nowMs() - first.sinceMs)
    return `; the oldest lease is held for ${heldMs} ms, acquired at ${placeOf(first.acquired)}`
  }

  /** @throws QpsError QPS_LEASE_LEAKED where leases are held or were forgotten. */
  refuseLeaks(): void {
    const acquired = [...this.#forgotten, ...this.#held].map((lending) => lending.acquired)
    if (acquired.length > 0) throw leakedError(this.name, acquired)
  }

  #collected(lending: Lending<S>): void {
    this.#held.delete(lending)
    this.#forgotten.push(lending)
    if (this.#forgotten.length > forgottenMax) this.#forgotten.shift()
    this.#pool.lose(lending.slot)
    this.#pool.onLeak?.(leakedError(this.name, [lending.acquired]))
  }
}
