/** A place that can lie on the stack: the stack's own link is in it, so that pushing allocates nothing and checks no bounds. */
export interface Stacked<S> {
  /** What lies under it, while it lies there; written by the stack and by nobody else. */
  below: S | undefined
}

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
export class IdleStack<S extends Stacked<S>> {
  #top: S | undefined
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
    slot.below = this.#top
    this.#top = slot
    this.#size++
  }

  pop(): S | undefined {
    const slot = this.#top
    if (slot === undefined) return undefined
    this.#top = slot.below
    slot.below = undefined
    const left = --this.#size
    if (left < this.#least) this.#least = left
    return slot
  }

  /** Begins the next look. */
  restart(): void {
    this.#least = this.#size
  }

  /** Takes `count` from the bottom: those that were not used for longest. O(size). */
  takeBottom(count: number): S[] {
    const slots = this.values()
    const taken = slots.splice(0, count)
    this.#refill(slots)
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
    const slots: S[] = []
    for (let slot = this.#top; slot !== undefined; slot = slot.below) slots.push(slot)
    return slots.toReversed()
  }

  /** @param slots those that stay. Whoever does not has no link into the stack any more. */
  #refill(slots: readonly S[]): void {
    const least = this.#least
    for (let slot = this.#top; slot !== undefined;) {
      const { below } = slot as S
      slot.below = undefined
      slot = below
    }
    this.#top = undefined
    this.#size = 0
    for (const slot of slots) this.push(slot)
    this.#least = Math.min(least, this.#size)
  }
}
