import { blank, carriageReturn, lineFeed, valueByte } from '../character-classes.ts'

/** What a look at more bytes came to. */
export const lineIncomplete = 0
export const lineComplete = 1
export const lineMalformed = 2

/** `HTTP/1.` */
const stem = Uint8Array.of(0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e)
/** Places in `HTTP/1.x NNN`, which has the same length always. */
const minorAt = 7
const digitsAt = 9
const digitsEnd = 12

/**
 * The line `HTTP/1.x NNN reason CRLF` (RFC 9112 section 4), and nothing before it. The reason may be missing, and so may the
 * blank before it, which many servers leave out with it. Each byte is looked at once. Allocates nothing.
 */
export class StatusLine {
  /** 100 to 999. Those from 600 on belong to no class; RFC 9110 section 15 has clients treat them as 5xx. */
  status = 0
  /** Of HTTP/1.x: 0 or 1. */
  versionMinor = 1
  reasonStart = 0
  reasonEnd = 0
  /** Where reading goes on: behind everything that was looked at. */
  at = 0

  reset(): void {
    this.status = 0
    this.at = 0
    this.reasonEnd = 0
  }

  /** Reads on in a message that begins at `bytes[start]`. @returns one of the `line…` constants. */
  read(bytes: Uint8Array, start: number, end: number): number {
    let at = this.at
    const length = end - start
    for (; at < digitsEnd && at < length; at++) if (!this.#takes(at, bytes[start + at]!)) return lineMalformed
    if (at === digitsEnd && at < length) {
      if (this.status < 100) return lineMalformed
      const byte = bytes[start + at]!
      if (byte !== blank && byte !== carriageReturn) return lineMalformed
      if (byte === blank) at++
      this.reasonStart = at
    }
    if (at >= digitsEnd && this.reasonEnd === 0) {
      while (at < length && valueByte[bytes[start + at]!] === 1) at++
      if (at < length && at >= this.reasonStart && this.reasonStart > 0) {
        if (bytes[start + at] !== carriageReturn) return lineMalformed
        this.reasonEnd = at++
      }
    }
    this.at = at
    if (this.reasonEnd === 0 || at === length) return lineIncomplete
    this.at++
    return bytes[start + at] === lineFeed ? lineComplete : lineMalformed
  }

  #takes(at: number, byte: number): boolean {
    if (at < minorAt) return byte === stem[at]
    const digit = byte - 0x30
    if (at === minorAt) {
      this.versionMinor = digit
      return digit === 0 || digit === 1
    }
    if (at < digitsAt) return byte === blank
    this.status = this.status * 10 + digit
    return digit >= 0 && digit <= 9
  }
}
