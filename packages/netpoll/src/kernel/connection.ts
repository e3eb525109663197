import { InvariantError } from '@qps/core'
import type { Connection, ConnectionHandler } from '../poller.ts'
import { reserveBytesMax } from '../poller.ts'
import { peerAddress } from '../sys/sockets.ts'
import type { KernelPoller } from './kernel-poller.ts'
import { blockBytes } from './output-blocks.ts'

/** Output behind the block that is being sent: a part of another block, or bytes that their owner has lent. */
interface Waiting {
  /** Offset of the block in the pool, or -1. */
  block: number
  bytes: Uint8Array
  at: number
  end: number
}

/**
 * A connection whose socket we drive ourselves; the backends differ in how bytes get in and out, not in what is here.
 *
 * Output lies in one block of the pool as long as it fits, which is nearly always:
 *
 *     block                                        block + 16 KiB
 *       ├── sent ──┬── the kernel has it ──┬── written ──┬── room ──┤
 *                 at                  at + sending      end
 *
 * What does not fit waits in a queue behind it. A connection without output holds no block.
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
  #waiting: Waiting[] = []
  #waitingHead = 0
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
    if (!this.dirty) this.#poller.markDirty(this)
    const { blocks } = this.#poller
    this.output = blocks.bytes
    if (this.#waitingHead === this.#waiting.length) {
      if (this.#block === -1 && !this.starved) {
        this.#block = blocks.take()
        this.at = this.end_ = this.#block
      }
      if (this.#block !== -1 && this.end_ + bytes <= this.#block + blockBytes) return this.end_
    }
    return this.#reserveBehind(bytes)
  }

  commit(end: number): void {
    if (this.condemned) return
    const last = this.#waiting.length === this.#waitingHead ? undefined : this.#waiting[this.#waiting.length - 1]!
    if (last === undefined) {
      // Beyond lies another connection's output.
      if (!(end >= this.end_ && end <= this.#block + blockBytes)) misuse(commitMisused)
      this.pendingBytes += end - this.end_
      this.end_ = end
    } else {
      const room = last.block === -1 ? last.bytes.length : last.block + blockBytes
      if (!(end >= last.end && end <= room)) misuse(commitMisused)
      this.pendingBytes += end - last.end
      last.end = end
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
    if (!this.dirty) this.#poller.markDirty(this)
    this.#waiting.push({ block: -1, bytes, at: 0, end: length })
    this.pendingBytes += length
    return this.#mayWrite()
  }

  end(): void {
    if (this.condemned || this.ended) return
    this.ended = true
    if (!this.dirty) this.#poller.markDirty(this)
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

  /**
   * Makes the next bytes to send stand in a block.
   *
   * @returns how many, from `at` on; 0 where there are none, or none can be had because the pool is empty (`starved`).
   */
  nextSend(): number {
    while (this.at === this.end_) {
      if (this.#waitingHead === this.#waiting.length) {
        // What was reserved and never committed holds a block as well.
        this.#giveBlock()
        return 0
      }
      if (!this.#stage()) return 0
    }
    return this.end_ - this.at
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
    for (let index = this.#waitingHead; index < this.#waiting.length; index++) {
      const { block } = this.#waiting[index]!
      if (block !== -1) this.#poller.blocks.give(block)
    }
    this.#waiting = []
    this.#waitingHead = 0
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

  /** Room behind what waits already: in the last block of the queue, or in a new one; without a block, on the heap. */
  #reserveBehind(bytes: number): number {
    const last = this.#waitingHead < this.#waiting.length ? this.#waiting[this.#waiting.length - 1] : undefined
    if (last !== undefined && last.block !== -1 && last.end + bytes <= last.block + blockBytes) return last.end
    if (last !== undefined && last.block === -1 && last.bytes.length === reserveBytesMax) {
      if (last.end + bytes <= reserveBytesMax) {
        this.output = last.bytes
        return last.end
      }
    }
    const { blocks } = this.#poller
    const block = blocks.take()
    if (block === -1) {
      // Only our own pieces have this length: what is lent is longer.
      this.output = new Uint8Array(reserveBytesMax)
      this.#waiting.push({ block, bytes: this.output, at: 0, end: 0 })
      return 0
    }
    this.#waiting.push({ block, bytes: blocks.bytes, at: block, end: block })
    return block
  }

  /**
   * Moves the head of the queue, or a block's length of it, into the (empty) sending place.
   *
   * @returns false where no block is to be had.
   */
  #stage(): boolean {
    const head = this.#waiting[this.#waitingHead]!
    if (head.block !== -1) {
      this.#giveBlock()
      this.#block = head.block
      this.at = head.at
      this.end_ = head.end
      this.#shift()
      return true
    }
    if (head.at === head.end) {
      this.#shift()
      return true
    }
    const { blocks } = this.#poller
    if (this.#block === -1) this.#block = blocks.take()
    if (this.#block === -1) this.#block = this.#blockFromBehind()
    if (this.#block === -1) {
      this.#poller.starve(this)
      return false
    }
    const length = Math.min(blockBytes, head.end - head.at)
    blocks.bytes.set(head.bytes.subarray(head.at, head.at + length), this.#block)
    this.at = this.#block
    this.end_ = this.#block + length
    head.at += length
    if (head.at === head.end) this.#shift()
    return true
  }

  /**
   * The pool is empty, but pieces further back may stand in blocks: the last of those moves to the heap. So whoever waits
   * for a block holds none, and connections cannot wait for each other.
   *
   * @returns its block, or -1.
   */
  #blockFromBehind(): number {
    for (let index = this.#waiting.length - 1; index > this.#waitingHead; index--) {
      const piece = this.#waiting[index]!
      const { block } = piece
      if (block === -1) continue
      piece.bytes = piece.bytes.slice(piece.at, piece.end)
      piece.end -= piece.at
      piece.at = 0
      piece.block = -1
      return block
    }
    return -1
  }

  #shift(): void {
    this.#waitingHead++
    if (this.#waitingHead === this.#waiting.length) {
      this.#waiting.length = 0
      this.#waitingHead = 0
    } else if (this.#waitingHead === 64) {
      this.#waiting = this.#waiting.slice(64)
      this.#waitingHead = 0
    }
  }
}

const commitMisused = 'commit needs a reserve of the same turn, and an end within what was reserved'

/** An error of the program, not of the network. */
function misuse(message: string): never {
  throw new InvariantError(message)
}
