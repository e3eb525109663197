import { decimalBytes, writeDecimal } from '@qps/bytes'
import type { Catalogue } from './catalogue.ts'

/** Items encoded side by side in one piece of memory: a view costs more than what many a text of an item holds. */
const slabBytes = 1024 * 1024

/**
 * Items as JSON that was encoded once, but for what can change.
 *
 *     {"id":7,"title":"…","description":"…","price":1999,"stock":   12   ,"tags":["…","…"]}
 *     └──────────────────── before, encoded ─────────────────────┘ now └─ behind, encoded ─┘
 *
 * Bytes of many items share a slab, and each part is a view that is made once: to make one per request would be garbage.
 * That doubles the memory of the catalogue, and is why a catalogue is bounded.
 */
export class EncodedItems {
  readonly #catalogue: Catalogue
  readonly #before: readonly Uint8Array[]
  readonly #behind: readonly Uint8Array[]

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue
    const slabs = new Slabs()
    const ids = Array.from({ length: catalogue.count }, (_, index) => index + 1)
    this.#before = ids.map((id) => {
      const { title, description, price } = catalogue.item(id)!
      return slabs.keep(`${JSON.stringify({ id, title, description, price }).slice(0, -1)},"stock":`)
    })
    this.#behind = ids.map((id) => slabs.keep(`,"tags":${JSON.stringify(catalogue.item(id)!.tags)}}`))
  }

  /** Bytes of an item's JSON, now. @param id one that the catalogue has. */
  bytesOf(id: number): number {
    const { length } = this.#before[id - 1]!
    return length + decimalBytes(this.#catalogue.stockOf(id)) + this.#behind[id - 1]!.length
  }

  /** Writes it. @returns the position behind. @throws RangeError where `bytesOf(id)` bytes are not there. */
  write(target: Uint8Array, at: number, id: number): number {
    const before = this.#before[id - 1]!
    const behind = this.#behind[id - 1]!
    target.set(before, at)
    const end = writeDecimal(target, at + before.length, this.#catalogue.stockOf(id))
    target.set(behind, end)
    return end + behind.length
  }
}

/** Bytes that are kept for good, packed. */
class Slabs {
  #slab = new Uint8Array(0)
  #at = 0

  keep(text: string): Uint8Array {
    const bytes = Buffer.from(text)
    if (this.#at + bytes.length > this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(slabBytes, bytes.length))
      this.#at = 0
    }
    const kept = this.#slab.subarray(this.#at, this.#at + bytes.length)
    kept.set(bytes)
    this.#at += bytes.length
    return kept
  }
}
