import { operation } from '../io-uring/operations.ts'
import type { IoUringPoller } from '../io-uring/io-uring-poller.ts'
import type { KernelConnection } from '../kernel/connection.ts'
import { completionFlag, notificationCopied, ringOperation, socket, zeroCopyFlag } from '../sys/abi.ts'
import { failure } from '../sys/errno.ts'
import type { Features } from './features.ts'
import type { MemoryOutput } from './memory-output.ts'
import type { DirectStats } from './stats.ts'

/** What a completion belongs to. The slot is the connection's, but that of a zero-copy send its own number. */
export const senderTags: { readonly copying: number; readonly zeroCopy: number } = {
  copying: operation.extension,
  zeroCopy: operation.extension + 1,
}

/** WAITALL makes the kernel itself go on after a short send. */
const sendFlags = socket.MSG_NOSIGNAL | socket.MSG_WAITALL
/** Results upon which bytes are sent by copying instead: not on this kind of socket, no memory to pin or to account. */
const notThisWay: readonly number[] = [failure.EOPNOTSUPP, failure.ENOMEM, failure.ENOBUFS]

/** A zero-copy send until its notification. */
interface InFlight {
  output: MemoryOutput
  /** Undefined behind the result: the connection may be gone when the notification comes. */
  connection: KernelConnection | undefined
}

/**
 * Sends from memory: one method for what is asked, one for what completes.
 *
 *     copying     result: the bytes are in the socket's queue, and ours again
 *     zero-copy   result (MORE): the queue refers to our memory ─► … ─► notification: it no longer does
 *
 * A notification belongs to the memory, not to the connection: it may come when another connection stands in its slot. So a
 * zero-copy send has a number of its own, and a connection is closed without waiting for notifications, which might
 * themselves be waiting for the closing.
 */
export class MemorySender {
  readonly #poller: IoUringPoller
  readonly #features: Features
  readonly #stats: DirectStats
  readonly #inFlightMax: number
  readonly #head: number
  /** By number. */
  readonly #inFlight: (InFlight | undefined)[] = []
  readonly #freeNumbers: number[] = []

  constructor(poller: IoUringPoller, features: Features, stats: DirectStats, inFlightMax: number) {
    this.#poller = poller
    this.#features = features
    this.#stats = stats
    this.#inFlightMax = inFlightMax
    this.#head = ringOperation.SEND_ZC | (features.reportsUsage ? zeroCopyFlag.REPORT_USAGE << 16 : 0)
  }

  /** Zero-copy sends whose notification has not come. */
  get inFlight(): number {
    return this.#inFlight.length - this.#freeNumbers.length
  }

  send(connection: KernelConnection, output: MemoryOutput): void {
    if (output.isZeroCopy && (!this.#features.sendZeroCopy || this.inFlight >= this.#inFlightMax))
      this.#fallBack(output)
    if (output.isZeroCopy) this.#sendZeroCopy(connection, output)
    else this.#sendCopying(connection, output)
    this.#poller.foreignSending(connection, output.end - output.at, true)
  }

  copied(connection: KernelConnection, result: number): void {
    this.#sent(connection, connection.nextForeign as MemoryOutput, result)
  }

  zeroCopied(number: number, result: number, flags: number): void {
    const { output, connection } = this.#inFlight[number]!
    const isNotification = (flags & completionFlag.NOTIFICATION) !== 0
    // A send that failed early has no notification.
    const isLast = isNotification || (flags & completionFlag.MORE) === 0
    if (isLast) {
      this.#inFlight[number] = undefined
      this.#freeNumbers.push(number)
    } else this.#inFlight[number]!.connection = undefined
    if (isNotification) {
      this.#stats.notifications++
      if (result === notificationCopied) this.#stats.copiedAfterAll++
    } else this.#sent(connection!, output, result)
    if (isLast) output.letGo()
  }

  /** The ring is closed: no notification comes any more. */
  release(): void {
    const all = this.#inFlight.splice(0)
    this.#freeNumbers.length = 0
    for (const send of all) send?.output.letGo()
  }

  #sendCopying(connection: KernelConnection, { memory, at, end, method }: MemoryOutput): void {
    this.#stats.copyingSends++
    const { ring } = this.#poller
    const { arena } = memory
    const isFixed = method === 'write-fixed'
    ring.submit(
      isFixed ? ringOperation.WRITE_FIXED : ringOperation.SEND,
      connection.descriptor,
      arena.lowAt(at),
      arena.highAt(at),
      end - at,
      isFixed ? 0 : sendFlags,
      senderTags.copying,
      connection.slot,
      isFixed ? memory.place : 0,
    )
  }

  #sendZeroCopy(connection: KernelConnection, output: MemoryOutput): void {
    this.#stats.zeroCopySends++
    const number = this.#freeNumbers.pop() ?? this.#inFlight.length
    this.#inFlight[number] = { output, connection }
    output.hold()
    const { memory, at, end, method } = output
    const isFixed = method === 'send-zc-fixed'
    this.#poller.ring.submit(
      isFixed ? this.#head | (zeroCopyFlag.FIXED_BUFFER << 16) : this.#head,
      connection.descriptor,
      memory.arena.lowAt(at),
      memory.arena.highAt(at),
      end - at,
      sendFlags,
      senderTags.zeroCopy,
      number,
      isFixed ? memory.place : 0,
    )
  }

  #sent(connection: KernelConnection, output: MemoryOutput, result: number): void {
    if (output.isZeroCopy && notThisWay.includes(result)) {
      this.#fallBack(output)
      // Nothing was taken: what is left is sent again, the other way.
      return this.#poller.foreignSent(connection, 0)
    }
    if (result > 0) output.at += result
    const isOver = output.at === output.end
    if (isOver) connection.shiftForeign()
    this.#poller.foreignSent(connection, result)
    if (isOver) output.letGo()
  }

  #fallBack(output: MemoryOutput): void {
    this.#stats.fallbacks++
    output.method = output.method === 'send-zc-fixed' ? 'write-fixed' : 'send'
  }
}
