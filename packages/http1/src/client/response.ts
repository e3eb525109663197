import type { Trailer } from '../trailers.ts'
import type { Exchange, ResponseHandler } from './exchange.ts'
import type { ResponseHead, ResponseHeaders } from './response-head.ts'

/** Unread content above this stops the reading. */
const unreadBytesMax = 64 * 1024

/**
 * An answer whose body is read by promises. Either take all of it, or one piece after the other:
 *
 * @example for await (const piece of response) hash.update(piece)
 *
 * Pieces belong to whoever reads them. What is not read waits, at most 64 KiB and one read; then the connection is not read
 * any more, and the kernel holds the server back.
 */
export class ClientResponse implements AsyncIterable<Uint8Array> {
  readonly status: number
  readonly headers: ResponseHeaders
  /** The fields behind a chunked body, once it is complete. */
  trailers: readonly Trailer[] = []
  readonly #exchange: Exchange
  #pieces: Uint8Array[] = []
  #unread = 0
  #complete = false
  #all: Promise<Uint8Array> | undefined
  #held = false
  #error: Error | undefined
  #waiting: PromiseWithResolvers<void> | undefined

  private constructor(head: ResponseHead, exchange: Exchange) {
    this.status = head.status
    this.headers = head.headers()
    this.#exchange = exchange
  }

  /** For the dispatcher: starts a request and waits for the head of its answer. */
  static of(
    { signal }: { signal?: AbortSignal },
    start: (handler: ResponseHandler) => Exchange,
  ): Promise<ClientResponse> {
    const { promise, resolve, reject } = Promise.withResolvers<ClientResponse>()
    if (signal?.aborted) return Promise.reject(signal.reason as Error)
    let response: ClientResponse | undefined
    const abort = (): void => exchange.abort(signal?.reason)
    const settle = (): void => signal?.removeEventListener('abort', abort)
    const exchange = start({
      onHead(head) {
        response = new ClientResponse(head, exchange)
        resolve(response)
      },
      onData: (bytes, from, to) => response!.#push(bytes, from, to),
      onEnd(trailers) {
        settle()
        response!.#finish(trailers)
      },
      onError(error) {
        settle()
        const reason = error.code === 'QPS_ABORTED' && signal?.aborted ? (signal.reason as Error) : error
        if (response === undefined) reject(reason)
        else response.#fail(reason)
      },
    })
    signal?.addEventListener('abort', abort, { once: true })
    return promise
  }

  /** The value of a field; Set-Cookie's lines joined by a line feed. @param name in any case. */
  header(name: string): string | undefined {
    const value = this.headers[name.toLowerCase()]
    return Array.isArray(value) ? value.join('\n') : value
  }

  /**
   * The whole body, or what an iteration has left of it, at most `responseBytesMax`; asked again, the same.
   *
   * @throws QpsError why it did not come in full.
   */
  bytes(): Promise<Uint8Array> {
    return (this.#all ??= this.#collect())
  }

  /** The whole body as UTF-8. @throws as {@link bytes}. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes())
  }

  /** The whole body as JSON. @throws SyntaxError where it is none; as {@link bytes}. */
  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }

  /** The body is not wanted: the connection may be of use to others. */
  cancel(): void {
    this.#pieces = []
    this.#exchange.abort()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const piece = this.#pieces.shift()
        if (piece !== undefined) {
          this.#unread -= piece.length
          yield piece
        } else if (this.#error !== undefined) throw this.#error
        else if (this.#complete) return
        else await this.#more()
      }
    } finally {
      // Left before the end.
      if (!this.#complete) this.cancel()
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

  #push(bytes: Uint8Array, start: number, end: number): void {
    this.#pieces.push(bytes.slice(start, end))
    this.#unread += end - start
    if (this.#all === undefined && this.#unread > unreadBytesMax && !this.#held) {
      this.#held = true
      this.#exchange.pause()
    }
    this.#wake()
  }

  #finish(trailers: readonly Trailer[]): void {
    this.trailers = trailers
    this.#complete = true
    this.#wake()
  }

  #fail(error: Error): void {
    this.#error = error
    this.#complete = true
    this.#wake()
  }

  #more(): Promise<void> {
    this.#waiting ??= Promise.withResolvers()
    if (this.#held) {
      this.#held = false
      this.#exchange.resume()
    }
    return this.#waiting.promise
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve()
  }
}
