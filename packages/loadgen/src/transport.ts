import type { TlsTarget } from './tls-target.ts'

/*
 * What carries bytes to the server and back. The load generator knows sockets through this page only, so that a faster
 * transport can slip under it: a module that exports `createTransport` is named by `LoadOptions.transport`.
 *
 * Order of callbacks, per connection:
 *
 *   connect() ─► onConnect ─► onData* ─► onClose
 *        └───────────────────────────────► onClose     (refused, or no answer)
 *
 * All of them run on the thread that called `connect`, never from within `connect` itself. After `close()` nothing more
 * is called.
 */

/** Where to connect: an address, never a name, so that no lookup is measured. */
export interface TransportTarget {
  /** IPv4 or IPv6 address. */
  address: string
  /** 1..65535 */
  port: number
  /** Absent: in cleartext. */
  tls?: TlsTarget
}

/** What a connection tells its user. */
export interface TransportHandler {
  onConnect(): void
  /**
   * Bytes have arrived.
   *
   * @param bytes borrowed: the transport writes into the same memory again as soon as the callback returns.
   * @param start the first byte that is meant.
   * @param end behind the last one, at least `start + 1`.
   */
  onData(bytes: Uint8Array, start: number, end: number): void
  /**
   * The connection is gone. Called exactly once, unless `close` was.
   *
   * @param error why; undefined where the other end closed in order (FIN).
   */
  onClose(error: Error | undefined): void
}

/** One connection as its user sees it. */
export interface TransportConnection {
  /**
   * Sends bytes, in order, without blocking. What the kernel does not take at once is kept; the user bounds it.
   *
   * @param bytes lent until the connection closes: they must not change.
   */
  write(bytes: Uint8Array): void
  /**
   * As `write`, of the bytes from `start` up to and not including `end`, which are copied: they may change as soon as this
   * returns.
   */
  writeCopy(bytes: Uint8Array, start: number, end: number): void
  /** Closes at once and drops what was not sent. Calling it again is a no-op. */
  close(): void
}

export interface Transport {
  /** What moves the bytes: the result says it. */
  readonly name: string
  connect(target: TransportTarget, handler: TransportHandler): TransportConnection
  /** Gives back what the transport holds, after the last connection. Resolves when that has happened. */
  close?(): Promise<void>
}

export interface TransportOptions {
  /** Requests leave at given instants (an open loop): waiting for answers must not keep the thread from them. */
  paced: boolean
}

/** What a transport's module exports. Called once per worker thread. */
export interface TransportModule {
  createTransport(options: TransportOptions): Transport
}
