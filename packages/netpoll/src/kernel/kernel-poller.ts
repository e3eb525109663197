import { AsyncLocalStorage } from 'node:async_hooks'
import { QpsError } from '@qps/core'
import type {
  Backend,
  ConnectOptions,
  Connection,
  ConnectionHandler,
  Listener,
  ListenOptions,
  Poller,
  PollerOptions,
  PollerStats,
  Trace,
  TraceStep,
} from '../poller.ts'
import { type CheckedOptions, checkOptions } from '../options.ts'
import { checkBacklog } from '../listen-error.ts'
import { endpointOf } from '../sys/address.ts'
import { failure } from '../sys/errno.ts'
import { LoopWatch } from '../sys/loop-watch.ts'
import { loadNative } from '../sys/native.ts'
import { openListener, openSocket, setNoDelay } from '../sys/sockets.ts'
import { KernelConnection } from './connection.ts'
import { KernelListener } from './listener.ts'
import { OutputBlocks } from './output-blocks.ts'
import { newStats } from '../stats.ts'

/** Accepting rests this long when the process has no descriptor, or no memory, for a connection. */
const acceptRestMs = 50

/**
 * What io_uring and epoll share: the turn, the table of connections, callbacks, closing. A backend fills in how the
 * kernel is asked.
 *
 * The kernel's side wakes Node's loop through a {@link LoopWatch}, whose immediate is the turn. So handlers run where Node runs JavaScript: promise callbacks follow, errors surface, timers go on.
 */
export abstract class KernelPoller implements Poller {
  abstract readonly backend: Backend
  /** Whether sockets are opened without O_NONBLOCK. */
  protected abstract readonly blocking: boolean
  readonly reason: string
  readonly stats: PollerStats = newStats()
  readonly blocks: OutputBlocks
  readonly highWaterBytes: number
  readonly lowWaterBytes: number
  protected readonly options: CheckedOptions
  trace: Trace | undefined
  /** Connections that wrote since the last flush; drained ones write again from within it, and stand behind. */
  protected dirty: KernelConnection[] = []
  protected readonly connections: (KernelConnection | undefined)[] = []
  protected readonly listeners: Set<KernelListener> = new Set()
  #watch: LoopWatch | undefined
  readonly #freeSlots: number[] = []
  readonly #starving: KernelConnection[] = []
  /** Runs what schedules a turn outside of whatever asynchronous context is current: a turn belongs to nobody. */
  readonly #outside = AsyncLocalStorage.snapshot()
  readonly #turn = (): void => this.#runTurn()
  #scheduled = false
  #woken = false
  #released = false
  #inTurn = false
  #references = 0
  #generation = 0
  #closing: Promise<void> | undefined
  #onEmpty: (() => void) | undefined

  constructor(options: PollerOptions, reason: string) {
    this.options = checkOptions(options)
    this.reason = reason
    this.trace = options.trace
    this.highWaterBytes = this.options.highWaterBytes
    this.lowWaterBytes = this.options.lowWaterBytes
    this.blocks = new OutputBlocks(this.options.outputBytesMax)
  }

  /** Takes results from the kernel, runs callbacks, sends. */
  protected abstract turn(): void
  /** Sends what waits, or hands it over. */
  protected abstract send(connection: KernelConnection): void
  /** Accepts from now on, or again. @throws the system's error; the listener's descriptor is then the caller's to close. */
  protected abstract startListener(listener: KernelListener): void
  protected abstract stopListener(listener: KernelListener): void
  protected abstract startConnect(
    connection: KernelConnection,
    host: string,
    port: number,
    path: string | undefined,
  ): void
  /** The descriptor is to be closed, whatever the kernel still does with it. Ends in {@link closed}. */
  protected abstract startClose(connection: KernelConnection): void
  /** `paused` has changed. */
  abstract readingChanged(connection: KernelConnection): void
  /** Gives back what the backend has, after the last connection and listener are gone. */
  protected abstract release(): void

  async listen(options: ListenOptions, accept: (connection: Connection) => ConnectionHandler): Promise<Listener> {
    this.#mustBeOpen()
    const endpoint = endpointOf(options, 0, 'listen')
    const { descriptor, port } = openListener(endpoint, {
      backlog: checkBacklog(options.backlog),
      reusePort: options.reusePort ?? false,
      blocking: this.blocking,
    })
    const listener = new KernelListener(this, descriptor, { ...endpoint, port }, accept)
    try {
      this.startListener(listener)
    } catch (error) {
      loadNative().close(descriptor)
      throw error
    }
    this.listeners.add(listener)
    this.#hold()
    this.schedule()
    return listener
  }

  connect(options: ConnectOptions, handler: ConnectionHandler): Connection {
    this.#mustBeOpen()
    const endpoint = endpointOf(options, 1, 'connect')
    let descriptor = -1
    let failure: unknown
    try {
      descriptor = openSocket(endpoint, this.blocking)
      if (endpoint.path === undefined) setNoDelay(descriptor)
    } catch (error) {
      failure = error
    }
    const connection = this.#add(descriptor, true)
    connection.handler = handler
    if (descriptor === -1) this.condemn(connection, failure as Error)
    else this.startConnect(connection, endpoint.host, endpoint.port, endpoint.path)
    this.schedule()
    return connection
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** A turn is due: in this iteration of the loop where possible. */
  schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#outside(setImmediate, this.#turn)
  }

  /** The connection has written: it is flushed at the end of the turn. */
  markDirty(connection: KernelConnection): void {
    connection.dirty = true
    this.dirty.push(connection)
    if (!this.#inTurn) this.schedule()
  }

  /** Ends a connection: nothing more is delivered, its socket is closed, and then `onClose` is called. */
  condemn(connection: KernelConnection, error: Error | undefined): void {
    if (connection.condemned) return
    connection.condemned = true
    connection.error = error
    this.startClose(connection)
    if (!this.#inTurn) this.schedule()
  }

  /** No output block is left: the connection goes on when one comes back. */
  starve(connection: KernelConnection): void {
    if (connection.starved) return
    connection.starved = true
    this.stats.outputStarved++
    this.#starving.push(connection)
  }

  stopListening(listener: KernelListener): void {
    clearTimeout(listener.resting)
    this.stopListener(listener)
    this.schedule()
  }

  /** Watches the descriptor that tells of the kernel's news. Once, at the end of the backend's construction. */
  protected watch(descriptor: number): void {
    this.#watch = new LoopWatch(descriptor, () => {
      this.#woken = true
      // A turn that is scheduled runs right behind this.
      if (!this.#scheduled) this.#runTurn()
    })
    this.#outside(() => this.#watch!.arm())
  }

  /** Whether the poller itself closes: whoever still comes is cut. */
  protected get closing(): boolean {
    return this.#closing !== undefined
  }

  /** Reports a step; ask first whether anybody listens. What the listener throws must not end a turn half-way. */
  protected tell(step: TraceStep, count: number): void {
    try {
      this.trace?.(step, count)
    } catch (error) {
      process.nextTick(rethrow, error)
    }
  }

  /** Sends what was written in this turn. @returns how many connections had written. */
  protected flush(): number {
    const { dirty } = this
    this.#feedStarving()
    if (dirty.length === 0) return 0
    if (this.trace !== undefined) this.tell('flush', dirty.length)
    for (let index = 0; index < dirty.length; index++) {
      const connection = dirty[index]!
      connection.dirty = false
      this.send(connection)
      if (index + 1 === dirty.length) this.#feedStarving()
    }
    const count = dirty.length
    dirty.length = 0
    return count
  }

  /** Accepting has failed. @returns whether it rests: at once, the same would happen again. */
  protected restIfNeeded(listener: KernelListener, result: number): boolean {
    if (result === failure.ECONNABORTED || result === failure.EAGAIN || result === failure.EINTR) return false
    this.stats.acceptPauses++
    listener.resting = setTimeout(() => {
      listener.resting = undefined
      if (listener.closing) return
      try {
        this.startListener(listener)
      } catch {
        this.restIfNeeded(listener, failure.ENOMEM)
      }
      this.schedule()
    }, acceptRestMs)
    return true
  }

  /** A new connection of a listener. */
  protected accepted(descriptor: number, listener: KernelListener): KernelConnection {
    const connection = this.#add(descriptor, false)
    this.stats.accepted++
    try {
      connection.handler = listener.accept(connection)
    } catch (error) {
      connection.handler = discarding
      this.thrown(connection, error)
    }
    return connection
  }

  /** A callback has thrown: its connection ends, and the error goes where uncaught errors go. */
  protected thrown(connection: KernelConnection, error: unknown): void {
    this.condemn(connection, undefined)
    connection.open = false
    process.nextTick(rethrow, error)
  }

  protected deliver(connection: KernelConnection, bytes: Uint8Array, start: number, end: number): void {
    connection.bytesRead += end - start
    this.stats.bytesRead += end - start
    if (connection.condemned) return
    if (this.trace !== undefined) this.tell('run', 1)
    try {
      connection.handler.onData(bytes, start, end)
    } catch (error) {
      this.thrown(connection, error)
    }
  }

  protected deliverEnd(connection: KernelConnection): void {
    if (connection.peerEnded || connection.condemned) return
    connection.peerEnded = true
    if (this.trace !== undefined) this.tell('run', 1)
    try {
      connection.handler.onEnd()
    } catch (error) {
      this.thrown(connection, error)
    }
    this.closeIfDone(connection)
  }

  protected deliverOpen(connection: KernelConnection): void {
    connection.connecting = false
    this.stats.connected++
    try {
      connection.handler.onOpen?.()
    } catch (error) {
      this.thrown(connection, error)
    }
    if (connection.pendingBytes > 0 || connection.ended) {
      if (!connection.dirty) this.markDirty(connection)
    }
  }

  /** Notes a completed send. */
  protected deliverSent(connection: KernelConnection, bytes: number): void {
    this.stats.bytesSent += bytes
    if (bytes < connection.sending) this.stats.shortSends++
    connection.sent(bytes)
    if (!connection.condemned && connection.takeDrain()) {
      try {
        connection.handler.onDrain?.()
      } catch (error) {
        this.thrown(connection, error)
      }
    }
    this.#feedStarving()
  }

  /** Both directions are done: closes. */
  protected closeIfDone(connection: KernelConnection): void {
    if (connection.peerEnded && connection.ended && connection.pendingBytes === 0) this.condemn(connection, undefined)
  }

  /** The descriptor is closed and the kernel holds nothing of the connection any more. */
  protected closed(connection: KernelConnection): void {
    connection.open = false
    connection.descriptor = -1
    connection.dropOutput()
    this.#feedStarving()
    this.connections[connection.slot] = undefined
    this.#freeSlots.push(connection.slot)
    this.stats.open--
    try {
      connection.handler.onClose(connection.error)
    } catch (error) {
      process.nextTick(rethrow, error)
    }
    this.#letGo()
  }

  protected listenerClosed(listener: KernelListener): void {
    this.listeners.delete(listener)
    listener.done()
    this.#letGo()
  }

  #add(descriptor: number, connecting: boolean): KernelConnection {
    const slot = this.#freeSlots.pop() ?? this.connections.length
    this.#generation = (this.#generation + 1) | 0
    const connection = new KernelConnection(this, descriptor, slot, this.#generation, connecting)
    this.connections[slot] = connection
    this.stats.open++
    this.#hold()
    return connection
  }

  #hold(): void {
    if (this.#references++ === 0) this.#watch!.ref()
  }

  #letGo(): void {
    if (--this.#references > 0) return
    this.#watch!.unref()
    this.#onEmpty?.()
  }

  /** Gives each free block to whoever has waited longest, before anybody else can take it. */
  #feedStarving(): void {
    while (this.#starving.length > 0 && this.blocks.free > 0) {
      const connection = this.#starving.shift()!
      connection.starved = false
      if (connection.condemned) continue
      connection.nextSend()
      if (!connection.dirty) this.markDirty(connection)
    }
  }

  #runTurn(): void {
    this.#scheduled = false
    // The memory that a turn looks at is gone.
    if (this.#released) return
    this.#inTurn = true
    this.stats.turns++
    if (this.#woken) {
      this.#woken = false
      this.stats.wakes++
      if (this.trace !== undefined) this.tell('wake', 1)
    }
    try {
      this.turn()
    } finally {
      this.#inTurn = false
      // Nothing to do until the kernel says so.
      if (!this.#scheduled && !this.#released) this.#watch!.arm()
    }
  }

  #mustBeOpen(): void {
    if (this.#closing === undefined) return
    throw new QpsError('QPS_USAGE', 'the poller is closed', { hint: 'make another with createPoller' })
  }

  async #close(): Promise<void> {
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve
      if (this.#references === 0) resolve()
    })
    for (const listener of this.listeners) void listener.close()
    for (const connection of this.connections) {
      if (connection !== undefined) connection.open = false
      if (connection !== undefined) this.condemn(connection, undefined)
    }
    await empty
    await this.#watch!.close()
    this.#released = true
    this.release()
    this.blocks.release()
  }
}

function rethrow(error: unknown): never {
  throw error
}

/** Stands in for a handler that could not be had. */
const discarding: ConnectionHandler = {
  onData() {},
  onEnd() {},
  onClose() {},
}
