import { blank, carriageReturn, colon, lineFeed, tab, tokenByte, valueByte } from './character-classes.ts'
import { trimBlanks } from './header-bytes.ts'

/** What a look at more bytes came to. */
export const sectionIncomplete = 0
export const sectionComplete = 1
export const sectionMalformed = 2
export const sectionTooMany = 3

/*
 *            ┌────────────────────── LF ──────────────────────┐
 *            ▼                                                │
 *   ──► lineStart ── tchar ──► name ── ":" ──► padding ──► value ── CR ──► fieldEnd
 *            │
 *            CR ──► sectionEnd ── LF ──► complete
 */
const lineStart = 0
const name = 1
const padding = 2
const value = 3
const fieldEnd = 4
const sectionEnd = 5

/** Room for the fields of most requests; a connection's parser should be small. */
const fieldsAtFirst = 24

/**
 * The lines `name: value CRLF` up to and including the empty one: header fields and trailer fields (RFC 9112 section 5).
 *
 * Names are tokens, directly followed by the colon; lines end in CRLF, none is folded. Positions are relative to where
 * the message begins, so that the caller may move it between two looks. Each byte is looked at once, and a value's last
 * blanks once more. Allocates only to grow beyond what most requests need, up to `fieldsMax`.
 */
export class FieldSection {
  /** Four per field: start and end of the name, start and end of the value without the blanks around it. */
  fields: Int32Array = new Int32Array(4 * fieldsAtFirst)
  count = 0
  /** Where reading goes on: behind everything that was looked at. */
  at = 0
  #state = lineStart
  #fieldsMax = 0
  #nameStart = 0
  #nameEnd = 0
  #valueStart = 0

  /** Starts a section whose first line begins at `at`. */
  reset(at: number, fieldsMax: number): void {
    this.count = 0
    this.at = at
    this.#state = lineStart
    this.#fieldsMax = fieldsMax
  }

  /** Reads on in a message that begins at `bytes[start]`. @returns one of the `section…` constants. */
  read(bytes: Uint8Array, start: number, end: number): number {
    let at = start + this.at
    let state = this.#state
    let outcome = sectionIncomplete
    const nameTable = tokenByte
    const valueTable = valueByte
    while (at < end) {
      if (state === lineStart) {
        if (bytes[at] === carriageReturn) {
          state = sectionEnd
          at++
        } else if (this.count === this.#fieldsMax) {
          outcome = sectionTooMany
          break
        } else {
          this.#nameStart = at - start
          state = name
        }
      }
      if (state === name) {
        while (at < end && nameTable[bytes[at]!] === 1) at++
        if (at === end) break
        if (bytes[at] !== colon || at - start === this.#nameStart) {
          outcome = sectionMalformed
          break
        }
        this.#nameEnd = at - start
        state = padding
        at++
      }
      if (state === padding) {
        while (at < end && (bytes[at] === blank || bytes[at] === tab)) at++
        if (at === end) break
        this.#valueStart = at - start
        state = value
      }
      if (state === value) {
        while (at < end && valueTable[bytes[at]!] === 1) at++
        if (at === end) break
        if (bytes[at] !== carriageReturn) {
          outcome = sectionMalformed
          break
        }
        this.#store(trimBlanks(bytes, start + this.#valueStart, at) - start)
        state = fieldEnd
        at++
        if (at === end) break
      }
      if (state >= fieldEnd) {
        if (at === end) break
        if (bytes[at] !== lineFeed) {
          outcome = sectionMalformed
          break
        }
        at++
        if (state === sectionEnd) {
          outcome = sectionComplete
          break
        }
        state = lineStart
      }
    }
    this.#state = state
    this.at = at - start
    return outcome
  }

  #store(valueEnd: number): void {
    const base = 4 * this.count++
    if (base === this.fields.length) this.#grow()
    const { fields } = this
    fields[base] = this.#nameStart
    fields[base + 1] = this.#nameEnd
    fields[base + 2] = this.#valueStart
    fields[base + 3] = valueEnd
  }

  #grow(): void {
    const larger = new Int32Array(2 * this.fields.length)
    larger.set(this.fields)
    this.fields = larger
  }
}
