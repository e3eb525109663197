import type { Connection, ConnectionHandler, Listener, ListenOptions, Poller } from '@qps/netpoll'

/*
 * A poller without sockets: bytes go in by `MemoryConnection.receive`, come out in `sent`, and everything happens when the
 * test says so. For what must be tried with thousands of inputs, and for a kernel that takes nothing.
 */

export class MemoryPoller {
  #accept: ((connection: Connection) => ConnectionHandler) | undefined

  /** What a server takes for a poller. */
  get poller(): Poller {
    return this as unknown as Poller
  }

  listen(options: ListenOptions, accept: (connection: Connection) => ConnectionHandler): Promise<Listener> {
    this.#accept = accept
    return Promise.resolve({ host: options.host ?? '', port: 1, path: undefined, close: () => Promise.resolve() })
  }

  /** Somebody connects. */
  connect(remoteAddress = '192.0.2.1'): MemoryConnection {
    const connection = new MemoryConnection(remoteAddress)
    connection.handler = this.#accept!(connection)
    connection.settle()
    return connection
  }
}

export class MemoryConnection implements Connection {
  open = true
  readonly remotePort = 1
  readonly remoteAddress: string
  bytesRead = 0
  bytesSent = 0
  pendingBytes = 0
  output: Uint8Array = new Uint8Array(8192)
  handler!: ConnectionHandler
  /** FIN was sent, or the connection is gone. */
  ended = false
  /** RST was asked for. */
  wasReset = false
  closed = false
  /** While true the kernel takes nothing. */
  stuck = false
  /** While true the kernel takes everything as soon as it is written: then nothing depends on where a turn ends. */
  instant = false
  /** `write` returns false above this. */
  highWaterBytes = 64 * 1024
  readonly #taken: Uint8Array[] = []
  #pending: Uint8Array[] = []
  #choked = false
  #leased = false

  constructor(remoteAddress: string) {
    this.remoteAddress = remoteAddress
  }

  /** Everything that the kernel has taken. */
  get sent(): Buffer {
    return Buffer.concat(this.#taken)
  }

  receive(bytes: Uint8Array): void {
    if (this.closed || !this.open) return
    this.bytesRead += bytes.length
    // Memory that is lent is used again: what was kept of it would be seen to change.
    const lent = Uint8Array.from(bytes)
    this.handler.onData(lent, 0, lent.length)
    lent.fill(0xa5)
    this.settle()
  }

  /** The client has said FIN. */
  finish(): void {
    if (this.open) this.handler.onEnd()
    this.settle()
  }

  /** The end of a turn: the kernel takes what was written, and what is over is told. */
  settle(): void {
    this.#leased = false
    if (!this.stuck && this.open) {
      while (this.#pending.length > 0) {
        const bytes = this.#pending.shift()!
        this.bytesSent += bytes.length
        this.pendingBytes -= bytes.length
        this.#taken.push(bytes)
        if (!this.#choked || this.pendingBytes > 16 * 1024) continue
        this.#choked = false
        this.handler.onDrain?.()
      }
    }
    if (!this.open && !this.closed) {
      this.closed = true
      this.handler.onClose(undefined)
    }
  }

  reserve(bytes: number): number {
    if (!(bytes >= 1 && bytes <= 4096)) throw new Error(`reserve of ${bytes} bytes`)
    if (!this.open || this.ended) return -1
    this.output = new Uint8Array(bytes + 16)
    this.#leased = true
    return 16
  }

  commit(end: number): void {
    if (!this.#leased || end > this.output.length) throw new Error('commit without a lease')
    this.#leased = false
    this.#add(this.output.slice(16, end))
  }

  write(bytes: Uint8Array): boolean {
    if (!this.open || this.ended) return false
    if (bytes.length > 0) this.#add(bytes.slice())
    if (this.pendingBytes <= this.highWaterBytes) return true
    this.#choked = true
    return false
  }

  end(): void {
    this.ended = true
  }

  pause(): void {}
  resume(): void {}

  destroy(reset = false): void {
    if (!this.open) return
    this.open = false
    this.ended = true
    this.wasReset = reset
  }

  #add(bytes: Uint8Array): void {
    if (this.instant) {
      this.bytesSent += bytes.length
      this.#taken.push(bytes)
      return
    }
    this.pendingBytes += bytes.length
    this.#pending.push(bytes)
  }
}
