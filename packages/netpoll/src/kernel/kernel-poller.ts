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
import { type Endpoint, endpointOf } from '../sys/address.ts'
import { failure } from '../sys/errno.ts'
import { loadNative } from '../sys/native.ts'
import { openListener, openSocket, setNoDelay } from '../sys/sockets.ts'
import { KernelConnection } from './connection.ts'
import { Delivery, rethrow } from './delivery.ts'
import { KernelListener } from './listener.ts'
import { Outbox } from './outbox.ts'
import { OutputBlocks } from './output-blocks.ts'
import { Turns } from './turns.ts'
import { newStats } from '../stats.ts'

/** Accepting rests this long when the process has no descriptor, or no memory, for a connection. */
const acceptRestMs = 50

/**
 * What io_uring and epoll share: connecting and listening, the tables of connections and listeners, closing. A backend
 * fills in how the kernel is asked. The parts, each with a job of its own:
 *
 *     Turns         when the poller runs, and how long the process lives for it
 *     Delivery      what handlers are told
 *     Outbox        who has something to send
 *     OutputBlocks  the memory to send it from
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
  readonly turns: Turns = new Turns(this)
  readonly outbox: Outbox = new Outbox(this)
  protected readonly delivery: Delivery = new Delivery(this)
  protected readonly options: CheckedOptions
  trace: Trace | undefined
  /** By slot. */
  protected readonly connections: (KernelConnection | undefined)[] = []
  /** By slot. */
  protected readonly listeners: (KernelListener | undefined)[] = []
  readonly #freeSlots: number[] = []
  #generation = 0
  #closing: Promise<void> | undefined

  constructor(options: PollerOptions, reason: string) {
    this.options = checkOptions(options)
    this.reason = reason
    this.trace = options.trace
    this.highWaterBytes = this.options.highWaterBytes
    this.lowWaterBytes = this.options.lowWaterBytes
    this.blocks = new OutputBlocks(this.options.outputBytesMax)
  }

  /** Takes results from the kernel, runs callbacks, sends. */
  abstract turn(): void
  /** Another turn will most likely follow at once. */
  abstract readonly hot: boolean
  /** More is expected at once, and everybody who was told of data in this turn has answered it. */
  abstract readonly settled: boolean
  /** Sends what waits, or hands it over. */
  abstract send(connection: KernelConnection): void
  /** Accepts from now on, or again. @throws the system's error; the listener's descriptor is then the caller's to close. */
  protected abstract startListener(listener: KernelListener): void
  protected abstract stopListener(listener: KernelListener): void
  protected abstract startConnect(connection: KernelConnection, endpoint: Endpoint): void
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
    const free = this.listeners.indexOf(undefined)
    const slot = free === -1 ? this.listeners.length : free
    const listener = new KernelListener(this, descriptor, slot, { ...endpoint, port }, accept)
    try {
      this.startListener(listener)
    } catch (error) {
      loadNative().close(descriptor)
      throw error
    }
    this.listeners[slot] = listener
    this.turns.hold()
    this.turns.schedule()
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
    else this.startConnect(connection, endpoint)
    this.turns.schedule()
    return connection
  }

  behindTurn(task: () => void): void {
    this.turns.behind(task)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Ends a connection: nothing more is delivered, its socket is closed, and then `onClose` is called. */
  condemn(connection: KernelConnection, error: Error | undefined): void {
    if (connection.condemned) return
    connection.condemned = true
    connection.error = error
    this.startClose(connection)
    this.turns.ensure()
  }

  stopListening(listener: KernelListener): void {
    clearTimeout(listener.resting)
    this.stopListener(listener)
    this.turns.schedule()
  }

  /** Whether the poller itself closes: whoever still comes is cut. */
  protected get closing(): boolean {
    return this.#closing !== undefined
  }

  /** Reports a step; ask first whether anybody listens. What the listener throws must not end a turn half-way. */
  tell(step: TraceStep, count: number): void {
    try {
      this.trace?.(step, count)
    } catch (error) {
      process.nextTick(rethrow, error)
    }
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
      this.turns.schedule()
    }, acceptRestMs)
    return true
  }

  /** A new connection of a listener. */
  protected accepted(descriptor: number, listener: KernelListener): KernelConnection {
    const connection = this.#add(descriptor, false)
    this.delivery.accepted(connection, listener)
    return connection
  }

  /** The descriptor is closed and the kernel holds nothing of the connection any more. */
  protected closed(connection: KernelConnection): void {
    connection.open = false
    connection.descriptor = -1
    connection.dropOutput()
    this.outbox.feed()
    this.connections[connection.slot] = undefined
    this.#freeSlots.push(connection.slot)
    this.stats.open--
    this.delivery.closed(connection)
    this.turns.letGo()
  }

  protected listenerClosed(listener: KernelListener): void {
    this.listeners[listener.slot] = undefined
    listener.done()
    this.turns.letGo()
  }

  #add(descriptor: number, connecting: boolean): KernelConnection {
    const slot = this.#freeSlots.pop() ?? this.connections.length
    this.#generation = (this.#generation + 1) | 0
    const connection = new KernelConnection(this, descriptor, slot, this.#generation, connecting)
    this.connections[slot] = connection
    this.stats.open++
    this.turns.hold()
    return connection
  }

  #mustBeOpen(): void {
    if (this.#closing === undefined) return
    throw new QpsError('QPS_USAGE', 'the poller is closed', { hint: 'make another with createPoller' })
  }

  async #close(): Promise<void> {
    const empty = this.turns.noneHeld()
    for (const listener of this.listeners) void listener?.close()
    for (const connection of this.connections) {
      if (connection === undefined) continue
      connection.open = false
      this.condemn(connection, undefined)
    }
    await empty
    await this.turns.stop()
    this.release()
    this.blocks.release()
  }
}
