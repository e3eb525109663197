import { QpsError } from '@qps/core'
import type { ResponseHandler } from './http-dispatcher.ts'

/** The bound on requests under way, and the end of admission: the same for every implementation. */
export class Gate {
  readonly #outstandingMax: number
  #outstanding = 0
  #closed = false

  constructor(outstandingMax: number) {
    this.#outstandingMax = outstandingMax
  }

  get outstanding(): number {
    return this.#outstanding
  }

  /** Counts a request in; false where it must not be sent, and its handler will be told why. */
  enter(handler: ResponseHandler): boolean {
    const refusal = this.#closed
      ? closedError()
      : this.#outstanding >= this.#outstandingMax
        ? this.#busyError()
        : undefined
    if (refusal) queueMicrotask(() => handler.onError(refusal))
    else this.#outstanding++
    return refusal === undefined
  }

  /** A request is answered or has failed. */
  readonly leave = (): void => {
    this.#outstanding--
  }

  close(): void {
    this.#closed = true
  }

  #busyError(): QpsError {
    return new QpsError('QPS_CLIENT_BUSY', `${this.#outstandingMax} requests are under way already`, {
      retryable: true,
      hint: 'shed load before this point, or raise outstandingMax',
    })
  }
}

function closedError(): QpsError {
  return new QpsError('QPS_CLIENT_CLOSED', 'the dispatcher is closed', { hint: 'send before close' })
}
