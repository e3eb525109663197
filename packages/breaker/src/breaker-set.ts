import { checkInteger } from '@qps/core'
import type { Breaker } from './breaker.ts'
import { makeBreaker } from './create.ts'
import { keyError } from './errors.ts'
import { type BreakerOptions, type BreakerPlan, type Hooks, planBreaker, planHooks } from './options.ts'

export interface BreakerSetOptions {
  /** How each breaker is made; its name is its key. */
  breaker: BreakerOptions
  /** Breakers that are kept, 1 to 65,536. Default 1024. */
  entriesMax?: number
  /** The longest key, in characters, 1 to 4096. Default 256. */
  keyLengthMax?: number
}

export const breakerSetDefaults = { entriesMax: 1024, keyLengthMax: 256 } as const

/**
 * A breaker per endpoint, made when it is first asked for. Where there are too many, the one that was not asked for
 * longest goes; whoever holds it can go on using it, and its key begins anew.
 *
 * Any string is a key, `__proto__` too. What a set takes at most is `entriesMax` times what a breaker does.
 *
 * @example
 * const breakers = new BreakerSet({ breaker: { design: 'adaptive' } })
 * await breakers.get('stock').run((signal) => fetch(url, { signal }))
 */
export class BreakerSet implements Iterable<Breaker> {
  readonly #plan: BreakerPlan
  readonly #hooks: Hooks
  readonly #entriesMax: number
  readonly #keyLengthMax: number
  /** In the order of their use, the last one last. */
  readonly #breakers = new Map<string, Breaker>()
  #last: Breaker | undefined
  #evicted = 0

  /** @throws QpsError QPS_OPTION for an option out of its range, those of the breakers too. */
  constructor({ breaker, entriesMax, keyLengthMax }: BreakerSetOptions) {
    this.#plan = planBreaker(breaker)
    this.#hooks = planHooks(breaker)
    const { entriesMax: entries, keyLengthMax: length } = breakerSetDefaults
    this.#entriesMax = checkInteger('entriesMax', entriesMax ?? entries, { min: 1, max: 65_536 })
    this.#keyLengthMax = checkInteger('keyLengthMax', keyLengthMax ?? length, { min: 1, max: 4096 })
  }

  /**
   * The breaker of this key. O(1); nearly nothing where it is the one of the last call.
   *
   * @throws QpsError QPS_BREAKER_KEY where the key is too long, or no string.
   */
  get(key: string): Breaker {
    if (this.#last?.name === key) return this.#last
    let breaker = this.#breakers.get(key)
    if (breaker === undefined) breaker = this.#make(key)
    else this.#breakers.delete(key)
    this.#breakers.set(key, breaker)
    this.#last = breaker
    return breaker
  }

  /** As {@link get}, but makes none, and does not count as use. */
  peek(key: string): Breaker | undefined {
    return this.#breakers.get(key)
  }

  get size(): number {
    return this.#breakers.size
  }

  /** How many had to go. */
  get evicted(): number {
    return this.#evicted
  }

  /** From the one whose last use is longest ago. */
  [Symbol.iterator](): IterableIterator<Breaker> {
    return this.#breakers.values()
  }

  #make(key: string): Breaker {
    if (typeof key !== 'string' || key.length > this.#keyLengthMax) throw keyError(key, this.#keyLengthMax)
    if (this.#breakers.size >= this.#entriesMax) {
      for (const oldest of this.#breakers.keys()) {
        this.#breakers.delete(oldest)
        this.#evicted++
        break
      }
    }
    return makeBreaker({ ...this.#plan, name: key }, this.#hooks)
  }
}
