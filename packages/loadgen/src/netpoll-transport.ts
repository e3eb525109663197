import { type Connection, type ConnectionHandler, createPoller, type Poller } from '@qps/netpoll'
import type {
  Transport,
  TransportConnection,
  TransportHandler,
  TransportOptions,
  TransportTarget,
} from './transport.ts'

/** A longer piece is lent to the engine and not copied: see `Connection.write` there. */
const copiedBytesMax = 4096

/**
 * Connections over the engine: io_uring where it may be used, else epoll, else libuv; the transport's name says which. All
 * requests of a turn leave in one system call, and a thread that has nothing else to do waits for answers in the ring.
 *
 * A paced load does not wait there: whoever waits for answers does not see that an arrival is due.
 */
export function createTransport({ paced }: TransportOptions): Transport {
  const poller = createPoller({ hotWait: !paced })
  return {
    name: poller.backend,
    connect: (target, handler) => new NetpollConnection(poller, target, handler),
    close: () => poller.close(),
  }
}

class NetpollConnection implements TransportConnection, ConnectionHandler {
  readonly #connection: Connection
  readonly #handler: TransportHandler
  #closed = false

  constructor(poller: Poller, { address, port }: TransportTarget, handler: TransportHandler) {
    this.#handler = handler
    this.#connection = poller.connect({ host: address, port }, this)
  }

  write(bytes: Uint8Array): void {
    this.#connection.write(bytes)
  }

  writeCopy(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; at += copiedBytesMax) {
      this.#connection.write(bytes.subarray(at, Math.min(end, at + copiedBytesMax)))
    }
  }

  close(): void {
    this.#closed = true
    this.#connection.destroy()
  }

  onOpen(): void {
    if (!this.#closed) this.#handler.onConnect()
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#closed) this.#handler.onData(bytes, start, end)
  }

  onEnd(): void {
    this.#gone(undefined)
  }

  onClose(error: Error | undefined): void {
    this.#gone(error)
  }

  /** A server that has ended will answer nothing more: its connection is over, though our half were still open. */
  #gone(error: Error | undefined): void {
    if (this.#closed) return
    this.close()
    this.#handler.onClose(error)
  }
}
