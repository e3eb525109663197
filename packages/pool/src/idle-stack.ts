/**
 * What is not lent, last in, first out: what was used last is still in the processor's caches, and what lies at the bottom
 * is what the load does not need. How much that is, the stack knows without a clock: the fewest that ever lay here since the
 * last look were not needed in all that time.
 *
 *   ┌───┐ ◄─ push, pop
 *   │   │
 *   ├───┤ ◄─ least: nobody came further down since the last look
 *   │   │
 *   └───┘    unused: these may go
 *
 * push and pop are O(1). What is lent is not referred to from here, so that the collector can see that it was forgotten.
 * Source: the working set of Bonwick and Adams, Magazines and Vmem (USENIX 2001), section 3.
 */
export class IdleStack<S> {
  readonly #slots: (S | undefined)[] = []
  #size = 0
  #least = 0

  get size(): number {
    return this.#size
  }

  /** The fewest that lay here since the last `restart`. */
  get least(): number {
    return this.#least
  }

  push(slot: S): void {
    // The array keeps its length: V8 would shrink it and grow it again.
    this.#slots[this.#size++] = slot
  }

  pop(): S | undefined {
    if (this.#size === 0) return undefined
    const top = this.#size - 1
    const slot = this.#slots[top]
    this.#slots[top] = undefined
    this.#size = top
    if (top < this.#least) this.#least = top
    return slot
  }

  /** Begins the next look. */
  restart(): void {
    this.#least = this.#size
  }

  /** Takes `count` from the bottom: those that were not used for longest. O(size). */
  takeBottom(count: number): S[] {
    const taken = this.#slots.splice(0, count) as S[]
    this.#size -= taken.length
    this.#least = Math.max(0, this.#least - taken.length)
    return taken
  }

  /** Takes those for which `leaves` says so. O(size). */
  takeWhere(leaves: (slot: S) => boolean): S[] {
    const slots = this.values()
    const taken = slots.filter(leaves)
    this.#refill(slots.filter((slot) => !leaves(slot)))
    return taken
  }

  /** Puts them in another order; the last one is lent first. O(size log size). */
  sort(order: (left: S, right: S) => number): void {
    this.#refill(this.values().toSorted(order))
  }

  /** From the bottom to the top. */
  values(): S[] {
    return this.#slots.slice(0, this.#size) as S[]
  }

  #refill(slots: S[]): void {
    this.#slots.length = 0
    this.#slots.push(...slots)
    this.#size = slots.length
    this.#least = Math.min(this.#least, this.#size)
  }
}
