import type { BodySink } from '../server/body.ts'
import type { HttpConnection } from '../server/connection.ts'
import type { Trailer } from '../trailers.ts'
import type { NodeRequest } from './node-request.ts'

/** Unread content above this stops the reading, as in `RequestBody`. */
const unreadBytesMax = 64 * 1024

/**
 * A body between the connection and a request's stream. Until somebody reads, its pieces wait here, so that a stream is
 * made only where one is used, and a hook may take its time before the body is read.
 */
export class IncomingBody implements BodySink {
  readonly #http: HttpConnection
  readonly #request: NodeRequest
  #pieces: Buffer[] = []
  #unread = 0
  #complete = false
  /** The stream has asked: pieces go straight there. */
  #reading = false
  #dropping = false

  constructor(http: HttpConnection, request: NodeRequest) {
    this.#http = http
    this.#request = request
  }

  /** The stream has room. */
  read(): void {
    if (!this.#reading) this.#handOver()
    if (!this.#complete && !this.#dropping) this.#http.wantBody()
  }

  /** Nobody will read the rest. */
  drop(): void {
    this.#dropping = true
    this.#pieces = []
  }

  push(bytes: Uint8Array, start: number, end: number): void {
    if (start === end || this.#dropping) return
    const piece = Buffer.from(bytes.subarray(start, end))
    if (this.#reading) {
      if (!this.#request.push(piece)) this.#http.holdBody()
      return
    }
    this.#pieces.push(piece)
    this.#unread += piece.length
    if (this.#unread > unreadBytesMax) this.#http.holdBody()
  }

  finish(trailers: readonly Trailer[]): void {
    this.#complete = true
    if (trailers.length > 0) this.#request.rawTrailers = trailers.flat()
    this.#request.complete = true
    if (this.#reading) this.#request.push(null)
  }

  fail(): void {
    if (!this.#complete) this.#request.abort()
  }

  #handOver(): void {
    this.#reading = true
    for (const piece of this.#pieces) this.#request.push(piece)
    this.#pieces = []
    if (this.#complete) this.#request.push(null)
  }
}
