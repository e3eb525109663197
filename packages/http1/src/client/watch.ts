import type { QpsError } from '@qps/core'
import type { Connection } from '@qps/netpoll'
import { timeoutError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { CheckedOptions } from './options.ts'

/** What the watch looks at. */
export interface Watched {
  readonly output: Connection
  readonly open: boolean
  /** Whose answer is awaited; undefined while nothing is. */
  readonly first: Exchange | undefined
  /** The answer's head is complete, and its body is not. */
  readonly inBody: boolean
}

/**
 * Whether a connection of the client has waited too long, by a sweep and without a timer of its own. What begins between two
 * sweeps bears the time of the one before, so every limit is a sweep longer here: nobody is cut before it.
 *
 *   connecting        connectTimeoutMs
 *   idle              idleTimeoutMs
 *   the head          headTimeoutMs, from the request, or the answer before it; while we send, from what was sent last
 *   the body          bodyTimeoutMs, from the byte before
 *   all of an answer  responseTimeoutMs, from its request, whatever moves
 */
export class Watch {
  readonly #options: CheckedOptions
  #sinceMs: number
  #bytesSeen = 0

  constructor(options: CheckedOptions, nowMs: number) {
    this.#options = options
    this.#sinceMs = nowMs
  }

  /** Something else is awaited from now on. */
  restart(nowMs: number): void {
    this.#sinceMs = nowMs
  }

  /** @returns what it has waited for too long: an error for whoever waits, `idle` where nobody does. */
  look(connection: Watched, nowMs: number): QpsError | 'idle' | undefined {
    const { connectTimeoutMs, idleTimeoutMs, responseTimeoutMs, sweepMs } = this.#options
    const { open, first } = connection
    const waitedMs = nowMs - this.#sinceMs - sweepMs
    if (!open) {
      return waitedMs < connectTimeoutMs
        ? undefined
        : timeoutError('connecting', connectTimeoutMs, 'connectTimeoutMs', true)
    }
    if (first === undefined) return waitedMs < idleTimeoutMs ? undefined : 'idle'
    if (nowMs - first.sinceMs - sweepMs >= responseTimeoutMs) {
      return timeoutError('the whole answer', responseTimeoutMs, 'responseTimeoutMs', first.request.repeatable)
    }
    if (!this.#hasMoved(connection, first)) return this.#stalled(connection, first, waitedMs)
    this.#sinceMs = nowMs
    return undefined
  }

  #hasMoved({ output, inBody }: Watched, first: Exchange): boolean {
    const { bytesRead, bytesSent, pendingBytes } = output
    const isSending = pendingBytes > 0 || first.uploading
    const before = this.#bytesSeen
    // A head that drips does not move.
    if (inBody) this.#bytesSeen = bytesRead
    else if (isSending) this.#bytesSeen = bytesSent
    return this.#bytesSeen !== before
  }

  #stalled({ inBody }: Watched, { request }: Exchange, waitedMs: number): QpsError | undefined {
    const { headTimeoutMs, bodyTimeoutMs } = this.#options
    if (waitedMs < (inBody ? bodyTimeoutMs : headTimeoutMs)) return undefined
    return inBody
      ? timeoutError('the next byte of the body', bodyTimeoutMs, 'bodyTimeoutMs', request.repeatable)
      : timeoutError('the head of the answer', headTimeoutMs, 'headTimeoutMs', request.repeatable)
  }
}
