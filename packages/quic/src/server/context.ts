import type { Clock } from '@qps/core'
import type { BodyRoom } from '../h3/incoming-body.ts'
import type { QuicLimits } from '../limits.ts'
import type { PathEvent } from '../transport/path-event.ts'
import type { Exchange } from './exchange.ts'

/** Why somebody is turned away, or a connection is ended: values of a metric's label. */
export type SessionFault = 'timeout' | 'idle' | 'rapid-reset' | 'slow-reader'

/** What all sessions of a server share. */
export interface ServerContext {
  readonly limits: QuicLimits
  readonly clock: Clock
  readonly room: BodyRoom
  /** The value of Date, at most a second old. */
  date(): string
  /** Hands a request to its handler. */
  handle(exchange: Exchange): void
  /** A stream is over, whatever came of it. */
  over(exchange: Exchange, wasReset: boolean): void
  fault(reason: SessionFault): void
  path(event: PathEvent): void
}

/** Counts the bytes of bodies that are being collected. */
export class CountedRoom implements BodyRoom {
  bytes = 0
  readonly #bytesMax: number

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  take(bytes: number): boolean {
    if (this.bytes + bytes > this.#bytesMax) return false
    this.bytes += bytes
    return true
  }

  give(bytes: number): void {
    this.bytes -= bytes
  }
}
