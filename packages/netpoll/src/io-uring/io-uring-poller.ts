import type { KernelConnection } from '../kernel/connection.ts'
import { KernelPoller } from '../kernel/kernel-poller.ts'
import { type KernelListener, lastAcceptsMax } from '../kernel/listener.ts'
import { roundsMax } from '../kernel/turns.ts'
import type { PollerOptions } from '../poller.ts'
import { completionFlag, socket } from '../sys/abi.ts'
import type { Endpoint } from '../sys/address.ts'
import { failure, systemError } from '../sys/errno.ts'
import { setReset, stopBlocking } from '../sys/sockets.ts'
import { loadNative, type Native } from '../sys/native.ts'
import { operation, Operations } from './operations.ts'
import { Parking } from './parking.ts'
import { ReceiveBuffers } from './receive-buffers.ts'
import { Ring } from './ring.ts'
import type { RingExtension } from './ring-extension.ts'

/** Completions: room for one of each of some ten thousand connections at once; what is beyond overflows, and is kept. */
const ringSizes = { submissions: 1024, completions: 16 * 1024 }

/**
 * The poller over io_uring. Per turn: take all completions, run the callbacks, submit everything that they wrote, in one
 * system call. What can be asked of the kernel is in {@link Operations}; here is what is done when it has answered.
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
  extension: RingExtension | undefined
  readonly #native: Native
  readonly #ring: Ring
  readonly #buffers: ReceiveBuffers
  readonly #operations: Operations
  readonly #parking: Parking
  /** Submissions that complete while they are handed over. */
  #prompt = 0
  /** Callbacks for data since what was written was last handed over. */
  #told = 0

  /** @param sizes of the queues: small ones for tests. Powers of two. */
  constructor(options: PollerOptions, reason: string, sizes: { submissions: number; completions: number } = ringSizes) {
    super(options, reason)
    this.#native = loadNative()
    using owned = new DisposableStack()
    owned.defer(() => this.blocks.release())
    this.#ring = owned.adopt(new Ring(sizes.submissions, sizes.completions), (ring) => ring.close())
    const { receiveBuffers, receiveBytes } = this.options
    this.#buffers = owned.adopt(new ReceiveBuffers(this.#ring, receiveBuffers, receiveBytes), (it) => it.release())
    this.#operations = owned.adopt(new Operations(this.#ring, this.blocks.arena), (it) => it.release())
    this.#parking = owned.adopt(new Parking(this.#ring, options.hotWait ?? true), (it) => it.release())
    this.turns.watch(this.#parking.bell.descriptor)
    owned.move()
  }

  get hot(): boolean {
    return this.#parking.hot && !this.#parking.parked
  }

  get settled(): boolean {
    return this.hot && this.#told > 0 && this.outbox.size >= this.#told
  }

  turn(): void {
    if (this.#parking.parked) this.#leave()
    if (this.#parking.hot) this.#hotTurn()
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
    this.turns.schedule()
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
    this.turns.schedule()
  }

  /** Makes submissions of what was written, and gives receive buffers back. */
  #prepare(): void {
    this.outbox.flush()
    this.#told = 0
    this.#buffers.publish()
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
    if ((result < 0 && result !== failure.ETIME) || this.#ring.pending > 0) this.turns.schedule()
  }

  /** Nothing to do: lets the loop sleep until the kernel rings the bell. */
  #park(): void {
    this.stats.systemCalls++
    if (!this.#parking.park()) return this.turns.schedule()
    if (this.trace !== undefined) this.tell('wait', 0)
  }

  #leave(): void {
    this.#parking.leave()
    if (this.#parking.hot) return
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
    else if (tag === operation.stopListener) this.#closeListener(this.listeners[slot]!)
    else if (tag === operation.closeListener) this.listenerClosed(this.listeners[slot]!)
    else if (tag >= operation.extension) this.extension!.completed(tag, slot, result, flags)
    else this.#finished(this.connections[slot]!, tag, result)
  }

  // Receiving

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
        this.#told++
        this.delivery.data(connection, this.#buffers.bytes, start, start + result)
      }
      this.#buffers.give(id)
    }
    if (connection.condemned) return this.#closeWhenFree(connection)
    if (result === 0) return this.delivery.ended(connection)
    if (result < 0 && result !== failure.ENOBUFS && result !== failure.ECANCELED) {
      return this.condemn(connection, systemError(result, 'recv'))
    }
    if (!last) return
    if (result === failure.ENOBUFS) {
      this.stats.receiveStarved++
      this.#buffers.ranOut = true
    }
    if (!connection.paused) this.#operations.receive(connection)
  }

  readingChanged(connection: KernelConnection): void {
    if (connection.connecting || connection.peerEnded) return
    if (connection.paused) {
      if (connection.reading) this.#operations.cancelReceive(connection)
    } else if (!connection.reading) this.#operations.receive(connection)
    this.turns.schedule()
  }

  // Sending

  send(connection: KernelConnection): void {
    if (connection.condemned || connection.connecting || connection.sending > 0 || connection.starved) return
    const length = connection.nextSend()
    if (length > 0) {
      connection.sending = length
      this.#prompt++
      this.#operations.send(connection)
    } else if (connection.nextForeign !== undefined) connection.nextForeign.advance(connection)
    else if (connection.ended && !connection.finSent && connection.pendingBytes === 0) this.#finish(connection)
  }

  #sent(connection: KernelConnection, result: number): void {
    connection.operations--
    if (result < 0) {
      connection.sending = 0
      if (connection.condemned) return this.#closeWhenFree(connection)
      return this.condemn(connection, systemError(result, 'send'))
    }
    this.delivery.sent(connection, result)
    if (connection.condemned) return this.#closeWhenFree(connection)
    if ((connection.pendingBytes > 0 || connection.ended) && !connection.dirty) this.outbox.add(connection)
  }

  // For the extension

  get ring(): Ring {
    return this.#ring
  }

  connectionAt(slot: number): KernelConnection {
    return this.connections[slot]!
  }

  /**
   * Output that has itself sent: these bytes are with the kernel from now on, in one operation.
   *
   * @param prompt whether it completes while it is handed over, unless it must wait.
   */
  foreignSending(connection: KernelConnection, bytes: number, prompt: boolean): void {
    connection.sending = bytes
    connection.operations++
    if (prompt) this.#prompt++
  }

  /** That operation is complete. @param result bytes that left the connection's output, or a negative errno. */
  foreignSent(connection: KernelConnection, result: number): void {
    // `sent` looks at a block, from `at` to `end_`; here is none.
    connection.end_ = connection.at + Math.max(0, result)
    if (result === 0) connection.sending = 0
    this.#sent(connection, result)
  }

  /** Everything is sent and `end` was called: FIN, or the end where the peer has sent its own already. */
  #finish(connection: KernelConnection): void {
    connection.finSent = true
    if (connection.peerEnded) return this.condemn(connection, undefined)
    // Not by way of the ring, which gives it to a thread of its own: shutdown(2) does not wait.
    this.#native.shutdown(connection.descriptor, socket.SHUT_WR)
  }

  // Connecting and accepting

  protected startConnect(connection: KernelConnection, endpoint: Endpoint): void {
    if (this.#operations.connect(connection, endpoint)) return
    this.condemn(connection, systemError(failure.EAGAIN, 'connect'))
  }

  protected startListener(listener: KernelListener): void {
    this.#operations.accept(listener)
  }

  #acceptCompleted(slot: number, result: number, flags: number): void {
    const listener = this.listeners[slot]!
    const last = (flags & completionFlag.MORE) === 0
    if (last) listener.accepting = false
    if (result >= 0) this.#welcome(result, listener)
    if (!last) return
    if (listener.closing) return this.#closeListener(listener)
    if (result >= 0 || !this.restIfNeeded(listener, result)) this.#operations.accept(listener)
  }

  #welcome(descriptor: number, listener: KernelListener): void {
    if (this.closing) return void this.#native.close(descriptor)
    const connection = this.accepted(descriptor, listener)
    if (!connection.condemned && !connection.paused && !connection.reading) this.#operations.receive(connection)
  }

  protected stopListener(listener: KernelListener): void {
    if (listener.accepting) this.#operations.cancelAccept(listener)
    // It rests. The last look at its backlog still belongs into a turn.
    else this.#operations.stopListener(listener)
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
    this.#operations.closeListener(listener)
  }

  // Closing

  protected startClose(connection: KernelConnection): void {
    // There never was a socket. `onClose` still comes from a turn.
    if (connection.descriptor === -1) return this.#operations.nothing(connection)
    if (connection.reset) setReset(connection.descriptor)
    if (connection.operations === 0) this.#operations.close(connection)
    // What is cancelled completes; the last one closes.
    else this.#operations.cancelAll(connection)
  }

  #closeWhenFree(connection: KernelConnection): void {
    if (connection.operations > 0) return
    if (connection.descriptor === -1) this.closed(connection)
    else this.#operations.close(connection)
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
    this.delivery.opened(connection)
    if (!connection.condemned && !connection.paused && !connection.reading) this.#operations.receive(connection)
  }

  protected release(): void {
    this.#ring.close()
    this.#parking.release()
    this.#buffers.release()
    this.#operations.release()
    this.extension?.release()
  }
}
