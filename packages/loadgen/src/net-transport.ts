import { connect, type Socket } from 'node:net'
import type { Transport, TransportConnection, TransportHandler, TransportTarget } from './transport.ts'

/** The most that one read takes; the responses of a deep pipeline fit. */
const readBytesMax = 64 * 1024

/**
 * Connections over `node:net`. All of them read into one buffer: a read is consumed before the next one starts, so no
 * chunk is ever allocated. Nagle's algorithm is off, or requests would wait for acknowledgments.
 */
export function createTransport(): Transport {
  const buffer = Buffer.allocUnsafeSlow(readBytesMax)
  return { name: 'node:net', connect: (target, handler) => new NetConnection(target, handler, buffer) }
}

class NetConnection implements TransportConnection {
  readonly #socket: Socket
  readonly #handler: TransportHandler
  #error: Error | undefined
  #closed = false

  constructor(target: TransportTarget, handler: TransportHandler, buffer: Buffer) {
    this.#handler = handler
    this.#socket = connect({
      host: target.address,
      port: target.port,
      noDelay: true,
      onread: {
        buffer,
        callback: (length, bytes) => {
          if (!this.#closed) handler.onData(bytes, 0, length)
          return true
        },
      },
    })
    this.#socket.once('connect', () => handler.onConnect())
    this.#socket.once('end', () => this.#socket.destroy())
    this.#socket.on('error', (error) => (this.#error = error))
    this.#socket.once('close', () => this.#gone())
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  writeCopy(bytes: Uint8Array, start: number, end: number): void {
    // Not `slice`, which in a Buffer copies nothing.
    this.#socket.write(Buffer.copyBytesFrom(bytes, start, end - start))
  }

  close(): void {
    this.#closed = true
    this.#socket.destroy()
  }

  #gone(): void {
    if (!this.#closed) this.#handler.onClose(this.#error)
    this.#closed = true
  }
}
