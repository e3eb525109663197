/**
 * A queue in a ring that doubles when it is full: first in, first out, O(1) at both ends, without an allocation per entry.
 * Whoever fills it bounds it.
 *
 *   items   |  c  |  d  |     |     |     |     |  a  |  b  |
 *                       length = 4              └ head
 */
export class Fifo<Item> {
  #items: (Item | undefined)[] = Array.from<undefined>({ length: 8 }).fill(undefined)
  #mask = 7
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** The oldest, or undefined. */
  get first(): Item | undefined {
    return this.#items[this.#head]
  }

  /** The entry behind `index` others; only where `index` is below `length`. */
  at(index: number): Item {
    return this.#items[(this.#head + index) & this.#mask]!
  }

  push(item: Item): void {
    if (this.#length > this.#mask) this.#grow()
    this.#items[(this.#head + this.#length) & this.#mask] = item
    this.#length++
  }

  /** Puts it before all others. */
  unshift(item: Item): void {
    if (this.#length > this.#mask) this.#grow()
    this.#head = (this.#head - 1) & this.#mask
    this.#items[this.#head] = item
    this.#length++
  }

  /** Removes and returns the oldest, or undefined. */
  shift(): Item | undefined {
    const item = this.#items[this.#head]
    if (this.#length === 0) return undefined
    this.#items[this.#head] = undefined
    this.#head = (this.#head + 1) & this.#mask
    this.#length--
    return item
  }

  /** Keeps those for which `keeps` says yes, in order. O(n). */
  filter(keeps: (item: Item) => boolean): void {
    for (let left = this.#length; left > 0; left--) {
      const item = this.shift()!
      if (keeps(item)) this.push(item)
    }
  }

  #grow(): void {
    const items = Array.from<Item | undefined>({ length: 2 * this.#items.length }).fill(undefined)
    for (let index = 0; index < this.#length; index++) items[index] = this.at(index)
    this.#items = items
    this.#mask = items.length - 1
    this.#head = 0
  }
}
