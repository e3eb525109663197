import { SameHead } from './same-head.ts'
import { contentLengthOf, equalsIgnoringCase, hasToken, hexSizeOf, statusOf } from './header-bytes.ts'

/** A header section longer than this is an error, not a response. Eight times what Node's own client allows is generous. */
const headerBytesMax = 128 * 1024

const state = { statusLine: 0, header: 1, body: 2, untilClose: 3, chunkSize: 4, chunkData: 5, chunkEnd: 6, trailer: 7 }

const contentLengthName = Buffer.from('content-length')
const transferEncodingName = Buffer.from('transfer-encoding')
const connectionName = Buffer.from('connection')
const chunkedValue = Buffer.from('chunked')
const closeValue = Buffer.from('close')
const keepAliveValue = Buffer.from('keep-alive')

/**
 * Reads the HTTP/1.1 responses of one connection from bytes, incrementally: the answer is the same however the input is
 * cut. It finds where each response ends and what the load generator checks, and decodes nothing into strings. Linear in
 * the input; allocates only where a line is cut by the end of a chunk.
 *
 * Strict where leniency would hide a broken server: lines end in CRLF, a length is digits, two lengths agree, a length
 * and a transfer coding exclude each other, no folded lines, no control characters. Interim responses (1xx) are skipped,
 * except 101, which nobody asked for.
 *
 * @example
 * let at = 0
 * while (at < length) {
 *   at = parser.feed(bytes, at, length)
 *   if (parser.failure !== undefined) break
 *   if (parser.complete) console.log(parser.status, parser.bodyBytes)
 * }
 * Sources: RFC 9112 sections 2 to 9; RFC 9110 section 15.2.
 */
export class ResponseParser {
  /** The last `feed` stopped at the end of a response: the fields below describe it until the next `feed`. */
  complete = false
  status = 0
  /** Bytes of content, chunk framing not counted. */
  bodyBytes = 0
  /** Content came in chunks, or lasted until the close: its length was not announced. */
  lengthUnknown = false
  /** False where the server closes after this response. */
  keepAlive = true
  /** What is wrong with the input; once set, nothing more is read. */
  failure: string | undefined

  readonly #bodiless: boolean
  #state = state.statusLine
  #remaining = 0
  #headerBytes = 0
  #contentLength = -1
  #chunked = false
  /** The beginning of a line whose end has not arrived, in the first `#carried` bytes. */
  #carry: Buffer = Buffer.alloc(0)
  #carried = 0
  readonly #same = new SameHead()
  /** Where the head began, in the bytes of this call; -1 where it began in those of another. */
  #headStart = -1

  /** @param method of the requests: the responses to HEAD have no content, whatever their header says. */
  constructor(method: string) {
    this.#bodiless = method === 'HEAD'
  }

  /**
   * Reads on, and stops after the end of one response.
   *
   * @param bytes only read during the call.
   * @returns where it stopped: `end` unless a response is complete (or the input is bad) before it.
   */
  feed(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    this.complete = false
    this.#headStart = -1
    if (this.#state === state.statusLine && this.#carried === 0 && this.#headerBytes === 0) {
      if (this.#same.begins(bytes, start, end)) at = this.#repeat(start)
      else this.#headStart = start
    }
    while (at < end && !this.complete && this.failure === undefined) {
      if (this.#state === state.body || this.#state === state.chunkData) at = this.#skip(at, end)
      else if (this.#state === state.untilClose) {
        this.bodyBytes += end - at
        at = end
      } else at = this.#line(bytes, at, end)
    }
    return at
  }

  /**
   * The connection has closed in order.
   *
   * @returns true where that ends a response whose length was not announced; `complete` is then true too.
   */
  finish(): boolean {
    if (this.#state !== state.untilClose || this.failure !== undefined) return false
    this.#end()
    return true
  }

  #skip(at: number, end: number): number {
    const taken = Math.min(this.#remaining, end - at)
    this.#remaining -= taken
    this.bodyBytes += taken
    if (this.#remaining === 0) {
      if (this.#state === state.body) this.#end()
      else this.#state = state.chunkEnd
    }
    return at + taken
  }

  /** Reads to the end of the line, and acts on it; keeps the beginning of a line that is cut. */
  #line(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    let byte = 0
    if (this.#carried === 0 || this.#carry[this.#carried - 1] !== 13) {
      for (; at < end; at++) {
        byte = bytes[at]!
        if (byte < 32 && byte !== 9) break
      }
      if (at < end && byte !== 13) return this.#fail('a control character, or a line that does not end in CRLF', end)
      if (at < end) at++
    }
    this.#headerBytes += at - start
    if (this.#headerBytes > headerBytesMax) return this.#fail(`a header section over ${headerBytesMax} bytes`, end)
    if (at === end) {
      this.#keep(bytes, start, end)
      return end
    }
    if (bytes[at] !== 10) return this.#fail('a carriage return without a line feed', end)
    if (this.#carried === 0) this.#act(bytes, start, at - 1)
    else {
      this.#keep(bytes, start, at)
      const length = this.#carried
      this.#carried = 0
      this.#act(this.#carry, 0, length - 1)
    }
    return at + 1
  }

  /** Doubles the memory when it is full, which keeps a line that arrives byte by byte linear. */
  #keep(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.#carried + end - start
    if (needed > this.#carry.length) {
      const grown = Buffer.alloc(Math.max(256, 2 * needed))
      this.#carry.copy(grown, 0, 0, this.#carried)
      this.#carry = grown
    }
    this.#carry.set(bytes.subarray(start, end), this.#carried)
    this.#carried = needed
  }

  /** One whole line, without its CRLF. */
  #act(bytes: Uint8Array, start: number, end: number): void {
    if (this.#state === state.header) {
      if (start === end) this.#headerEnd(bytes, end + 2)
      else this.#field(bytes, start, end)
    } else if (this.#state === state.statusLine) this.#statusLine(bytes, start, end)
    else if (this.#state === state.chunkSize) this.#chunkSize(bytes, start, end)
    else if (this.#state === state.chunkEnd) {
      if (start !== end) this.#fail('a chunk longer than announced', 0)
      this.#state = state.chunkSize
    } else if (start === end) this.#end()
  }

  #statusLine(bytes: Uint8Array, start: number, end: number): void {
    this.status = statusOf(bytes, start, end)
    if (this.status === -1) return void this.#fail('a status line that is none', 0)
    // Only HTTP/1.0 closes unless told otherwise. The minor version is the eighth character.
    this.keepAlive = bytes[start + 7] !== 0x30
    this.#begin()
    this.#state = state.header
  }

  #begin(): void {
    this.bodyBytes = 0
    this.lengthUnknown = false
    this.#contentLength = -1
    this.#chunked = false
  }

  #field(bytes: Uint8Array, start: number, end: number): void {
    let colon = start
    // A name is visible ASCII; that rejects folded lines and blanks before the colon as well.
    while (colon < end && bytes[colon] !== 58) {
      const byte = bytes[colon++]!
      if (byte <= 32 || byte >= 127) return void this.#fail('a header field with a blank in its name', 0)
    }
    if (colon === end || colon === start) return void this.#fail('a header line without a name', 0)
    let from = colon + 1
    let to = end
    while (from < to && (bytes[from] === 32 || bytes[from] === 9)) from++
    while (to > from && (bytes[to - 1] === 32 || bytes[to - 1] === 9)) to--
    const length = colon - start
    if (length === 10 && equalsIgnoringCase(bytes, start, colon, connectionName)) this.#connection(bytes, from, to)
    else if (length === 14 && equalsIgnoringCase(bytes, start, colon, contentLengthName)) this.#length(bytes, from, to)
    else if (length === 17 && equalsIgnoringCase(bytes, start, colon, transferEncodingName)) {
      if (this.#chunked || !equalsIgnoringCase(bytes, from, to, chunkedValue))
        this.#fail('an unknown transfer coding', 0)
      this.#chunked = true
    }
  }

  #connection(bytes: Uint8Array, start: number, end: number): void {
    if (hasToken(bytes, start, end, closeValue)) this.keepAlive = false
    else if (hasToken(bytes, start, end, keepAliveValue)) this.keepAlive = true
  }

  #length(bytes: Uint8Array, start: number, end: number): void {
    const length = contentLengthOf(bytes, start, end)
    if (length === -1) this.#fail('a content length that is no number', 0)
    if (this.#contentLength !== -1 && this.#contentLength !== length) this.#fail('two content lengths', 0)
    this.#contentLength = length
  }

  /** The head is the same as the last one: acts as if it had been read again. @returns where it ends. */
  #repeat(start: number): number {
    const same = this.#same
    this.status = same.status
    this.keepAlive = same.keepAlive
    this.#begin()
    this.#contentLength = same.contentLength
    this.#expectContent()
    return start + same.length
  }

  /** @param end behind the empty line. */
  #headerEnd(bytes: Uint8Array, end: number): void {
    this.#headerBytes = 0
    if (this.#chunked && this.#contentLength !== -1) return void this.#fail('a content length beside a coding', 0)
    if (this.status < 200) {
      if (this.status === 101) this.#fail('a change of protocol that was not asked for', 0)
      this.#headStart = -1
      this.#state = state.statusLine
      return
    }
    if (this.#headStart !== -1 && this.#contentLength !== -1) this.#remember(bytes, end)
    this.#expectContent()
  }

  /** A whole head with a length, and nothing wrong with it. */
  #remember(bytes: Uint8Array, end: number): void {
    const same = this.#same
    same.keep(bytes, this.#headStart, end)
    same.status = this.status
    same.keepAlive = this.keepAlive
    same.contentLength = this.#contentLength
  }

  #expectContent(): void {
    if (this.#bodiless || this.status === 204 || this.status === 304) this.#end()
    else if (this.#chunked) {
      this.lengthUnknown = true
      this.#state = state.chunkSize
    } else if (this.#contentLength === -1) {
      this.lengthUnknown = true
      this.keepAlive = false
      this.#state = state.untilClose
    } else if (this.#contentLength === 0) this.#end()
    else {
      this.#remaining = this.#contentLength
      this.#state = state.body
    }
  }

  #chunkSize(bytes: Uint8Array, start: number, end: number): void {
    const size = hexSizeOf(bytes, start, end)
    if (size === -1) return void this.#fail('a chunk size that is no number', 0)
    this.#remaining = size
    this.#headerBytes = 0
    this.#state = size === 0 ? state.trailer : state.chunkData
  }

  #end(): void {
    this.complete = true
    this.#headerBytes = 0
    this.#state = state.statusLine
  }

  #fail(what: string, at: number): number {
    this.failure ??= what
    return at
  }
}
