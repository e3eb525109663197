import { FieldSection, sectionComplete, sectionIncomplete } from './field-section.ts'
import { equalsIgnoringCase } from './header-bytes.ts'

/** A trailer field as it was sent: bytes beyond ASCII are characters of Latin-1, as in `node:http`. */
export type Trailer = readonly [name: string, value: string]

/** What a look at more bytes came to: the `section…` constants, and these. */
export const trailersTooLong = 10
export const trailersForbidden = 11

/** A part of a message must not come behind its body that says where it ends, whom it is for or what follows it (RFC 9110 section 6.5.1). */
const forbidden: readonly Uint8Array[] = ['transfer-encoding', 'content-length', 'host', 'connection'].map((name) =>
  new TextEncoder().encode(name),
)

const nothing = new Uint8Array(0)

/**
 * The trailer section behind a chunked body (RFC 9112 section 7.1.2), by the rules of the header section. What was read
 * of it is kept here between two looks, since nobody else holds on to what is behind a head: at most `bytesMax`. Where
 * the section lies in the bytes as a whole, as it nearly always does, nothing is copied.
 */
export class TrailerReader {
  /** The fields, when the section is complete. */
  trailers: readonly Trailer[] = []
  /** Where reading stopped in the last bytes. */
  at = 0
  #section = new FieldSection()
  #bytesMax = 0
  #kept: Uint8Array = nothing
  #keptBytes = 0

  reset(bytesMax: number, fieldsMax: number): void {
    this.#section.reset(0, fieldsMax)
    this.#bytesMax = bytesMax
    this.#drop()
  }

  /** Reads on from `bytes[at]`. @returns one of the `section…` or `trailers…` constants. */
  read(bytes: Uint8Array, at: number, end: number): number {
    const before = this.#keptBytes
    const latest = Math.min(end, at + this.#bytesMax - before)
    if (before > 0) this.#keep(bytes, at, latest)
    const source = before > 0 ? this.#kept : bytes
    const base = before > 0 ? 0 : at
    const outcome = this.#section.read(source, base, before > 0 ? this.#keptBytes : latest)
    this.at = at + this.#section.at - before
    if (outcome === sectionIncomplete) {
      if (latest < end) return trailersTooLong
      if (before === 0) this.#keep(bytes, at, latest)
      return outcome
    }
    if (outcome === sectionComplete) {
      if (this.#hasForbidden(source, base)) return trailersForbidden
      this.trailers = this.#decode(source, base)
    }
    this.#drop()
    return outcome
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.#keptBytes + end - start
    if (needed > this.#kept.length) {
      const larger = new Uint8Array(Math.min(this.#bytesMax, Math.max(256, 2 * needed)))
      larger.set(this.#kept.subarray(0, this.#keptBytes))
      this.#kept = larger
    }
    this.#kept.set(bytes.subarray(start, end), this.#keptBytes)
    this.#keptBytes = needed
  }

  #drop(): void {
    this.#kept = nothing
    this.#keptBytes = 0
  }

  #hasForbidden(bytes: Uint8Array, base: number): boolean {
    const { fields, count } = this.#section
    for (let index = 0; index < 4 * count; index += 4) {
      for (const name of forbidden) {
        if (equalsIgnoringCase(bytes, base + fields[index]!, base + fields[index + 1]!, name)) return true
      }
    }
    return false
  }

  #decode(bytes: Uint8Array, base: number): readonly Trailer[] {
    const { fields, count } = this.#section
    const text = (index: number): string =>
      Buffer.from(bytes.buffer, bytes.byteOffset + base + fields[index]!, fields[index + 1]! - fields[index]!).toString(
        'latin1',
      )
    return Array.from({ length: count }, (_, index): Trailer => [text(4 * index), text(4 * index + 2)])
  }
}
