import {
  backslash,
  carriageReturn,
  equals,
  hexDigit,
  lineFeed,
  quote,
  quotedByte,
  semicolon,
  tokenByte,
  valueByte,
} from './character-classes.ts'

/** What a look at more bytes came to. */
export const chunkIncomplete = 0
/** The chunk's size line is complete: `size` bytes of content follow, then `expectEnd`. Size 0: the trailers follow. */
export const chunkSized = 1
/** The line end behind the content is complete: the next size line follows. */
export const chunkEnded = 2
export const chunkMalformed = 3
/** The extensions are longer than there is room. */
export const chunkTooLong = 4

/*
 *                        ┌──────────────────────── ";" ────────────────────────┐
 *                        ▼                                                      │
 *   sizeStart ─► size ─";"─► nameStart ─► extensionName ─"="─► valueStart ─► extensionValue
 *                 │                            │                   │            │
 *                 │                            │                  '"'           │
 *                 │                            │                   ▼            │
 *                 │                            │          quoted ◄─► quotedPair │
 *                 │                            │            │                   │
 *                 │                            │           '"'──► quotedEnd     │
 *                 └─────────── CR ─────────────┴───────────────────── │ ────────┘
 *                              ▼
 *                           sizeEnd ── LF ──► sized        contentEnd ── CR ──► contentEndFeed ── LF ──► ended
 */
const sizeStart = 0
const size = 1
const nameStart = 2
const extensionName = 3
const valueStart = 4
const extensionValue = 5
const quoted = 6
const quotedPair = 7
const quotedEnd = 8
const sizeEnd = 9
const contentEnd = 10
const contentEndFeed = 11

/** Sixteen hexadecimal digits name any 64-bit size: more are an attempt to overflow something. */
const digitsMax = 16

/**
 * What stands between the contents of a chunked body: `size [;name[=value]]… CRLF` before each, CRLF behind it (RFC 9112
 * section 7.1). Extensions are checked and ignored; blanks, which the RFC calls bad, are not allowed in them. Resumes at
 * any byte, looks at each once, allocates nothing.
 */
export class ChunkFraming {
  /** Of the chunk whose size line was read last. Exact up to 2^53, and beyond that still larger than any limit. */
  size = 0
  /** Where reading stopped in the last bytes. */
  at = 0
  #state = sizeStart
  #digits = 0
  #extensionRoom = 0

  /** @param extensionBytesMax for all extensions of the body together. */
  reset(extensionBytesMax: number): void {
    this.#extensionRoom = extensionBytesMax
    this.#expectSize()
  }

  /** What the extensions left of their room. */
  get extensionRoom(): number {
    return this.#extensionRoom
  }

  /** The content was taken: its line end comes next. */
  expectEnd(): void {
    this.#state = contentEnd
  }

  /** Reads on from `bytes[at]`. @returns one of the `chunk…` constants; `this.at` is behind what was read. */
  read(bytes: Uint8Array, at: number, end: number): number {
    for (this.at = at; this.at < end; this.at++) {
      const byte = bytes[this.at]!
      const outcome = this.#state <= size ? this.#sizeByte(byte) : this.#otherByte(byte)
      if (outcome !== chunkIncomplete) {
        if (outcome === chunkSized || outcome === chunkEnded) this.at++
        return outcome
      }
    }
    return chunkIncomplete
  }

  #expectSize(): void {
    this.#state = sizeStart
    this.size = 0
    this.#digits = 0
  }

  #sizeByte(byte: number): number {
    const digit = hexDigit[byte]!
    if (digit > 0) {
      this.#state = size
      this.size = this.size * 16 + digit - 1
      return ++this.#digits > digitsMax ? chunkMalformed : chunkIncomplete
    }
    if (this.#state === sizeStart) return chunkMalformed
    if (byte === carriageReturn) return this.#goTo(sizeEnd)
    return byte === semicolon ? this.#extensionByte(byte) : chunkMalformed
  }

  #otherByte(byte: number): number {
    switch (this.#state) {
      case sizeEnd:
        return byte === lineFeed ? chunkSized : chunkMalformed
      case contentEnd:
        return byte === carriageReturn ? this.#goTo(contentEndFeed) : chunkMalformed
      case contentEndFeed:
        this.#expectSize()
        return byte === lineFeed ? chunkEnded : chunkMalformed
      default:
        return this.#extensionByte(byte)
    }
  }

  #extensionByte(byte: number): number {
    const next = extensionStateAfter(this.#state, byte)
    if (next === -1) return chunkMalformed
    if (next !== sizeEnd && this.#extensionRoom-- === 0) return chunkTooLong
    return this.#goTo(next)
  }

  #goTo(state: number): number {
    this.#state = state
    return chunkIncomplete
  }
}

/** The state behind this byte of an extension, or -1 where it may not stand. */
function extensionStateAfter(state: number, byte: number): number {
  switch (state) {
    case nameStart:
    case valueStart:
      if (tokenByte[byte] === 1) return state === nameStart ? extensionName : extensionValue
      return state === valueStart && byte === quote ? quoted : -1
    case quoted:
      if (quotedByte[byte] === 1) return quoted
      if (byte === backslash) return quotedPair
      return byte === quote ? quotedEnd : -1
    case quotedPair:
      return valueByte[byte] === 1 ? quoted : -1
    default:
      if (byte === semicolon) return nameStart
      if (byte === carriageReturn) return sizeEnd
      if (state === extensionName && byte === equals) return valueStart
      return state !== quotedEnd && tokenByte[byte] === 1 ? state : -1
  }
}
