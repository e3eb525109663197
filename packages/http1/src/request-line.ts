import {
  asterisk,
  blank,
  carriageReturn,
  hash,
  lineFeed,
  pathByte,
  queryByte,
  questionMark,
  slash,
} from './character-classes.ts'
import { isAbsoluteTarget, isLetter } from './header-bytes.ts'
import { connectMethod, methodAt, methodBytesMax } from './request-methods.ts'

/** What a look at more bytes came to. */
export const lineIncomplete = 0
export const lineComplete = 1
export const lineMalformed = 2
/** The method is CONNECT, whose target has a form of its own; nothing behind it was looked at. */
export const lineConnect = 3

/*
 *     ┌─ LF ◄── emptyLineEnd
 *     ▼             ▲
 *   start ── CR ────┘
 *     │
 *     └─► method ── SP ──► targetStart ──► path ── "?" or "#" ──► query
 *                                           │                       │
 *                                           └────────── SP ─────────┴──► version ── CR ──► lineEnd ── LF ──► complete
 */
const start = 0
const emptyLineEnd = 1
const method = 2
const targetStart = 3
const path = 4
const query = 5
const version = 6
const lineEnd = 7

/** `HTTP/1.` */
const versionStem = Uint8Array.of(0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e)

/**
 * The line `method SP target SP HTTP/1.x CRLF` and the empty lines before it (RFC 9112 sections 2.2 and 3): one blank
 * between the parts, nothing at the ends. Positions are relative to where the message begins; each byte is looked at
 * once, and those of an absolute-form target once more. Allocates nothing.
 */
export class RequestLine {
  /** Index into `methods` of @qps/http-contract. */
  method = -1
  methodStart = 0
  methodEnd = 0
  targetStart = 0
  targetEnd = 0
  /** Where the target's query or fragment begins, or its end. */
  pathEnd = 0
  /** Of HTTP/1.x: 0 or 1. */
  versionMinor = 1
  /** Where reading goes on: behind everything that was looked at. */
  at = 0
  #state = start
  #versionIndex = 0

  reset(): void {
    this.at = 0
    this.#state = start
  }

  /** Reads on in a message that begins at `bytes[base]`. @returns one of the `line…` constants. */
  read(bytes: Uint8Array, base: number, end: number): number {
    let at = base + this.at
    let state = this.#state
    let outcome = lineIncomplete
    const pathTable = pathByte
    const queryTable = queryByte
    while (at < end && outcome === lineIncomplete) {
      switch (state) {
        case start:
          if (bytes[at] === carriageReturn) {
            state = emptyLineEnd
            at++
          } else {
            this.methodStart = at - base
            state = method
          }
          break
        case emptyLineEnd:
          if (bytes[at] !== lineFeed) outcome = lineMalformed
          state = start
          at++
          break
        case method:
          at = this.#readMethod(bytes, base, at, end)
          if (at === end) break
          this.methodEnd = at - base
          this.method = bytes[at] === blank ? methodAt(bytes, base + this.methodStart, at) : -1
          if (this.method === -1) outcome = lineMalformed
          else if (this.method === connectMethod) outcome = lineConnect
          state = targetStart
          at++
          break
        case targetStart:
          this.targetStart = at - base
          if (!mayBeginTarget(bytes[at]!)) outcome = lineMalformed
          state = path
          break
        case path:
          while (at < end && pathTable[bytes[at]!] === 1) at++
          if (at === end) break
          this.pathEnd = at - base
          if (bytes[at] === questionMark || bytes[at] === hash) state = query
          else {
            if (!this.#endTarget(bytes, base, at)) outcome = lineMalformed
            state = version
          }
          at++
          break
        case query:
          while (at < end && queryTable[bytes[at]!] === 1) at++
          if (at === end) break
          if (!this.#endTarget(bytes, base, at)) outcome = lineMalformed
          state = version
          at++
          break
        case version:
          at = this.#readVersion(bytes, at, end)
          if (at === end) break
          if (this.#versionIndex <= versionStem.length || bytes[at] !== carriageReturn) outcome = lineMalformed
          state = lineEnd
          at++
          break
        default:
          outcome = bytes[at] === lineFeed ? lineComplete : lineMalformed
          at++
      }
    }
    this.#state = state
    this.at = at - base
    return outcome
  }

  /** The position of the first byte that cannot be the method's, or `end`. */
  #readMethod(bytes: Uint8Array, base: number, from: number, end: number): number {
    const latest = Math.min(end, base + this.methodStart + methodBytesMax)
    let at = from
    while (at < latest && bytes[at] !== blank) at++
    return at
  }

  /** At the blank behind the target: is it one? */
  #endTarget(bytes: Uint8Array, base: number, at: number): boolean {
    this.targetEnd = at - base
    this.#versionIndex = 0
    if (bytes[at] !== blank) return false
    const first = base + this.targetStart
    return bytes[first] === slash || bytes[first] === asterisk || isAbsoluteTarget(bytes, first, at)
  }

  /** The position behind the version or of the first byte that is not in it, or `end`. */
  #readVersion(bytes: Uint8Array, from: number, end: number): number {
    if (this.#versionIndex === 0 && end - from > 8 && isCurrentVersion(bytes, from)) {
      this.versionMinor = 1
      this.#versionIndex = versionStem.length + 1
      return from + 8
    }
    let at = from
    let index = this.#versionIndex
    while (at < end && index < versionStem.length && bytes[at] === versionStem[index]) {
      index++
      at++
    }
    if (at < end && index === versionStem.length && (bytes[at] === 0x30 || bytes[at] === 0x31)) {
      this.versionMinor = bytes[at]! - 0x30
      index++
      at++
    }
    this.#versionIndex = index
    return at
  }
}

/** Origin form, asterisk form and, by its scheme, absolute form. */
function mayBeginTarget(byte: number): boolean {
  return byte === slash || byte === asterisk || isLetter(byte)
}

/** Are the next eight bytes `HTTP/1.1`? */
function isCurrentVersion(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 0x48 &&
    bytes[at + 1] === 0x54 &&
    bytes[at + 2] === 0x54 &&
    bytes[at + 3] === 0x50 &&
    bytes[at + 4] === 0x2f &&
    bytes[at + 5] === 0x31 &&
    bytes[at + 6] === 0x2e &&
    bytes[at + 7] === 0x31
  )
}
