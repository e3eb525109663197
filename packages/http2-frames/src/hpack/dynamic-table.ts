/** An entry counts for its name, its value and this many bytes: RFC 7541, section 4.1. */
export const entryOverheadBytes = 32

/** A field in a table. */
export interface TableEntry {
  readonly name: string
  readonly value: string
  /** Bytes that it counts for. */
  readonly bytes: number
  /** Name and value are such as HTTP allows (RFC 9113, section 8.2.1). */
  readonly wellFormed: boolean
}

/**
 * The dynamic table of one direction: first in, first out, bounded in bytes and thereby in entries. Adding evicts the
 * oldest until the new entry fits; an entry larger than the table empties it. O(1) amortized.
 *
 *   newest = 0      1      2    ← `get`
 *   | entry | entry | entry | evicted …
 *
 * Sources: RFC 7541, sections 2.3.2, 4.1 to 4.4.
 */
export class DynamicTable {
  /** Bytes of all entries together. */
  bytes = 0
  /** Entries in the table. */
  length = 0
  /** Entries ever added: the newest has the number `added - 1`. */
  added = 0
  /** How often it has changed: by an entry, by one that was too large and emptied it, or by another size. */
  changes = 0

  readonly #onEvicted: ((entry: TableEntry, number: number) => void) | undefined
  readonly #ring: (TableEntry | undefined)[]
  #bytesMax: number

  /**
   * @param bytesLimit what `bytesMax` can ever be; it begins there.
   * @param onEvicted is told of each entry that leaves, with its number in the order of all that were added.
   */
  constructor(bytesLimit: number, onEvicted?: (entry: TableEntry, number: number) => void) {
    const entriesMax = Math.max(1, Math.floor(bytesLimit / entryOverheadBytes))
    this.#ring = Array.from<undefined>({ length: entriesMax }).fill(undefined)
    this.#bytesMax = bytesLimit
    this.#onEvicted = onEvicted
  }

  get bytesMax(): number {
    return this.#bytesMax
  }

  /** Evicts what no longer fits. @param bytesMax at most the limit. */
  resize(bytesMax: number): void {
    this.changes++
    this.#evictUntil(bytesMax)
    this.#bytesMax = bytesMax
  }

  add(entry: TableEntry): void {
    this.changes++
    this.#evictUntil(this.#bytesMax - entry.bytes)
    if (entry.bytes > this.#bytesMax) return
    this.#ring[this.added % this.#ring.length] = entry
    this.added++
    this.length++
    this.bytes += entry.bytes
  }

  /** @param index 0 is the newest. @returns undefined where there is none. */
  get(index: number): TableEntry | undefined {
    return index < this.length ? this.#ring[(this.added - 1 - index) % this.#ring.length] : undefined
  }

  #evictUntil(bytesMax: number): void {
    while (this.length > 0 && this.bytes > bytesMax) {
      const number = this.added - this.length
      const at = number % this.#ring.length
      const entry = this.#ring[at]!
      this.#ring[at] = undefined
      this.length--
      this.bytes -= entry.bytes
      this.#onEvicted?.(entry, number)
    }
  }
}
