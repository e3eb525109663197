import type { KernelConnection } from '../kernel/connection.ts'
import { KernelPoller } from '../kernel/kernel-poller.ts'
import type { KernelListener } from '../kernel/listener.ts'
import { blockStride } from '../kernel/output-blocks.ts'
import type { PollerOptions } from '../poller.ts'
import { epoll, epollEventLayout, socket } from '../sys/abi.ts'
import { writeAddress } from '../sys/address.ts'
import { Arena } from '../sys/arena.ts'
import { failure, systemError } from '../sys/errno.ts'
import { loadNative, type Native } from '../sys/native.ts'
import { scratch } from '../sys/scratch.ts'
import { pendingError, setReset } from '../sys/sockets.ts'

/** The most events that one look takes. */
const eventsMax = 512
/** After so many rounds a turn ends even if more has come, so that timers and other input get their share. */
const roundsMax = 8
/** Reads of one connection per round: a fast sender does not keep the others waiting. */
const readsMax = 8
/** The most that a closing listener still accepts: its whole backlog is rarely longer. */
const lastAcceptsMax = 4096
/** Marks a listener's events: slots of connections stay below. */
const listenerMark = 0x4000_0000

const { EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLRDHUP, EPOLL_CTL_ADD, EPOLL_CTL_DEL } = epoll
/** Edge-triggered: the kernel tells once that something changed, and is never told what we want to know. */
const EPOLLET = 0x8000_0000 | 0
const connectionEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET

const layout = process.arch === 'arm64' ? epollEventLayout.arm64 : epollEventLayout.x64

/**
 * The poller over epoll: readiness instead of completions. A connection is registered once, edge-triggered; after that
 * only reads and writes are system calls, one or two per request and connection.
 *
 * An edge comes once, so what it said is remembered (`readable`, `writable`) until a read or write says EAGAIN.
 *
 * Sources: epoll(7), epoll_ctl(2), accept4(2), recv(2), send(2).
 */
export class EpollPoller extends KernelPoller {
  readonly backend = 'epoll'
  protected readonly blocking = false
  readonly #native: Native
  readonly #epoll: number
  readonly #events: Arena
  readonly #input: Arena
  readonly #inputBytes: bigint
  readonly #listenerSlots: (KernelListener | undefined)[] = []
  /** By slot: what the last edges said and no call has refuted. */
  readonly #readable: boolean[] = []
  readonly #writable: boolean[] = []
  readonly #hungUp: boolean[] = []
  /** Connections to read from in this round although no new edge came for them. */
  #unread: KernelConnection[] = []
  #condemnedNow: KernelConnection[] = []
  #closingListeners: KernelListener[] = []
  /** Addresses of the output blocks, made once each. */
  readonly #blockAddresses: (bigint | undefined)[] = []
  readonly #lengths: (bigint | undefined)[] = []

  constructor(options: PollerOptions, reason: string) {
    super(options, reason)
    this.#native = loadNative()
    this.#epoll = this.#native.epoll_create1(epoll.EPOLL_CLOEXEC)
    if (this.#epoll < 0) {
      const error = systemError(-this.#native.errno(), 'epoll_create1')
      this.blocks.release()
      throw error
    }
    this.#events = new Arena(eventsMax * layout.words * 4)
    this.#input = new Arena(this.options.receiveBytes)
    this.#inputBytes = BigInt(this.options.receiveBytes)
    this.watch(this.#epoll)
  }

  protected turn(): void {
    for (let round = 0; round < roundsMax; round++) {
      const ready = this.#look()
      this.#readOn()
      this.#closeListeners()
      const flushed = this.flush()
      if (this.trace !== undefined && flushed > 0) this.tell('submit', flushed)
      this.#closeCondemned()
      const idle = ready === 0 && this.#unread.length === 0
      if (idle && this.dirty.length === 0 && this.#condemnedNow.length === 0) {
        if (this.trace !== undefined) this.tell('wait', 0)
        return
      }
    }
    this.schedule()
  }

  /** Takes the events that are there and acts on them. @returns how many. */
  #look(): number {
    const { words } = this.#events
    this.stats.systemCalls++
    const count = this.#native.epoll_wait(this.#epoll, this.#events.address, eventsMax, 0)
    if (this.trace !== undefined && count > 0) this.tell('ready', count)
    for (let index = 0; index < count; index++) {
      const at = index * layout.words
      const events = words[at]!
      const slot = words[at + layout.dataWord]!
      if (slot >= listenerMark) this.#acceptAll(this.#listenerSlots[slot - listenerMark])
      else {
        const connection = this.connections[slot]
        // A child process that was just forked still has our closed sockets, until it has loaded its program: so the
        // kernel may still tell of one whose place another connection has taken.
        if (connection?.generation === words[at + layout.dataWord + 1]) this.#onEvents(connection!, events)
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
      this.#writable[connection.slot] = true
      this.deliverOpen(connection)
    }
    if ((events & EPOLLOUT) !== 0 && !this.#writable[connection.slot]) {
      this.#writable[connection.slot] = true
      if ((connection.pendingBytes > 0 || connection.ended) && !connection.dirty) this.markDirty(connection)
    }
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) !== 0) {
      this.#readable[connection.slot] = true
      if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) !== 0) this.#hungUp[connection.slot] = true
      this.#read(connection)
    }
  }

  // Receiving

  #read(connection: KernelConnection): void {
    const { slot } = connection
    for (let count = 0; count < readsMax; count++) {
      if (connection.condemned || connection.paused || !this.#readable[slot]) return
      this.stats.systemCalls++
      const got = this.#native.recv(connection.descriptor, this.#input.address, this.#inputBytes, 0)
      if (got > 0) {
        // Less than there was room for: the kernel has no more, and will say so when it has. But a FIN that came
        // together with these bytes has been told of already.
        if (got < this.#input.byteLength && !this.#hungUp[slot]) this.#readable[slot] = false
        this.deliver(connection, this.#input.bytes, 0, got)
      } else return this.#readEnded(connection, got === 0 ? 0 : -this.#native.errno())
    }
    this.#unread.push(connection)
  }

  #readEnded(connection: KernelConnection, result: number): void {
    if (result === failure.EINTR) return void this.#unread.push(connection)
    this.#readable[connection.slot] = false
    if (result === 0) this.deliverEnd(connection)
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
    this.#readable[connection.slot] = true
    this.#unread.push(connection)
    this.schedule()
  }

  // Sending

  protected send(connection: KernelConnection): void {
    while (!connection.condemned && !connection.connecting && !connection.starved && this.#writable[connection.slot]) {
      const length = connection.nextSend()
      if (length === 0) break
      connection.sending = length
      this.stats.systemCalls++
      const taken = this.#native.send(
        connection.descriptor,
        this.#addressOf(connection.at),
        this.#lengthOf(length),
        socket.MSG_NOSIGNAL,
      )
      if (taken < 0) {
        const result = -this.#native.errno()
        connection.sending = 0
        if (result === failure.EAGAIN) this.#writable[connection.slot] = false
        else if (result !== failure.EINTR) return this.condemn(connection, systemError(result, 'send'))
        continue
      }
      if (taken < length) this.#writable[connection.slot] = false
      this.deliverSent(connection, taken)
    }
    if (connection.ended && !connection.finSent && connection.pendingBytes === 0) this.#finish(connection)
  }

  #finish(connection: KernelConnection): void {
    if (connection.condemned || connection.connecting) return
    connection.finSent = true
    if (connection.peerEnded) return this.condemn(connection, undefined)
    this.#native.shutdown(connection.descriptor, socket.SHUT_WR)
  }

  /** Sends nearly always begin at the beginning of a block. */
  #addressOf(at: number): bigint {
    const { arena } = this.blocks
    if (at % blockStride !== 0) return arena.address + BigInt(at)
    return (this.#blockAddresses[at / blockStride] ??= arena.address + BigInt(at))
  }

  /** There are as many lengths as a block has bytes; the same few come again and again. */
  #lengthOf(length: number): bigint {
    return (this.#lengths[length] ??= BigInt(length))
  }

  // Connecting and accepting

  protected startConnect(connection: KernelConnection, host: string, port: number, path: string | undefined): void {
    const { address, bytes } = scratch()
    const length = writeAddress({ host, port, path }, bytes, 0)
    const result = this.#native.connect(connection.descriptor, address, length)
    const refused = result < 0 ? -this.#native.errno() : 0
    if (refused < 0 && refused !== failure.EINPROGRESS) {
      return this.condemn(connection, systemError(refused, 'connect'))
    }
    this.#register(connection)
  }

  #register(connection: KernelConnection): void {
    this.#readable[connection.slot] = false
    this.#hungUp[connection.slot] = false
    this.#writable[connection.slot] = !connection.connecting
    const { descriptor, slot, generation } = connection
    const result = this.#control(descriptor, connectionEvents, slot, generation)
    if (result < 0) this.condemn(connection, systemError(result, 'epoll_ctl'))
  }

  /** @returns 0 or a negative errno: ENOSPC where the user watches too much, ENOMEM. */
  #control(descriptor: number, events: number, slot: number, generation: number): number {
    const { words, address } = scratch()
    words[0] = events
    words[layout.dataWord] = slot
    words[layout.dataWord + 1] = generation
    const result = this.#native.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, descriptor, address)
    return result < 0 ? -this.#native.errno() : 0
  }

  /** Level-triggered: where several threads share a port by inheriting it, an edge could be lost on one that is busy. */
  protected startListener(listener: KernelListener): void {
    if (listener.slot === -1) {
      const free = this.#listenerSlots.indexOf(undefined)
      listener.slot = free === -1 ? this.#listenerSlots.length : free
    }
    const result = this.#control(listener.descriptor, EPOLLIN, listenerMark + listener.slot, 0)
    if (result < 0) throw systemError(result, 'epoll_ctl')
    this.#listenerSlots[listener.slot] = listener
    listener.accepting = true
  }

  #ignore(listener: KernelListener): void {
    if (!listener.accepting) return
    listener.accepting = false
    this.#native.epoll_ctl(this.#epoll, EPOLL_CTL_DEL, listener.descriptor, scratch().address)
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
      this.#listenerSlots[listener.slot] = undefined
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
    this.#native.close(this.#epoll)
    this.#events.release()
    this.#input.release()
  }
}
