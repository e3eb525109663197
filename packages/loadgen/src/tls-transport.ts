import type { TLSSocket } from 'node:tls'
import { invariant } from '@qps/core'
import { connectTls, isAgreed } from './tls-target.ts'
import type { Transport, TransportConnection, TransportHandler, TransportTarget } from './transport.ts'

/** The most that one read takes: four records. */
const readBytesMax = 64 * 1024

/**
 * Connections over `node:tls`. As with node:net all of them read into one buffer. A connection is open when its handshake is
 * over; no session is taken up again.
 */
export function createTransport(): Transport {
  const buffer = Buffer.allocUnsafeSlow(readBytesMax)
  return { name: 'node:tls', connect: (target, handler) => new TlsConnection(target, handler, buffer) }
}

class TlsConnection implements TransportConnection {
  readonly #socket: TLSSocket
  readonly #handler: TransportHandler
  #error: Error | undefined
  #closed = false

  constructor(target: TransportTarget, handler: TransportHandler, buffer: Buffer) {
    const { tls } = target
    invariant(tls, 'the transport of TLS has a target of TLS')
    this.#handler = handler
    const onBytes = (bytes: Uint8Array, length: number): void => {
      if (!this.#closed) handler.onData(bytes, 0, length)
    }
    const socket = connectTls(target, tls, { buffer, onBytes })
    this.#socket = socket
    socket.once('secureConnect', () => {
      if (isAgreed(tls, socket)) handler.onConnect()
      else socket.destroy(new Error(`the server did not take ${tls.alpn}`))
    })
    socket.once('end', () => socket.destroy())
    socket.on('error', (error) => (this.#error = error))
    socket.once('close', () => this.#gone())
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
