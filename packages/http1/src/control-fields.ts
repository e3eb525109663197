import { parseDecimal } from '@qps/bytes'
import type { RefusalReason } from '@qps/http-contract'
import { blank, carriageReturn } from './character-classes.ts'
import type { FieldSection } from './field-section.ts'
import { equalsIgnoringCase, isHost, listHas } from './header-bytes.ts'

/** Why a request is refused: the words that `refusals` of @qps/http-contract answers. */
export type HeadFailure = Extract<
  RefusalReason,
  'malformed' | 'host' | 'transfer-encoding' | 'header-bytes' | 'header-fields' | 'body' | 'expectation' | 'connect'
>

const encoder = new TextEncoder()
const hostName = encoder.encode('host')
const expectName = encoder.encode('expect')
const connectionName = encoder.encode('connection')
const contentLengthName = encoder.encode('content-length')
const transferEncodingName = encoder.encode('transfer-encoding')
const noWord = new Uint8Array(0)
const chunkedCoding = encoder.encode('chunked')
const closeOption = encoder.encode('close')
const keepAliveOption = encoder.encode('keep-alive')
const continueExpectation = encoder.encode('100-continue')

/**
 * The header fields that decide where a message ends, whom it is for and what follows it: Host, Content-Length,
 * Transfer-Encoding, Connection, Expect. One pass over a complete section, which compares only names of their lengths.
 * What could be understood in two ways is refused (RFC 9112 sections 3.2, 6 and 11.2).
 */
export class ControlFields {
  contentLength = -1
  chunked = false
  keepAlive = false
  expectsContinue = false
  hostField = -1
  #versionMinor = 1
  #closes = false

  /** @returns what is wrong with the fields of a message that begins at `bytes[start]`, or undefined. */
  weigh(bytes: Uint8Array, start: number, section: FieldSection, versionMinor: number): HeadFailure | undefined {
    this.contentLength = -1
    this.chunked = false
    this.keepAlive = versionMinor === 1
    this.expectsContinue = false
    this.hostField = -1
    this.#versionMinor = versionMinor
    this.#closes = false
    const { fields, count } = section
    let failure: HeadFailure | undefined
    for (let index = 0; index < count && failure === undefined; index++) {
      const nameStart = start + fields[4 * index]!
      const nameEnd = start + fields[4 * index + 1]!
      const word = wordOfLength(nameEnd - nameStart)
      if (word === noWord || !equalsIgnoringCase(bytes, nameStart, nameEnd, word)) continue
      failure = this.#noteField(bytes, start, fields, index)
    }
    if (this.#closes) this.keepAlive = false
    return failure ?? this.#objection()
  }

  /** Its name is one of five, of five lengths. */
  #noteField(bytes: Uint8Array, base: number, fields: Int32Array, index: number): HeadFailure | undefined {
    const start = base + fields[4 * index + 2]!
    const end = base + fields[4 * index + 3]!
    switch (fields[4 * index + 1]! - fields[4 * index]!) {
      case 4:
        return this.#noteHost(bytes, start, end, index)
      case 6:
        return this.#noteExpectation(bytes, start, end)
      case 10:
        return this.#noteConnection(bytes, start, end)
      case 14:
        return this.#noteLength(bytes, start, end)
      default:
        return this.#noteCoding(bytes, start, end)
    }
  }

  #noteConnection(bytes: Uint8Array, start: number, end: number): undefined {
    if (listHas(bytes, start, end, closeOption)) this.#closes = true
    else if (listHas(bytes, start, end, keepAliveOption)) this.keepAlive = true
  }

  #noteHost(bytes: Uint8Array, start: number, end: number, index: number): HeadFailure | undefined {
    if (this.hostField !== -1 || !isHost(bytes, start, end)) return 'host'
    this.hostField = index
    return undefined
  }

  #noteExpectation(bytes: Uint8Array, start: number, end: number): HeadFailure | undefined {
    if (this.#versionMinor === 0) return undefined
    if (!equalsIgnoringCase(bytes, start, end, continueExpectation)) return 'expectation'
    this.expectsContinue = true
    return undefined
  }

  #noteLength(bytes: Uint8Array, start: number, end: number): HeadFailure | undefined {
    if (this.contentLength !== -1) return 'malformed'
    this.contentLength = parseDecimal(bytes, start, end)
    return this.contentLength === -1 ? 'malformed' : undefined
  }

  /** A tab behind the coding makes it another one to `node:http`, so it is refused here as well. */
  #noteCoding(bytes: Uint8Array, start: number, end: number): HeadFailure | undefined {
    let lineEnd = end
    while (bytes[lineEnd] === blank) lineEnd++
    const isAlone = bytes[lineEnd] === carriageReturn && !this.chunked && this.#versionMinor === 1
    if (!isAlone || !equalsIgnoringCase(bytes, start, end, chunkedCoding)) return 'transfer-encoding'
    this.chunked = true
    return undefined
  }

  /** What is wrong with the head as a whole, each of its fields being right. */
  #objection(): HeadFailure | undefined {
    if (this.hostField === -1 && this.#versionMinor === 1) return 'host'
    return this.chunked && this.contentLength !== -1 ? 'malformed' : undefined
  }
}

/** The name, among those that say how to read a message, that is this long. */
function wordOfLength(length: number): Uint8Array {
  switch (length) {
    case 4:
      return hostName
    case 6:
      return expectName
    case 10:
      return connectionName
    case 14:
      return contentLengthName
    case 17:
      return transferEncodingName
    default:
      return noWord
  }
}
