import type { Socket } from 'node:net'
import { invariant } from '@qps/core'
import { type Connection, type ConnectionHandler, reserveBytesMax } from '../poller.ts'
import { handleOf } from './adopt.ts'
import { type BlockPool, OutputQueue } from './output.ts'

/**
 * The most that libuv is given at once. It reports progress only by the end of a write, so this is how finely a slow
 * reader can be told from one that has stopped.
 */
const writeBytesMax = 64 * 1024

/** What a connection needs of its poller. */
export interface Turn {
  readonly pool: BlockPool
  readonly highWaterBytes: number
  readonly lowWaterBytes: number
  /** The connection has output, or a lease that must end: flush it when this turn of the loop is over. */
  flushLater(connection: LibuvConnection): void
  /** An event has come. Called before the callbacks of a connection. */
  ran(connection: LibuvConnection): void
  received(bytes: number): void
  opened(connection: LibuvConnection): void
  /** `whole` is false where the kernel took the bytes in several parts, or later. */
  sent(bytes: number, whole: boolean): void
  closed(connection: LibuvConnection): void
}

/** A connection on a `net.Socket`. Reads go past the socket's stream, and so do writes; opening and closing are its own. */
export class LibuvConnection implements Connection {
  open = true
  bytesRead = 0
  /** Whether this connection waits in its poller's list for the end of the turn. The poller's, not ours. */
  listed = false
  /** Set once: by `accept`'s return, or by `connect`. */
  handler!: ConnectionHandler

  readonly #socket: Socket
  readonly #turn: Turn
  readonly #output: OutputQueue
  readonly #unix: boolean
  /** Bytes that libuv has been given and has not reported. */
  #inFlight = 0
  #sentBytes = 0
  #connecting: boolean
  #ending = false
  #ended = false
  #wantsDrain = false
  #paused = false
  /** Reading rests because this connection's output did not fit into the pool. */
  #starved = false
  /** True while `_write` runs: a report that comes then comes from our own call. */
  #writing = false
  #error: Error | undefined

  /**
   * @param socket its events are ours from now on.
   * @param unix whether it is a unix socket, which knows neither addresses nor resets.
   */
  constructor(socket: Socket, turn: Turn, unix: boolean) {
    this.#socket = socket
    this.#turn = turn
    this.#unix = unix
    this.#connecting = socket.connecting
    this.#output = new OutputQueue(turn.pool)
    socket.on('error', this.#onError)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
  }

  get remoteAddress(): string {
    const address = this.#socket.remoteAddress ?? ''
    const zone = address.indexOf('%')
    return zone === -1 ? address : address.slice(0, zone)
  }

  get remotePort(): number {
    return this.#socket.remotePort ?? 0
  }

  get bytesSent(): number {
    return this.#sentBytes + this.#inFlight - this.#waitingInLibuv()
  }

  get pendingBytes(): number {
    return this.#output.bytes - this.#inFlight + this.#waitingInLibuv()
  }

  get output(): Uint8Array {
    return this.#output.memory
  }

  reserve(bytes: number): number {
    // The text would be made for each call.
    if (!(bytes >= 1 && bytes <= reserveBytesMax))
      invariant(false, `reserve takes 1 to ${reserveBytesMax} bytes, not ${bytes}`)
    if (!this.open || this.#ending) return -1
    this.#turn.flushLater(this)
    const starvedBefore = this.#turn.pool.starved
    const offset = this.#output.reserve(bytes)
    if (this.#turn.pool.starved !== starvedBefore) this.#starve()
    return offset
  }

  commit(end: number): void {
    if (!this.open) return
    invariant(this.#output.commit(end), 'commit needs a reserve of the same turn, and an end within its block')
  }

  write(bytes: Uint8Array): boolean {
    if (!this.open || this.#ending) return false
    this.#turn.flushLater(this)
    const starvedBefore = this.#turn.pool.starved
    if (bytes.length > reserveBytesMax) this.#output.lend(bytes)
    else if (bytes.length > 0) this.#output.copy(bytes)
    if (this.#turn.pool.starved !== starvedBefore) this.#starve()
    if (this.pendingBytes <= this.#turn.highWaterBytes) return true
    this.#wantsDrain = true
    return false
  }

  end(): void {
    if (!this.open || this.#ending) return
    this.#ending = true
    this.#turn.flushLater(this)
  }

  pause(): void {
    if (!this.open || this.#paused) return
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.open || !this.#paused) return
    this.#paused = false
    if (!this.#starved) this.#socket.resume()
  }

  destroy(reset = false): void {
    if (!this.open) return
    this.open = false
    if (reset && !this.#unix && !this.#socket.connecting) this.#socket.resetAndDestroy()
    else this.#socket.destroy()
  }

  /** Bytes have arrived at the start of `bytes`. */
  received(bytes: Uint8Array, count: number): void {
    if (!this.open) return
    this.bytesRead += count
    this.#turn.received(count)
    this.#turn.ran(this)
    try {
      this.handler.onData(bytes, 0, count)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** An outgoing connection stands. */
  connected(): void {
    this.#connecting = false
    if (!this.open) return
    this.#turn.opened(this)
    this.#turn.flushLater(this)
    this.#turn.ran(this)
    try {
      this.handler.onOpen?.()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** The turn is over: ends a lease, gives what was written to libuv. @returns whether there was output. */
  flush(): boolean {
    if (!this.open) return false
    this.#output.endLease()
    const busy = this.#output.bytes > 0
    if (!this.#connecting) this.#send()
    return busy
  }

  /**
   * Writes by `_write` and `_writev`, the two methods by which a stream writes to what is below it. What `write` puts in
   * front of them (its queue, a closure, a tick, an event) we have already, and they say in the call whether the
   * kernel has taken everything.
   */
  #send(): void {
    // A write may fail in the call, and then the socket is destroyed: the rest is for 'close' to tell.
    while (!this.#socket.destroyed && this.#inFlight === 0 && this.#output.bytes > 0) {
      const views = this.#output.head(writeBytesMax)
      let bytes = 0
      for (const { length } of views) bytes += length
      this.#inFlight = bytes
      this.#writing = true
      if (views.length === 1) this.#socket._write(views[0], binary, this.#onTaken)
      else this.#socket._writev!(views.map(asChunk), this.#onTaken)
      this.#writing = false
    }
    this.#settle()
  }

  /** What follows from output that has left: reading again, `onDrain`, FIN. */
  #settle(): void {
    if (this.#socket.destroyed) return
    if (this.#starved && this.#output.bytes === 0) {
      this.#starved = false
      if (!this.#paused) this.#socket.resume()
    }
    if (this.#wantsDrain && this.pendingBytes <= this.#turn.lowWaterBytes) {
      this.#wantsDrain = false
      this.#turn.ran(this)
      try {
        this.handler.onDrain?.()
      } catch (error) {
        return this.#fail(error)
      }
    }
    if (this.#ending && !this.#ended && this.#output.bytes === 0) {
      this.#ended = true
      this.#socket.end()
    }
  }

  /** One function per connection, not one per write. */
  readonly #onTaken = (error?: Error | null): void => {
    const bytes = this.#inFlight
    this.#inFlight = 0
    if (this.#socket.destroyed) return
    // Older versions of Node do this before they report; what follows is 'close' in any case.
    if (error) return void this.#socket.destroy(error)
    this.#sentBytes += bytes
    this.#output.taken(bytes)
    this.#turn.sent(bytes, this.#writing)
    if (!this.#writing) this.#send()
  }

  readonly #onError = (error: Error): void => {
    this.#error = error
  }

  readonly #onEnd = (): void => {
    if (!this.open) return
    this.#turn.ran(this)
    try {
      this.handler.onEnd()
    } catch (error) {
      this.#fail(error)
    }
  }

  readonly #onClose = (): void => {
    // Destroyed by its user: whatever else went wrong was not the reason.
    const error = this.open ? this.#error : undefined
    this.open = false
    this.#inFlight = 0
    this.#output.clear()
    this.#turn.closed(this)
    try {
      this.handler.onClose(error)
    } catch (thrown) {
      rethrow(thrown)
    }
  }

  #fail(error: unknown): void {
    this.destroy()
    rethrow(error)
  }

  #starve(): void {
    if (this.#starved) return
    this.#starved = true
    this.#socket.pause()
  }

  /** How much of what libuv was given the kernel has not taken. Only asked for while a write is under way. */
  #waitingInLibuv(): number {
    if (this.#inFlight === 0) return 0
    return handleOf(this.#socket)?.writeQueueSize ?? this.#inFlight
  }
}

/** What streams call the encoding of bytes; the types know only those of strings. */
const binary = 'buffer' as BufferEncoding

function asChunk(chunk: Uint8Array): { chunk: Uint8Array; encoding: BufferEncoding } {
  return { chunk, encoding: binary }
}

/** Makes an error of a callback an `uncaughtException`, outside of the code that called the callback. */
export function rethrow(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
