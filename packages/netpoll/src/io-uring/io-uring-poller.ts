import type { KernelConnection } from '../kernel/connection.ts'
import { KernelPoller } from '../kernel/kernel-poller.ts'
import type { KernelListener } from '../kernel/listener.ts'
import type { PollerOptions } from '../poller.ts'
import { cancelFlag, completionFlag, multishot, ringOperation, ringSetup, socket, submissionFlag } from '../sys/abi.ts'
import { addressBytesMax, writeAddress } from '../sys/address.ts'
import { Arena } from '../sys/arena.ts'
import { failure, systemError } from '../sys/errno.ts'
import { setReset, stopBlocking } from '../sys/sockets.ts'
import { loadNative, type Native } from '../sys/native.ts'
import { Bell } from './bell.ts'
import { ReceiveBuffers, bufferGroup } from './receive-buffers.ts'
import { Ring } from './ring.ts'

/** Work is done only when we ask for it, in `enter`, by the one thread that submits: no locks, no interruptions. */
export const ringFlags: number = ringSetup.SINGLE_ISSUER | ringSetup.DEFER_TASKRUN
/** A sleep below this makes the poller hot: the next wait is in the ring. */
const hotBelowMs = 0.1
/**
 * Completions: room for one of each of some ten thousand connections at once; what is beyond overflows, and is kept.
 */
const ringSizes = { submissions: 1024, completions: 16 * 1024 }
/** After so many rounds a turn ends even if more has come, so that timers and other input get their share. */
const roundsMax = 8
/** The most that a closing listener still accepts: its whole backlog is rarely longer. */
const lastAcceptsMax = 4096
/** Room for an address, in whole cache lines. */
const addressBytes = Math.ceil(addressBytesMax / 64) * 64

/** What a completion belongs to: the first word of its tag. */
const operation = {
  accept: 1,
  receive: 2,
  send: 3,
  close: 4,
  cancel: 5,
  connect: 6,
  nothing: 7,
  stopListener: 8,
  closeListener: 9,
} as const

const receiveHead = ringOperation.RECV | (submissionFlag.BUFFER_SELECT << 8) | (multishot.RECV << 16)
const acceptHead = ringOperation.ACCEPT | (multishot.ACCEPT << 16)
/** WAITALL makes the kernel itself go on after a short send. */
const sendFlags = socket.MSG_NOSIGNAL | socket.MSG_WAITALL

/**
 * The poller over io_uring. Per turn: take all completions, run the callbacks, submit everything that they wrote, in one
 * system call.
 *
 * Reads are armed once per connection (multishot) and accepts once per listener; the kernel then posts a completion
 * whenever bytes or connections come. A connection's life in operations:
 *
 *     accept ─► receive (multishot) … send … send …  ─► cancel? ─► close
 *
 * Its slot and its output block are free only when every operation has had its last completion: until then the kernel
 * may still write to memory that the operation named.
 */
export class IoUringPoller extends KernelPoller {
  readonly backend = 'io_uring'
  protected readonly blocking = true
  readonly #native: Native
  readonly #ring: Ring
  readonly #buffers: ReceiveBuffers
  /** Addresses to connect to, one for each place of the submission queue: the kernel copies it with the submission. */
  readonly #addresses: Arena
  readonly #listenerSlots: (KernelListener | undefined)[] = []
  /** Rings when completions come while we are parked. */
  readonly #bell: Bell
  #gave = false
  /** A read found no buffer in this round. */
  #starved = false
  #parked = false
  #parkedAtMs = 0
  readonly #mayBeHot: boolean
  /** The last sleep was so short that it is cheaper to wait in the ring. */
  #hot = false
  /** Submissions that complete while they are handed over. */
  #prompt = 0

  /** @param sizes of the queues: small ones for tests. Powers of two. */
  constructor(options: PollerOptions, reason: string, sizes: { submissions: number; completions: number } = ringSizes) {
    super(options, reason)
    this.#mayBeHot = options.hotWait ?? true
    this.#native = loadNative()
    using owned = new DisposableStack()
    owned.defer(() => this.blocks.release())
    this.#ring = owned.adopt(new Ring(sizes.submissions, sizes.completions, ringFlags), (ring) => ring.close())
    const { receiveBuffers, receiveBytes } = this.options
    this.#buffers = owned.adopt(new ReceiveBuffers(this.#ring, receiveBuffers, receiveBytes), (it) => it.release())
    this.#addresses = owned.adopt(new Arena(sizes.submissions * addressBytes), (arena) => arena.release())
    this.#bell = owned.adopt(new Bell(), (bell) => bell.close())
    this.#ring.registerEventfd(this.#bell.descriptor)
    this.watch(this.#bell.descriptor)
    owned.move()
  }

  protected turn(): void {
    if (this.#parked) this.#unpark()
    if (this.#hot) this.#hotTurn()
    else this.#coldTurn()
  }

  /** Answers what has come, at once, until nothing is left. Nothing here waits. */
  #coldTurn(): void {
    const ring = this.#ring
    for (let round = 0; round < roundsMax; round++) {
      this.#reap()
      this.#prepare()
      this.#prompt = 0
      this.#note(ring.enter(0))
      if (ring.completionTail === ring.completionHead) return this.#park()
    }
    this.schedule()
  }

  /**
   * While requests come thick and fast: hands over what was written since the turn before, waits for news right there, and
   * takes them, all in one system call. What the handlers write now leaves with the next turn, so that whatever promise
   * callbacks write behind this one leaves with it.
   */
  #hotTurn(): void {
    const ring = this.#ring
    this.#prepare()
    // Each of these completes while it is handed over: only what comes on top is news.
    const wait = this.#prompt + 1
    this.#prompt = 0
    this.#note(ring.enterAndWait(wait))
    if (ring.completionTail === ring.completionHead) return this.#park()
    this.#reap()
    this.schedule()
  }

  /** Makes submissions of what was written, and gives receive buffers back. */
  #prepare(): void {
    this.flush()
    if (this.#starved) {
      this.#starved = false
      this.#buffers.grow()
    }
    if (this.#gave) {
      this.#gave = false
      this.#buffers.publish()
    }
    const { pending, overflown } = this.#ring
    if (this.trace !== undefined && pending > 0) this.tell('submit', pending)
    if (overflown) this.stats.overflows++
    this.stats.systemCalls++
  }

  /**
   * What `enter` said. EBUSY: completions must be taken first. EAGAIN: no memory right now. EINTR: a signal. The next turn
   * tries again.
   */
  #note(result: number): void {
    if ((result < 0 && result !== failure.ETIME) || this.#ring.pending > 0) this.schedule()
  }

  /** Nothing to do: lets the loop sleep until the kernel rings the bell. */
  #park(): void {
    const ring = this.#ring
    this.#hot = false
    ring.quiet = false
    // What came before the bell was armed has not rung it.
    const result = ring.enter(0)
    this.stats.systemCalls++
    if (result < 0 || ring.completionTail !== ring.completionHead) {
      ring.quiet = true
      return this.schedule()
    }
    this.#parked = true
    this.#parkedAtMs = performance.now()
    if (this.trace !== undefined) this.tell('wait', 0)
  }

  #unpark(): void {
    this.#parked = false
    this.#ring.quiet = true
    this.#bell.silence()
    this.#hot = this.#mayBeHot && performance.now() - this.#parkedAtMs < hotBelowMs
    if (this.#hot) return
    this.#ring.enter(0)
    this.stats.systemCalls++
  }

  /** Takes the completions that are there. */
  #reap(): void {
    const ring = this.#ring
    const { words } = ring
    let head = ring.completionHead
    const tail = ring.completionTail
    if (head === tail) return
    if (this.trace !== undefined) this.tell('ready', (tail - head) | 0)
    while (head !== tail) {
      const at = ring.completionAt(head)
      head = (head + 1) | 0
      this.#complete(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!)
    }
    ring.releaseCompletions(head)
  }

  #complete(tag: number, slot: number, result: number, flags: number): void {
    if (tag === operation.receive) this.#received(this.connections[slot]!, result, flags)
    else if (tag === operation.send) this.#sent(this.connections[slot]!, result)
    else if (tag === operation.accept) this.#acceptCompleted(slot, result, flags)
    else if (tag === operation.stopListener) this.#closeListener(this.#listenerSlots[slot]!)
    else if (tag === operation.closeListener) this.#listenerDone(slot)
    else this.#finished(this.connections[slot]!, tag, result)
  }

  // Receiving

  #arm(connection: KernelConnection): void {
    connection.reading = true
    connection.operations++
    this.#ring.submit(receiveHead, connection.descriptor, 0, 0, 0, 0, operation.receive, connection.slot, bufferGroup)
  }

  #received(connection: KernelConnection, result: number, flags: number): void {
    const last = (flags & completionFlag.MORE) === 0
    if (last) {
      connection.reading = false
      connection.operations--
    }
    if ((flags & completionFlag.BUFFER) !== 0) {
      const id = flags >>> completionFlag.BUFFER_SHIFT
      if (result > 0) {
        const start = this.#buffers.startOf(id)
        this.deliver(connection, this.#buffers.bytes, start, start + result)
      }
      this.#buffers.give(id)
      this.#gave = true
    }
    if (connection.condemned) return this.#closeWhenFree(connection)
    if (result === 0) return this.deliverEnd(connection)
    if (result < 0 && result !== failure.ENOBUFS && result !== failure.ECANCELED) {
      return this.condemn(connection, systemError(result, 'recv'))
    }
    if (!last) return
    if (result === failure.ENOBUFS) {
      this.stats.receiveStarved++
      this.#starved = true
    }
    if (!connection.paused) this.#arm(connection)
  }

  readingChanged(connection: KernelConnection): void {
    if (connection.connecting || connection.peerEnded) return
    if (connection.paused) {
      if (connection.reading) this.#cancel(connection, operation.receive)
    } else if (!connection.reading) this.#arm(connection)
    this.schedule()
  }

  // Sending

  protected send(connection: KernelConnection): void {
    if (connection.condemned || connection.connecting || connection.sending > 0 || connection.starved) return
    const length = connection.nextSend()
    if (length > 0) {
      connection.sending = length
      this.#prompt++
      connection.operations++
      const { addressLow, addressHigh } = this.blocks.arena
      const address = addressLow + connection.at
      const carry = address > 0xffff_ffff ? 1 : 0
      this.#ring.submit(
        ringOperation.SEND,
        connection.descriptor,
        address,
        addressHigh + carry,
        length,
        sendFlags,
        operation.send,
        connection.slot,
        0,
      )
    } else if (connection.ended && !connection.finSent && connection.pendingBytes === 0) this.#finish(connection)
  }

  #sent(connection: KernelConnection, result: number): void {
    connection.operations--
    if (result < 0) {
      connection.sending = 0
      if (connection.condemned) return this.#closeWhenFree(connection)
      return this.condemn(connection, systemError(result, 'send'))
    }
    this.deliverSent(connection, result)
    if (connection.condemned) return this.#closeWhenFree(connection)
    if ((connection.pendingBytes > 0 || connection.ended) && !connection.dirty) this.markDirty(connection)
  }

  /** Everything is sent and `end` was called: FIN, or the end where the peer has sent its own already. */
  #finish(connection: KernelConnection): void {
    connection.finSent = true
    if (connection.peerEnded) return this.condemn(connection, undefined)
    // Not by way of the ring, which gives it to a thread of its own: shutdown(2) does not wait.
    this.#native.shutdown(connection.descriptor, socket.SHUT_WR)
  }

  // Connecting and accepting

  protected startConnect(connection: KernelConnection, host: string, port: number, path: string | undefined): void {
    const ring = this.#ring
    if (!ring.makeRoom()) return this.condemn(connection, systemError(failure.EAGAIN, 'connect'))
    const at = ring.place * addressBytes
    const length = writeAddress({ host, port, path }, this.#addresses.bytes, at)
    const { addressLow, addressHigh } = this.#addresses
    const address = addressLow + at
    const carry = address > 0xffff_ffff ? 1 : 0
    connection.operations++
    ring.submit(
      ringOperation.CONNECT,
      connection.descriptor,
      address,
      addressHigh + carry,
      0,
      0,
      operation.connect,
      connection.slot,
      0,
      length,
    )
  }

  protected startListener(listener: KernelListener): void {
    if (listener.slot === -1) {
      const free = this.#listenerSlots.indexOf(undefined)
      listener.slot = free === -1 ? this.#listenerSlots.length : free
      this.#listenerSlots[listener.slot] = listener
    }
    this.#accept(listener)
  }

  #accept(listener: KernelListener): void {
    listener.accepting = true
    this.#ring.submit(acceptHead, listener.descriptor, 0, 0, 0, socket.SOCK_CLOEXEC, operation.accept, listener.slot, 0)
  }

  #acceptCompleted(slot: number, result: number, flags: number): void {
    const listener = this.#listenerSlots[slot]!
    const last = (flags & completionFlag.MORE) === 0
    if (last) listener.accepting = false
    if (result >= 0) this.#welcome(result, listener)
    if (!last) return
    if (listener.closing) return this.#closeListener(listener)
    if (result >= 0 || !this.restIfNeeded(listener, result)) this.#accept(listener)
  }

  #welcome(descriptor: number, listener: KernelListener): void {
    if (this.closing) return void this.#native.close(descriptor)
    const connection = this.accepted(descriptor, listener)
    if (!connection.condemned && !connection.paused && !connection.reading) this.#arm(connection)
  }

  protected stopListener(listener: KernelListener): void {
    if (listener.accepting) {
      this.#ring.submit(
        ringOperation.ASYNC_CANCEL,
        listener.descriptor,
        0,
        0,
        0,
        cancelFlag.ALL | cancelFlag.FD,
        operation.cancel,
        -1,
        0,
      )
    } else {
      // It rests. The last look at its backlog still belongs into a turn.
      this.#ring.submit(ringOperation.NOP, -1, 0, 0, 0, 0, operation.stopListener, listener.slot, 0)
    }
  }

  /** Whoever the kernel has accepted already is not cut. */
  #closeListener(listener: KernelListener): void {
    stopBlocking(listener.descriptor)
    for (let count = 0; count < lastAcceptsMax && !this.closing; count++) {
      this.stats.systemCalls++
      const descriptor = this.#native.accept4(listener.descriptor, 0n, 0n, socket.SOCK_CLOEXEC)
      if (descriptor < 0) break
      this.#welcome(descriptor, listener)
    }
    this.#ring.submit(ringOperation.CLOSE, listener.descriptor, 0, 0, 0, 0, operation.closeListener, listener.slot, 0)
  }

  #listenerDone(slot: number): void {
    const listener = this.#listenerSlots[slot]!
    this.#listenerSlots[slot] = undefined
    this.listenerClosed(listener)
  }

  // Closing

  protected startClose(connection: KernelConnection): void {
    if (connection.descriptor === -1) {
      // There never was a socket. `onClose` still comes from a turn: by way of an operation that does nothing.
      connection.operations++
      this.#ring.submit(ringOperation.NOP, -1, 0, 0, 0, 0, operation.nothing, connection.slot, 0)
      return
    }
    if (connection.reset) setReset(connection.descriptor)
    if (connection.operations === 0) this.#submitClose(connection)
    // Cancelling all of its operations makes them complete; the last one closes.
    else this.#cancel(connection, 0)
  }

  /** @param tag the operation to cancel, or 0 for all of the connection's. */
  #cancel(connection: KernelConnection, tag: number): void {
    connection.operations++
    if (tag === 0) {
      this.#ring.submit(
        ringOperation.ASYNC_CANCEL,
        connection.descriptor,
        0,
        0,
        0,
        cancelFlag.ALL | cancelFlag.FD,
        operation.cancel,
        connection.slot,
        0,
      )
    } else {
      // The operation to cancel is named by its tag and slot, in the place of an address.
      this.#ring.submit(
        ringOperation.ASYNC_CANCEL,
        -1,
        tag,
        connection.slot,
        0,
        0,
        operation.cancel,
        connection.slot,
        0,
      )
    }
  }

  #submitClose(connection: KernelConnection): void {
    connection.operations++
    this.#ring.submit(ringOperation.CLOSE, connection.descriptor, 0, 0, 0, 0, operation.close, connection.slot, 0)
  }

  #closeWhenFree(connection: KernelConnection): void {
    if (connection.operations > 0) return
    if (connection.descriptor === -1) this.closed(connection)
    else this.#submitClose(connection)
  }

  /** An operation other than receive, send and accept has completed. */
  #finished(connection: KernelConnection | undefined, tag: number, result: number): void {
    // The cancellation of a listener's accept belongs to no connection.
    if (connection === undefined) return
    connection.operations--
    if (tag === operation.close) return this.closed(connection)
    if (tag === operation.connect && !connection.condemned) this.#connected(connection, result)
    if (connection.condemned) this.#closeWhenFree(connection)
  }

  #connected(connection: KernelConnection, result: number): void {
    if (result < 0) return this.condemn(connection, systemError(result, 'connect'))
    this.deliverOpen(connection)
    if (!connection.condemned && !connection.paused && !connection.reading) this.#arm(connection)
  }

  protected release(): void {
    this.#ring.close()
    this.#bell.close()
    this.#buffers.release()
    this.#addresses.release()
  }
}
