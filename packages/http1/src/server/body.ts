import { QpsError } from '@qps/core'
import type { Trailer } from '../trailers.ts'

/** What the connection does for the body that it receives. */
export interface BodySource {
  /** The handler waits for bytes: read on, and tell a client that expects `100 Continue` to send them. */
  wantBody(): void
  /** So much waits unread: stop reading. */
  holdBody(): void
}

/** Where a body's content goes: {@link RequestBody}, or an adapter's. */
export interface BodySink {
  /** A piece has arrived: `bytes[start..end)`, **borrowed** for this call. It may be empty. */
  push(bytes: Uint8Array, start: number, end: number): void
  /** It is complete. */
  finish(trailers: readonly Trailer[]): void
  /** It will never be complete. */
  fail(why: string): void
  /** The response has ended: what comes is of no interest any more. An adapter may still want it. */
  over?(): void
}

/** Unread content above this stops the reading. */
const unreadBytesMax = 64 * 1024

/**
 * A request's body. Either take all of it (`bytes`), or one piece after the other:
 *
 * @example for await (const piece of request.body) hash.update(piece)
 *
 * Pieces are copies that belong to whoever reads them. What is not read waits, at most 64 KiB; then the connection is not
 * read any more, and the kernel holds the client back. When the response has ended, unread content is dropped.
 */
export class RequestBody implements AsyncIterable<Uint8Array>, BodySink {
  /** The fields behind a chunked body, once it is complete. */
  trailers: readonly Trailer[] = []
  readonly #source: BodySource
  #pieces: Uint8Array[] = []
  #unread = 0
  #complete = false
  #all: Promise<Uint8Array> | undefined
  #error: Error | undefined
  #waiting: PromiseWithResolvers<void> | undefined

  constructor(source: BodySource) {
    this.#source = source
  }

  /** All of it, or what an iteration has left of it; asked again, the same. Its size is bounded by the server's `bodyBytesMax`. */
  bytes(): Promise<Uint8Array> {
    if (this.#all === undefined) {
      this.#all = this.#collect()
      // Whoever waits for it hears of a failure; that nobody does must not end the process when a client leaves.
      this.#all.catch(() => {})
    }
    return this.#all
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const piece = this.#pieces.shift()
      if (piece !== undefined) {
        this.#unread -= piece.length
        yield piece
      } else if (this.#error !== undefined) throw this.#error
      else if (this.#complete) return
      else await this.#more()
    }
  }

  async #collect(): Promise<Uint8Array> {
    while (!this.#complete) await this.#more()
    if (this.#error !== undefined) throw this.#error
    const [first] = this.#pieces
    const all = this.#pieces.length === 1 ? first! : Buffer.concat(this.#pieces)
    this.#pieces = []
    return all
  }

  // What follows is for the connection.

  /** A piece has arrived; it is copied. */
  push(bytes: Uint8Array, start: number, end: number): void {
    if (start === end || this.#complete) return
    this.#pieces.push(bytes.slice(start, end))
    this.#unread += end - start
    if (this.#all === undefined && this.#unread > unreadBytesMax) this.#source.holdBody()
    this.#wake()
  }

  finish(trailers: readonly Trailer[]): void {
    if (this.#complete) return
    this.trailers = trailers
    this.#complete = true
    this.#wake()
  }

  /** It will never be complete. */
  fail(why: string): void {
    if (this.#complete) return
    this.#error = new QpsError('QPS_BODY', `the body did not arrive: ${why}`, {
      hint: 'the client is answered or gone already; end this handler',
    })
    this.#complete = true
    this.#wake()
  }

  over(): void {
    this.fail('its response has ended before')
    this.#pieces = []
  }

  #more(): Promise<void> {
    this.#waiting ??= Promise.withResolvers()
    this.#source.wantBody()
    return this.#waiting.promise
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve()
  }
}
