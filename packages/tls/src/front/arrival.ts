import type { Socket } from 'node:net'
import { readClientHello } from './client-hello.ts'

/** What becomes of an {@link Arrival}; exactly one is called, once. */
export interface ArrivalEvents {
  /** The ClientHello is there, or something that is none: `hello` is all that has arrived. The socket is paused. */
  onHello(arrival: Arrival, hello: Buffer, ticketNames: Uint8Array[]): void
  onGone(arrival: Arrival): void
}

/** A connection from its acceptance to its complete ClientHello. */
export class Arrival {
  readonly socket: Socket
  readonly sinceMs: number
  readonly #events: ArrivalEvents
  readonly #chunks: Buffer[] = []
  #bytes = 0
  /** Fewer bytes than this tell nothing new: a hello in a thousand pieces is read twice, not a thousand times. */
  #wanted = 1

  constructor(socket: Socket, sinceMs: number, events: ArrivalEvents) {
    this.sinceMs = sinceMs
    this.socket = socket
    this.#events = events
    // A peer that resets: what follows from it, 'close' tells.
    socket.on('error', () => {})
    socket.on('data', this.#onData).on('close', this.#onClose)
  }

  /** Gives the connection up. */
  close(): void {
    this.socket.destroy()
    this.#onClose()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes < this.#wanted) return
    const bytes = Buffer.concat(this.#chunks, this.#bytes)
    const reading = readClientHello(bytes)
    if (reading.kind === 'more') {
      this.#wanted = reading.bytes
      return
    }
    this.#forget()
    this.socket.pause()
    this.#events.onHello(this, bytes, reading.kind === 'hello' ? reading.ticketNames : [])
  }

  readonly #onClose = (): void => {
    this.#forget()
    this.#events.onGone(this)
  }

  #forget(): void {
    this.socket.off('data', this.#onData).off('close', this.#onClose)
  }
}
