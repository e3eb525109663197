import type { KernelConnection } from '../kernel/connection.ts'
import { KernelPoller } from '../kernel/kernel-poller.ts'
import { type KernelListener, lastAcceptsMax } from '../kernel/listener.ts'
import { roundsMax } from '../kernel/turns.ts'
import type { PollerOptions } from '../poller.ts'
import { epoll, socket } from '../sys/abi.ts'
import { type Endpoint, writeAddress } from '../sys/address.ts'
import { Arena } from '../sys/arena.ts'
import { failure, systemError } from '../sys/errno.ts'
import { loadNative, type Native } from '../sys/native.ts'
import { scratch } from '../sys/scratch.ts'
import { pendingError, setReset } from '../sys/sockets.ts'
import { Edges } from './edges.ts'
import { EpollInstance } from './epoll-instance.ts'
import { SendArguments } from './send-arguments.ts'

/** The most events that one look takes. */
const eventsMax = 512
/** Reads of one connection per round: a fast sender does not keep the others waiting. */
const readsMax = 8
/** Marks a listener's events: slots of connections stay below. */
const listenerMark = 0x4000_0000

const { EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLRDHUP } = epoll
/** Edge-triggered: the kernel tells once that something changed, and is never told what we want to know. */
const EPOLLET = 0x8000_0000 | 0
const connectionEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET

/**
 * The poller over epoll: readiness instead of completions. A connection is registered once, edge-triggered; after that
 * only reads and writes are system calls, one or two per request and connection.
 *
 * An edge comes once, so what it said is remembered in {@link Edges} until a read or write says EAGAIN.
 *
 * Sources: epoll(7), accept4(2), recv(2), send(2).
 */
export class EpollPoller extends KernelPoller {
  readonly backend = 'epoll'
  protected readonly blocking = false
  readonly #native: Native
  readonly #epoll: EpollInstance
  readonly #edges = new Edges()
  readonly #input: Arena
  readonly #inputBytes: bigint
  /** Connections to read from in this round although no new edge came for them. */
  #unread: KernelConnection[] = []
  #condemnedNow: KernelConnection[] = []
  #closingListeners: KernelListener[] = []
  readonly #sendArguments: SendArguments

  constructor(options: PollerOptions, reason: string) {
    super(options, reason)
    this.#native = loadNative()
    this.#sendArguments = new SendArguments(this.blocks)
    using owned = new DisposableStack()
    owned.defer(() => this.blocks.release())
    this.#epoll = owned.adopt(new EpollInstance(eventsMax), (it) => it.close())
    this.#input = owned.adopt(new Arena(this.options.receiveBytes), (arena) => arena.release())
    this.#inputBytes = BigInt(this.options.receiveBytes)
    this.turns.watch(this.#epoll.descriptor)
    owned.move()
  }

  /** A turn goes on by itself while there is more. */
  readonly settled = false
  readonly hot = false

  turn(): void {
    for (let round = 0; round < roundsMax; round++) {
      const ready = this.#look()
      this.#readOn()
      this.#closeListeners()
      const flushed = this.outbox.flush()
      if (this.trace !== undefined && flushed > 0) this.tell('submit', flushed)
      this.#closeCondemned()
      const idle = ready === 0 && this.#unread.length === 0
      if (idle && this.outbox.size === 0 && this.#condemnedNow.length === 0) {
        if (this.trace !== undefined) this.tell('wait', 0)
        return
      }
    }
    this.turns.schedule()
  }

  /** Takes the events that are there and acts on them. @returns how many. */
  #look(): number {
    const epoll = this.#epoll
    this.stats.systemCalls++
    const count = epoll.look()
    if (this.trace !== undefined && count > 0) this.tell('ready', count)
    for (let index = 0; index < count; index++) {
      const slot = epoll.slotAt(index)
      if (slot >= listenerMark) this.#acceptAll(this.listeners[slot - listenerMark])
      else {
        const connection = this.connections[slot]
        // A child process that was just forked still has our closed sockets, until it has loaded its program: so the
        // kernel may still tell of one whose place another connection has taken.
        if (connection?.generation === epoll.generationAt(index)) this.#onEvents(connection!, epoll.eventsAt(index))
      }
    }
    return Math.max(0, count)
  }

  #onEvents(connection: KernelConnection, events: number): void {
    if (connection.condemned) return
    if (connection.connecting) {
      if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) === 0) return
      const result = pendingError(connection.descriptor)
      if (result < 0) return this.condemn(connection, systemError(result, 'connect'))
      this.#edges.canWrite(connection.slot)
      this.delivery.opened(connection)
    }
    if ((events & EPOLLOUT) !== 0 && !this.#edges.writable(connection.slot)) {
      this.#edges.canWrite(connection.slot)
      if ((connection.pendingBytes > 0 || connection.ended) && !connection.dirty) this.outbox.add(connection)
    }
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) !== 0) {
      this.#edges.canRead(connection.slot)
      if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) !== 0) this.#edges.hangUp(connection.slot)
      this.#read(connection)
    }
  }

  // Receiving

  #read(connection: KernelConnection): void {
    const { slot } = connection
    for (let count = 0; count < readsMax; count++) {
      if (connection.condemned || connection.paused || !this.#edges.readable(slot)) return
      this.stats.systemCalls++
      const got = this.#native.recv(connection.descriptor, this.#input.address, this.#inputBytes, 0)
      if (got > 0) {
        if (got < this.#input.byteLength) this.#edges.readShort(slot)
        this.delivery.data(connection, this.#input.bytes, 0, got)
      } else return this.#readEnded(connection, got === 0 ? 0 : -this.#native.errno())
    }
    this.#unread.push(connection)
  }

  #readEnded(connection: KernelConnection, result: number): void {
    if (result === failure.EINTR) return void this.#unread.push(connection)
    this.#edges.drained(connection.slot)
    if (result === 0) this.delivery.ended(connection)
    else if (result !== failure.EAGAIN) this.condemn(connection, systemError(result, 'recv'))
  }

  #readOn(): void {
    if (this.#unread.length === 0) return
    const unread = this.#unread
    this.#unread = []
    for (const connection of unread) if (!connection.condemned) this.#read(connection)
  }

  readingChanged(connection: KernelConnection): void {
    if (connection.paused || connection.connecting || connection.peerEnded) return
    // A short read may have been the last before the peer's FIN, whose edge came while we were not looking.
    this.#edges.canRead(connection.slot)
    this.#unread.push(connection)
    this.turns.schedule()
  }

  // Sending

  send(connection: KernelConnection): void {
    const edges = this.#edges
    const { slot } = connection
    while (!connection.condemned && !connection.connecting && !connection.starved && edges.writable(slot)) {
      const length = connection.nextSend()
      if (length === 0) break
      connection.sending = length
      this.stats.systemCalls++
      const address = this.#sendArguments.addressOf(connection.at)
      const bytes = this.#sendArguments.lengthOf(length)
      const taken = this.#native.send(connection.descriptor, address, bytes, socket.MSG_NOSIGNAL)
      if (taken < 0) {
        const result = -this.#native.errno()
        connection.sending = 0
        if (result === failure.EAGAIN) edges.filled(slot)
        else if (result !== failure.EINTR) return this.condemn(connection, systemError(result, 'send'))
        continue
      }
      if (taken < length) edges.filled(slot)
      this.delivery.sent(connection, taken)
    }
    if (connection.ended && !connection.finSent && connection.pendingBytes === 0) this.#finish(connection)
  }

  #finish(connection: KernelConnection): void {
    if (connection.condemned || connection.connecting) return
    connection.finSent = true
    if (connection.peerEnded) return this.condemn(connection, undefined)
    this.#native.shutdown(connection.descriptor, socket.SHUT_WR)
  }

  // Connecting and accepting

  protected startConnect(connection: KernelConnection, endpoint: Endpoint): void {
    const { address, bytes } = scratch()
    const length = writeAddress(endpoint, bytes, 0)
    const result = this.#native.connect(connection.descriptor, address, length)
    const refused = result < 0 ? -this.#native.errno() : 0
    if (refused < 0 && refused !== failure.EINPROGRESS) {
      return this.condemn(connection, systemError(refused, 'connect'))
    }
    this.#register(connection)
  }

  #register(connection: KernelConnection): void {
    const { descriptor, slot, generation } = connection
    this.#edges.start(slot, !connection.connecting)
    const result = this.#epoll.watch(descriptor, connectionEvents, slot, generation)
    if (result < 0) this.condemn(connection, systemError(result, 'epoll_ctl'))
  }

  /** Level-triggered: where several threads share a port by inheriting it, an edge could be lost on one that is busy. */
  protected startListener(listener: KernelListener): void {
    const result = this.#epoll.watch(listener.descriptor, EPOLLIN, listenerMark + listener.slot, 0)
    if (result < 0) throw systemError(result, 'epoll_ctl')
    listener.accepting = true
  }

  #ignore(listener: KernelListener): void {
    if (!listener.accepting) return
    listener.accepting = false
    this.#epoll.ignore(listener.descriptor)
  }

  #acceptAll(listener: KernelListener | undefined): void {
    if (listener === undefined) return
    while (listener.accepting) {
      const result = this.#acceptOne(listener)
      if (result === 0) continue
      if (this.restIfNeeded(listener, result)) this.#ignore(listener)
      return
    }
  }

  /** @returns 0 or a negative errno: EAGAIN where nobody is left. */
  #acceptOne(listener: KernelListener): number {
    this.stats.systemCalls++
    const flags = socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    const descriptor = this.#native.accept4(listener.descriptor, 0n, 0n, flags)
    if (descriptor < 0) return -this.#native.errno()
    this.#register(this.accepted(descriptor, listener))
    return 0
  }

  protected stopListener(listener: KernelListener): void {
    this.#ignore(listener)
    this.#closingListeners.push(listener)
  }

  /** Whoever the kernel has accepted already is not cut. */
  #closeListeners(): void {
    if (this.#closingListeners.length === 0) return
    const listeners = this.#closingListeners
    this.#closingListeners = []
    for (const listener of listeners) {
      for (let count = 0; count < lastAcceptsMax && !this.closing; count++) {
        if (this.#acceptOne(listener) < 0) break
      }
      this.#native.close(listener.descriptor)
      this.listenerClosed(listener)
    }
  }

  // Closing

  protected startClose(connection: KernelConnection): void {
    this.#condemnedNow.push(connection)
  }

  #closeCondemned(): void {
    const condemned = this.#condemnedNow
    if (condemned.length === 0) return
    this.#condemnedNow = []
    for (const connection of condemned) {
      if (connection.descriptor !== -1) {
        if (connection.reset) setReset(connection.descriptor)
        this.#native.close(connection.descriptor)
      }
      this.closed(connection)
    }
  }

  protected release(): void {
    this.#epoll.close()
    this.#input.release()
  }
}
