import type { Http3Request, Http3Response } from '@qps/quic'
import type { HttpAnswer } from '../http-judge.ts'
import type { Http3Message } from './message.ts'

/**
 * A request and its answer. The objects are used for one request after another, each with a signal that ends whichever it is
 * at the time.
 */
export class Pending implements HttpAnswer {
  intendedMs = 0
  /** When a sweep first saw it; 0 before. */
  seenMs = 0
  /** Counts its requests: what comes of an earlier one is nobody's. */
  turn = 0
  status = 0
  contentLength = -1
  bodyBytes = 0
  readonly #message: Http3Message
  #request: Http3Request
  #aborter: AbortController

  constructor(message: Http3Message) {
    this.#message = message
    this.#aborter = new AbortController()
    this.#request = requestOf(message, this.#aborter.signal)
  }

  /** The next request. */
  begin(intendedMs: number): Http3Request {
    this.intendedMs = intendedMs
    this.seenMs = 0
    this.turn++
    this.status = 0
    this.contentLength = -1
    this.bodyBytes = 0
    return this.#request
  }

  head({ status, headers }: Http3Response): void {
    this.status = status
    // The client has checked that it is a number.
    const length = headers.find(([name]) => name === 'content-length')?.[1]
    if (length !== undefined) this.contentLength = Number(length)
  }

  /** What comes of it now is nobody's. */
  end(): void {
    this.turn++
  }

  /** Resets its stream. */
  giveUp(): void {
    this.#aborter.abort()
    this.#aborter = new AbortController()
    this.#request = requestOf(this.#message, this.#aborter.signal)
  }
}

function requestOf({ method, path, headers, body }: Http3Message, signal: AbortSignal): Http3Request {
  const content = Buffer.from(body.buffer, body.byteOffset, body.length)
  return { method, path, headers, signal, ...(body.length > 0 && { body: content }) }
}
