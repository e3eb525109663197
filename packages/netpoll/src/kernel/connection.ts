import { InvariantError } from '@qps/core'
import type { Connection, ConnectionHandler } from '../poller.ts'
import { reserveBytesMax } from '../poller.ts'
import { peerAddress } from '../sys/sockets.ts'
import type { KernelPoller } from './kernel-poller.ts'
import { blockBytes } from './output-blocks.ts'
import { type ForeignOutput, WaitingOutput } from './waiting-output.ts'

/**
 * A connection whose socket we drive ourselves; the backends differ in how bytes get in and out, not in what is here.
 *
 * Output lies in one block of the pool as long as it fits, which is nearly always:
 *
 *     block                                        block + 16 KiB
 *       ├── sent ──┬── the kernel has it ──┬── written ──┬── room ──┤
 *                 at                  at + sending      end
 *
 * What does not fit waits behind it, in a {@link WaitingOutput}. A connection without output holds no block.
 */
export class KernelConnection implements Connection {
  open = true
  bytesRead = 0
  bytesSent = 0
  pendingBytes = 0
  output: Uint8Array
  handler!: ConnectionHandler

  /** -1 until the socket exists, and again once it is closed. */
  descriptor: number
  /** Place in the poller's table. */
  readonly slot: number
  /** Tells the connections apart that stood in this place one after the other. */
  readonly generation: number
  /** Unsent output, as offsets into the pool: `at` to `end` of `block`. */
  at = 0
  end_ = 0
  /** Bytes of it that the kernel is just sending. */
  sending = 0
  /** Outgoing, and not connected yet. */
  connecting: boolean
  /** `end` was called: no more output. */
  ended = false
  /** FIN is on its way, or out. */
  finSent = false
  /** The peer has sent FIN. */
  peerEnded = false
  paused = false
  /** `destroy` was called, or an error came; nothing is delivered any more but `onClose`. */
  condemned = false
  reset = false
  error: Error | undefined
  /** Stands in the poller's list of connections that have written in this turn. */
  dirty = false
  /** A read is armed (io_uring). */
  reading = false
  /** Operations that the kernel holds (io_uring); the slot is free again at 0. */
  operations = 0
  /** Waits for an output block. */
  starved = false

  #block = -1
  /** `write` has returned false. */
  #choked = false
  /** Made when output does not fit for the first time. */
  #waiting: WaitingOutput | undefined
  #peer: { host: string; port: number } | undefined
  readonly #poller: KernelPoller

  constructor(poller: KernelPoller, descriptor: number, slot: number, generation: number, connecting: boolean) {
    this.#poller = poller
    this.descriptor = descriptor
    this.slot = slot
    this.generation = generation
    this.connecting = connecting
    this.output = poller.blocks.bytes
  }

  get remoteAddress(): string {
    return this.#address().host
  }

  get remotePort(): number {
    return this.#address().port
  }

  reserve(bytes: number): number {
    if (this.condemned || this.ended) return -1
    if (!(bytes <= reserveBytesMax)) misuse(`reserve takes 1 to ${reserveBytesMax} bytes, not ${bytes}`)
    if (!this.dirty) this.#poller.outbox.add(this)
    const { blocks } = this.#poller
    this.output = blocks.bytes
    if (this.#waiting === undefined || this.#waiting.empty) {
      if (this.#block === -1 && !this.starved) {
        this.#block = blocks.take()
        this.at = this.end_ = this.#block
      }
      if (this.#block !== -1 && this.end_ + bytes <= this.#block + blockBytes) return this.end_
    }
    const waiting = (this.#waiting ??= new WaitingOutput(blocks))
    const at = waiting.reserve(bytes)
    this.output = waiting.memory
    return at
  }

  commit(end: number): void {
    if (this.condemned) return
    const waiting = this.#waiting
    if (waiting === undefined || waiting.empty) {
      // Beyond lies another connection's output.
      if (this.#block === -1 || !(end >= this.end_ && end <= this.#block + blockBytes)) misuse(commitMisused)
      this.pendingBytes += end - this.end_
      this.end_ = end
    } else {
      const written = waiting.commit(end)
      if (written === -1) misuse(commitMisused)
      this.pendingBytes += written
    }
  }

  write(bytes: Uint8Array): boolean {
    const { length } = bytes
    if (length <= reserveBytesMax) {
      if (length === 0) return this.#mayWrite()
      const at = this.reserve(length)
      if (at === -1) return false
      this.output.set(bytes, at)
      this.commit(at + length)
      return this.#mayWrite()
    }
    if (this.condemned || this.ended) return false
    if (!this.dirty) this.#poller.outbox.add(this)
    const waiting = (this.#waiting ??= new WaitingOutput(this.#poller.blocks))
    waiting.lend(bytes)
    this.pendingBytes += length
    return this.#mayWrite()
  }

  end(): void {
    if (this.condemned || this.ended) return
    this.ended = true
    if (!this.dirty) this.#poller.outbox.add(this)
  }

  pause(): void {
    if (this.paused || this.condemned) return
    this.paused = true
    this.#poller.readingChanged(this)
  }

  resume(): void {
    if (!this.paused || this.condemned) return
    this.paused = false
    this.#poller.readingChanged(this)
  }

  destroy(reset = false): void {
    if (this.condemned) return
    this.open = false
    this.reset = reset
    this.#poller.condemn(this, undefined)
  }

  // What follows is for the backends.

  /** Adds output that has itself sent, behind what was written. @returns as `write`. */
  append(output: ForeignOutput, bytes: number): boolean {
    if (this.condemned || this.ended) return false
    if (!this.dirty) this.#poller.outbox.add(this)
    const waiting = (this.#waiting ??= new WaitingOutput(this.#poller.blocks))
    waiting.append(output)
    this.pendingBytes += bytes
    return this.#mayWrite()
  }

  belongsTo(poller: KernelPoller): boolean {
    return this.#poller === poller
  }

  /** The next output, where it has itself sent; ask behind a `nextSend` that found nothing. */
  get nextForeign(): ForeignOutput | undefined {
    const waiting = this.#waiting
    return waiting === undefined || waiting.empty ? undefined : waiting.first.foreign
  }

  /** Output that had itself sent is done with. */
  shiftForeign(): void {
    this.#waiting!.shift()
  }

  /**
   * Makes the next bytes to send stand in a block.
   *
   * @returns how many, from `at` on; 0 where there are none, where none can be had because the pool is empty (`starved`), or
   * where they have themselves sent (`nextForeign`).
   */
  nextSend(): number {
    while (this.at === this.end_) {
      const waiting = this.#waiting
      if (waiting === undefined || waiting.empty) {
        // What was reserved and never committed holds a block as well.
        this.#giveBlock()
        return 0
      }
      if (!this.#stage(waiting)) return 0
    }
    return this.end_ - this.at
  }

  /** Is there memory that was written to, or only reserved? */
  get holdsOutput(): boolean {
    return this.#block !== -1 || (this.#waiting !== undefined && !this.#waiting.empty)
  }

  /** The kernel has taken bytes. Gives the block back when it is empty. */
  sent(bytes: number): void {
    this.at += bytes
    this.bytesSent += bytes
    this.pendingBytes -= bytes
    this.sending = 0
    if (this.at === this.end_) this.#giveBlock()
  }

  /** Is `onDrain` due? Asked once per completed send. */
  takeDrain(): boolean {
    if (!this.#choked || this.pendingBytes > this.#poller.lowWaterBytes) return false
    this.#choked = false
    return true
  }

  /** Drops all output; only when the kernel holds none of it. */
  dropOutput(): void {
    this.#giveBlock()
    this.#waiting?.clear()
    this.pendingBytes = 0
  }

  #mayWrite(): boolean {
    if (this.pendingBytes <= this.#poller.highWaterBytes) return true
    this.#choked = true
    return false
  }

  #address(): { host: string; port: number } {
    if (this.#peer !== undefined) return this.#peer
    if (this.descriptor === -1) return { host: '', port: 0 }
    const peer = peerAddress(this.descriptor)
    if (!this.connecting) this.#peer = peer
    return peer
  }

  #giveBlock(): void {
    if (this.#block === -1) return
    this.#poller.blocks.give(this.#block)
    this.#block = -1
    this.at = this.end_ = 0
  }

  /**
   * Moves the oldest piece of what waits, or a block's length of it, into the (empty) sending place.
   *
   * @returns false where no block is to be had, or none is needed.
   */
  #stage(waiting: WaitingOutput): boolean {
    const { first } = waiting
    if (first.foreign !== undefined) {
      this.#giveBlock()
      return false
    }
    if (first.block !== -1) {
      this.#giveBlock()
      this.#block = first.block
      this.at = first.at
      this.end_ = first.end
      waiting.shift()
      return true
    }
    if (first.at === first.end) {
      waiting.shift()
      return true
    }
    const { blocks } = this.#poller
    if (this.#block === -1) this.#block = blocks.take()
    if (this.#block === -1) this.#block = waiting.takeBlockFromBehind()
    if (this.#block === -1) {
      this.#poller.outbox.starve(this)
      return false
    }
    const length = Math.min(blockBytes, first.end - first.at)
    blocks.bytes.set(first.bytes.subarray(first.at, first.at + length), this.#block)
    this.at = this.#block
    this.end_ = this.#block + length
    first.at += length
    if (first.at === first.end) waiting.shift()
    return true
  }
}

const commitMisused = 'commit needs a reserve of the same turn, and an end within what was reserved'

/** An error of the program, not of the network. */
function misuse(message: string): never {
  throw new InvariantError(message)
}
