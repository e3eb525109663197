import type { ConnectionHandler } from '../poller.ts'
import type { KernelConnection } from './connection.ts'
import type { KernelPoller } from './kernel-poller.ts'
import type { KernelListener } from './listener.ts'

/**
 * Tells handlers what has happened to their connections. Nothing else calls a handler, and a turn is the only time: what
 * one throws ends its connection, goes where uncaught errors go, and does not end the turn half-way.
 *
 *     accepted │ opened ──► data … ──► ended ──► closed
 *                           sent: onDrain, after `write` was false
 *
 * What a connection is told of is noted in it, and counted.
 */
export class Delivery {
  readonly #poller: KernelPoller

  constructor(poller: KernelPoller) {
    this.#poller = poller
  }

  /** Somebody has connected: asks for a handler. */
  accepted(connection: KernelConnection, listener: KernelListener): void {
    this.#poller.stats.accepted++
    try {
      connection.handler = listener.accept(connection)
    } catch (error) {
      connection.handler = discarding
      this.#thrown(connection, error)
    }
  }

  /** The outgoing connection stands. */
  opened(connection: KernelConnection): void {
    connection.connecting = false
    this.#poller.stats.connected++
    try {
      connection.handler.onOpen?.()
    } catch (error) {
      this.#thrown(connection, error)
    }
    if ((connection.holdsOutput || connection.ended) && !connection.dirty) this.#poller.outbox.add(connection)
  }

  /** Bytes have come. They are lent for the call. */
  data(connection: KernelConnection, bytes: Uint8Array, start: number, end: number): void {
    const poller = this.#poller
    connection.bytesRead += end - start
    poller.stats.bytesRead += end - start
    if (connection.condemned) return
    if (poller.trace !== undefined) poller.tell('run', 1)
    try {
      connection.handler.onData(bytes, start, end)
    } catch (error) {
      this.#thrown(connection, error)
    }
  }

  /** The peer has sent FIN. Where `end` was called already, and everything is sent, that is the connection's end. */
  ended(connection: KernelConnection): void {
    if (connection.peerEnded || connection.condemned) return
    connection.peerEnded = true
    const poller = this.#poller
    if (poller.trace !== undefined) poller.tell('run', 1)
    try {
      connection.handler.onEnd()
    } catch (error) {
      this.#thrown(connection, error)
    }
    if (connection.ended && connection.pendingBytes === 0) poller.condemn(connection, undefined)
  }

  /** The kernel has taken bytes. */
  sent(connection: KernelConnection, bytes: number): void {
    const { stats, outbox } = this.#poller
    stats.bytesSent += bytes
    if (bytes < connection.sending) stats.shortSends++
    connection.sent(bytes)
    if (!connection.condemned && connection.takeDrain()) {
      try {
        connection.handler.onDrain?.()
      } catch (error) {
        this.#thrown(connection, error)
      }
    }
    outbox.feed()
  }

  /** Nothing is left of the connection. */
  closed(connection: KernelConnection): void {
    try {
      connection.handler.onClose(connection.error)
    } catch (error) {
      process.nextTick(rethrow, error)
    }
  }

  #thrown(connection: KernelConnection, error: unknown): void {
    this.#poller.condemn(connection, undefined)
    connection.open = false
    process.nextTick(rethrow, error)
  }
}

/** Throws where no caller of ours stands: an uncaught exception. */
export function rethrow(error: unknown): never {
  throw error
}

/** Stands in for a handler that could not be had. */
const discarding: ConnectionHandler = {
  onData() {},
  onEnd() {},
  onClose() {},
}
