import { lengths, status } from './code/status.ts'
import { valueError } from './errors.ts'
import { headAt, scratchAt } from './layout.ts'
import type { MapParts } from './map-parts.ts'
import type { MapKey } from './shared-map.ts'
import { TableMap } from './table-map.ts'

/** A map whose values are bytes: copied in by `set`, copied out by `get`. */
export class BytesMap<K extends MapKey> extends TableMap<K, Uint8Array> {
  readonly #bytes: Uint8Array
  /** Where values pass through. */
  readonly #cell: number

  constructor(parts: MapParts<K>) {
    super(parts)
    this.#bytes = new Uint8Array(parts.memory.buffer)
    this.#cell = parts.scratch + scratchAt.tail + parts.layout.tailBytes
  }

  get(key: K): Uint8Array | undefined {
    const code = this.encode(key)
    const length = this.core.get(code)
    if (length === lengths.busy) return this.readLocked(code)
    return this.#copyOf(length)
  }

  set(key: K, value: Uint8Array): void {
    const length = this.#bring(value)
    const result = this.core.set(this.encode(key), length)
    if (result !== status.done) this.setSlowly(key, value, result)
  }

  protected peek(code: number): Uint8Array | undefined {
    return this.#copyOf(this.core.peek(code))
  }

  protected put(code: number, value: Uint8Array): number {
    return this.core.put(code, this.#bring(value))
  }

  protected isSame(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
    if (left === undefined || right === undefined) return left === right
    return left.length === right.length && left.every((byte, index) => byte === right[index])
  }

  protected valueAt(head: number): Uint8Array {
    const { words, layout } = this.parts
    const at = (head + headAt.value) / 4
    const cell = layout.cells + words[at + 1]! * layout.cellBytes
    return this.#bytes.slice(cell, cell + words[at]!)
  }

  /** Puts a value into the scratch. */
  #bring(value: Uint8Array): number {
    const { valueBytesMax } = this.parts.shape
    if (!(value instanceof Uint8Array)) throw valueError('a Uint8Array', value)
    if (value.length > valueBytesMax) {
      throw valueError(`at most ${valueBytesMax} bytes (valueBytesMax)`, `${value.length} bytes`)
    }
    this.#bytes.set(value, this.#cell)
    return value.length
  }

  /** Takes it out of there: memory of its own, which is not shared. */
  #copyOf(length: number): Uint8Array | undefined {
    return length < 0 ? undefined : this.#bytes.slice(this.#cell, this.#cell + length)
  }
}
