import { parseDecimal } from '@qps/bytes'
import { blank, carriageReturn } from '../character-classes.ts'
import type { FieldSection } from '../field-section.ts'
import { equalsIgnoringCase, listHas } from '../header-bytes.ts'

const encoder = new TextEncoder()
const connectionName = encoder.encode('connection')
const contentLengthName = encoder.encode('content-length')
const transferEncodingName = encoder.encode('transfer-encoding')
const chunkedCoding = encoder.encode('chunked')
const closeOption = encoder.encode('close')
const keepAliveOption = encoder.encode('keep-alive')

/**
 * The header fields that decide where a response ends and what follows it: Content-Length, Transfer-Encoding, Connection.
 * One pass over a complete section. What two recipients could understand in two ways is refused (RFC 9112 sections 6.3
 * and 11.1), duplicates of equal value included.
 */
export class ResponseFields {
  contentLength = -1
  chunked = false
  keepAlive = false
  #versionMinor = 1
  #closes = false

  /** @returns false where the fields of a message that begins at `bytes[start]` contradict each other, or are none. */
  weigh(bytes: Uint8Array, start: number, section: FieldSection, versionMinor: number): boolean {
    this.contentLength = -1
    this.chunked = false
    this.keepAlive = versionMinor === 1
    this.#versionMinor = versionMinor
    this.#closes = false
    const { fields, count } = section
    for (let at = 0; at < 4 * count; at += 4) {
      const length = fields[at + 1]! - fields[at]!
      // No other name that matters is as long as one of these.
      if (length !== 10 && length !== 14 && length !== 17) continue
      if (!this.#note(length, bytes, start, fields, at)) return false
    }
    if (this.#closes) this.keepAlive = false
    return !this.chunked || this.contentLength === -1
  }

  #note(length: number, bytes: Uint8Array, base: number, fields: Int32Array, at: number): boolean {
    const nameStart = base + fields[at]!
    const nameEnd = nameStart + length
    const start = base + fields[at + 2]!
    const end = base + fields[at + 3]!
    if (length === 14 && equalsIgnoringCase(bytes, nameStart, nameEnd, contentLengthName)) {
      if (this.contentLength !== -1) return false
      this.contentLength = parseDecimal(bytes, start, end)
      return this.contentLength !== -1
    }
    if (length === 17 && equalsIgnoringCase(bytes, nameStart, nameEnd, transferEncodingName)) {
      return this.#noteCoding(bytes, start, end)
    }
    if (length === 10 && equalsIgnoringCase(bytes, nameStart, nameEnd, connectionName)) {
      if (listHas(bytes, start, end, closeOption)) this.#closes = true
      else if (listHas(bytes, start, end, keepAliveOption)) this.keepAlive = true
    }
    return true
  }

  /** `chunked`, once, alone on its line but for blanks, in HTTP/1.1. A tab behind it makes it another coding to some. */
  #noteCoding(bytes: Uint8Array, start: number, end: number): boolean {
    let lineEnd = end
    while (bytes[lineEnd] === blank) lineEnd++
    if (bytes[lineEnd] !== carriageReturn || this.chunked || this.#versionMinor === 0) return false
    this.chunked = equalsIgnoringCase(bytes, start, end, chunkedCoding)
    return this.chunked
  }
}
