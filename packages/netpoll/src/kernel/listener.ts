import type { Connection, ConnectionHandler, Listener } from '../poller.ts'
import type { Endpoint } from '../sys/address.ts'
import type { KernelPoller } from './kernel-poller.ts'

/** The most that a closing listener still accepts: its whole backlog is rarely longer. */
export const lastAcceptsMax = 4096

/** A listening socket that we accept from ourselves. */
export class KernelListener implements Listener {
  readonly host: string
  readonly port: number
  readonly path: string | undefined
  readonly accept: (connection: Connection) => ConnectionHandler
  readonly descriptor: number
  /** `close` was called. Whoever connects until the socket is closed is still accepted. */
  closing = false
  /** An accept is armed. */
  accepting = false
  /** Accepting rests until this goes off. */
  resting: NodeJS.Timeout | undefined
  /** Place in the poller's table of listeners. */
  readonly slot: number
  readonly #poller: KernelPoller
  readonly #closed = Promise.withResolvers<void>()

  constructor(
    poller: KernelPoller,
    descriptor: number,
    slot: number,
    { host, port, path }: Endpoint,
    accept: (connection: Connection) => ConnectionHandler,
  ) {
    this.#poller = poller
    this.descriptor = descriptor
    this.slot = slot
    this.host = host
    this.port = port
    this.path = path
    this.accept = accept
  }

  close(): Promise<void> {
    if (!this.closing) {
      this.closing = true
      this.#poller.stopListening(this)
    }
    return this.#closed.promise
  }

  /** The descriptor is closed. */
  done(): void {
    this.#closed.resolve()
  }
}
