import type { HpackDecoder } from '@qps/http2-frames'
import { contentLengthOf } from '../header-bytes.ts'

/** Not in HTTP/2: RFC 9113, section 8.2.2. */
const forbidden = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

/**
 * What a load generator wants to know of a header section: an answer's head, or its trailers. One object reads all of a
 * connection's; a block that is the same as the one before, byte for byte, is not decoded again unless the table has
 * changed since.
 */
export class AnswerHead {
  /** -1 where there is none, or where the section is not as RFC 9113, section 8.3, wants it. */
  status = -1
  /** -1 where it was not announced. */
  contentLength = -1
  /** -1 where there is none. */
  grpcStatus = -1
  /** True where a field is none, or is not allowed. */
  malformed = false

  /** Behind the first field that is no pseudo-header field. */
  #regular = false
  #last: Uint8Array = new Uint8Array(0)
  #lastChanges = -1

  /** Reads a block; `decoder.failure` says whether that was possible. Blocks must come in their order on the wire. */
  read(decoder: HpackDecoder, bytes: Uint8Array, start: number, end: number): void {
    if (this.#lastChanges === decoder.tableChanges && isSame(this.#last, bytes, start, end)) return
    this.status = -1
    this.contentLength = -1
    this.grpcStatus = -1
    this.malformed = false
    this.#regular = false
    decoder.decode(bytes, start, end, this.#take)
    if (decoder.malformed || decoder.overflow) this.malformed = true
    this.#last = bytes.slice(start, end)
    // A block that begins by resizing the table, or adds to it, would do so again.
    this.#lastChanges = addsNothing(this.#last) ? decoder.tableChanges : -1
  }

  readonly #take = (name: string, value: string): void => {
    if (name.startsWith(':')) {
      if (name !== ':status' || this.#regular || this.status !== -1) this.malformed = true
      else this.status = value.length === 3 ? numberOf(value) : -1
      return
    }
    this.#regular = true
    if (name === 'content-length') this.#length(numberOf(value))
    else if (name === 'grpc-status') this.grpcStatus = numberOf(value)
    else if (forbidden.has(name)) this.malformed = true
  }

  #length(length: number): void {
    if (length === -1 || (this.contentLength !== -1 && this.contentLength !== length)) this.malformed = true
    this.contentLength = length
  }
}

/** Digits as a number; -1 for anything else. */
function numberOf(value: string): number {
  const digits = Buffer.from(value, 'latin1')
  return contentLengthOf(digits, 0, digits.length)
}

function isSame(last: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (last.length !== end - start) return false
  for (let at = 0; at < last.length; at++) if (last[at] !== bytes[start + at]) return false
  return true
}

/** All of the block is fields by index, of one byte each: the case that comes again and again. RFC 7541, section 6.1. */
function addsNothing(block: Uint8Array): boolean {
  return block.every((byte) => byte >= 0x80 && byte !== 0xff)
}
