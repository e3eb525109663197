import type { QpsError } from '@qps/core'
import type { Trailer } from '../trailers.ts'
import type { ClientConnection } from './connection.ts'
import { abortedError } from './errors.ts'
import type { PreparedRequest } from './outgoing.ts'
import type { ResponseHead } from './response-head.ts'

/**
 * Receives one answer. The calls come in this order, never from inside `dispatch`:
 *
 *   onHead ──► onData, any number of times ──► onEnd
 *      └────────────┴──► onError                (one of the two, once, last)
 *
 * What a handler throws is an `uncaughtException`, and ends the connection.
 */
export interface ResponseHandler {
  /** @param head valid during the call: read from it what is to be kept. */
  onHead(head: ResponseHead): void
  /** Content: `bytes[start..end)`. @param bytes **borrowed** for this call: copy what is to be kept. */
  onData(bytes: Uint8Array, start: number, end: number): void
  onEnd(trailers: readonly Trailer[]): void
  /** Its code says why: see errors.ts. */
  onError(error: QpsError): void
}

/** A request on its way: what `dispatch` returns. */
export class Exchange {
  readonly request: PreparedRequest
  readonly handler: ResponseHandler
  /** Since when it waits: for a connection, and then for its answer. In the dispatcher's coarse time. */
  sinceMs: number
  /** Undefined while it waits, and again when it is over. */
  connection: ClientConnection | undefined = undefined
  /** Nobody waits for the answer any more; if it is on its way, it is read and dropped. */
  over = false
  /** Its body is still being sent. */
  uploading = false
  retried = false

  constructor(request: PreparedRequest, handler: ResponseHandler, sinceMs: number) {
    this.request = request
    this.handler = handler
    this.sinceMs = sinceMs
  }

  /**
   * Gives the request up: its handler gets QPS_ABORTED. Alone on its connection it ends that; otherwise the others keep it,
   * and this answer is dropped when it comes. A no-op when the exchange is over.
   */
  abort(cause?: unknown): void {
    if (this.over) return
    const { connection } = this
    queueMicrotask(() => this.fail(abortedError(cause)))
    connection?.giveUp(this)
  }

  /** Stops reading the answer's content, and whatever comes behind it on the same connection. Between onHead and onEnd. */
  pause(): void {
    if (!this.over) this.connection?.pause(this)
  }

  /** Reads on. */
  resume(): void {
    if (!this.over) this.connection?.resume(this)
  }

  /** For the connection and the dispatcher: the last thing that its handler hears. */
  fail(error: QpsError): void {
    if (this.over) return
    this.over = true
    this.connection = undefined
    this.handler.onError(error)
  }
}
