import { AsyncLocalStorage } from 'node:async_hooks'
import { Socket, type SocketConstructorOpts } from 'node:net'
import { QpsError } from '@qps/core'
import type {
  Connection,
  ConnectionHandler,
  ConnectOptions,
  Listener,
  ListenOptions,
  Poller,
  PollerOptions,
  PollerStats,
  Trace,
  TraceStep,
} from '../poller.ts'
import { checkBacklog } from '../listen-error.ts'
import { checkOptions } from '../options.ts'
import { newStats } from '../stats.ts'
import { endpointOf } from '../sys/address.ts'
import { Tasks } from '../tasks.ts'
import { adopt } from './adopt.ts'
import { LibuvConnection, rethrow, type Turn } from './connection.ts'
import { LibuvListener } from './listener.ts'
import { BlockPool } from './output.ts'

/**
 * A poller on `node:net`: works wherever Node does.
 *
 * What makes it cheaper than sockets used the usual way: one receive buffer for all connections, output written into pooled
 * blocks, one write per connection and turn that goes past the stream, and no object, closure or tick per request beyond
 * what libuv's wrapper makes itself.
 *
 * @param reason why this backend was chosen, for `Poller.reason`.
 * @throws QpsError QPS_USAGE for an option outside of its range.
 */
export function createLibuvPoller(options: PollerOptions, reason: string): Poller {
  return new LibuvPoller(options, reason)
}

class LibuvPoller implements Poller, Turn {
  readonly backend = 'libuv'
  readonly reason: string
  readonly pool: BlockPool
  readonly highWaterBytes: number
  readonly lowWaterBytes: number

  readonly #stats: PollerStats = newStats()
  trace: Trace | undefined
  readonly #onread: NonNullable<SocketConstructorOpts['onread']>
  readonly #listeners = new Set<LibuvListener>()
  readonly #connections = new Set<LibuvConnection>()
  #dirty: LibuvConnection[] = []
  readonly #behind = new Tasks()
  #turning = false
  #closed: Promise<void> | undefined
  #lastIsGone: (() => void) | undefined

  constructor(options: PollerOptions, reason: string) {
    const { highWaterBytes, lowWaterBytes, receiveBytes, outputBytesMax } = checkOptions(options)
    this.reason = reason
    this.highWaterBytes = highWaterBytes
    this.lowWaterBytes = lowWaterBytes
    this.pool = new BlockPool(outputBytesMax)
    this.trace = options.trace
    // libuv reads and calls back before it reads for anybody else, so one buffer serves all.
    this.#onread = {
      buffer: new Uint8Array(receiveBytes),
      callback: deliver,
    }
  }

  get stats(): Readonly<PollerStats> {
    this.#stats.outputStarved = this.pool.starved
    return this.#stats
  }

  async listen(options: ListenOptions, accept: (connection: Connection) => ConnectionHandler): Promise<Listener> {
    this.#mustBeOpen()
    const endpoint = endpointOf(options, 0, 'listen')
    const listener = new LibuvListener({
      endpoint,
      backlog: checkBacklog(options.backlog),
      reusePort: options.reusePort ?? false,
      accept: (socket) => this.#accept(socket, endpoint.path !== undefined, accept),
      onPause: () => this.#stats.acceptPauses++,
      onClose: (closed) => this.#listeners.delete(closed),
    })
    this.#listeners.add(listener)
    try {
      await listener.open()
    } catch (error) {
      this.#listeners.delete(listener)
      throw error
    }
    return listener
  }

  connect(options: ConnectOptions, handler: ConnectionHandler): Connection {
    this.#mustBeOpen()
    const { host, port, path } = endpointOf(options, 1, 'connect')
    const socket = new Socket({ allowHalfOpen: true, noDelay: true, onread: this.#onread } as SocketConstructorOpts)
    socket.connect(path === undefined ? { host, port } : { path })
    const connection = this.#attach(socket, path !== undefined)
    connection.handler = handler
    socket.once('connect', () => connection.connected())
    return connection
  }

  behindTurn(task: () => void): void {
    if (this.#turning) this.#behind.add(task)
    else queueMicrotask(task)
  }

  close(): Promise<void> {
    this.#closed ??= this.#closeAll()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  flushLater(connection: LibuvConnection): void {
    if (connection.listed) return
    connection.listed = true
    this.#dirty.push(connection)
    this.#enterTurn()
  }

  ran(_connection: LibuvConnection): void {
    if (!this.#turning) {
      this.#stats.wakes++
      if (this.trace !== undefined) this.#tell('wake', 1)
    }
    this.#enterTurn()
    if (this.trace === undefined) return
    this.#tell('ready', 1)
    this.#tell('run', 1)
  }

  received(bytes: number): void {
    this.#stats.bytesRead += bytes
  }

  opened(_connection: LibuvConnection): void {
    this.#stats.connected++
  }

  sent(bytes: number, whole: boolean): void {
    this.#stats.bytesSent += bytes
    if (!whole) this.#stats.shortSends++
  }

  closed(connection: LibuvConnection): void {
    this.#connections.delete(connection)
    this.#stats.open--
    // Behind the last `onClose`, which follows in this call.
    if (this.#connections.size === 0 && this.#lastIsGone !== undefined) process.nextTick(this.#lastIsGone)
  }

  #accept(shell: Socket, unix: boolean, accept: (connection: Connection) => ConnectionHandler): void {
    const socket = adopt(shell, this.#onread)
    const connection = this.#attach(socket, unix)
    this.#stats.accepted++
    this.ran(connection)
    connection.handler = silent
    if (socket === shell) {
      socket.on('data', (bytes: Uint8Array) => connection.received(bytes, bytes.length))
      socket.resume()
    }
    try {
      connection.handler = accept(connection)
    } catch (error) {
      connection.destroy()
      rethrow(error)
    }
  }

  #attach(socket: Socket, unix: boolean): LibuvConnection {
    const connection = new LibuvConnection(socket, this, unix)
    ;(socket as ReadingSocket).connection = connection
    this.#connections.add(connection)
    this.#stats.open++
    if (this.#closed !== undefined) connection.destroy()
    return connection
  }

  /**
   * Asks for a look at the end of this turn. An immediate runs right behind the phase of the loop in which sockets are
   * read, so it sees what all connections wrote, from their callbacks, from promises behind them or from timers: each
   * gets one write. Flushing behind each callback would cost a write per receive buffer, and miss what promises wrote.
   */
  #enterTurn(): void {
    if (this.#turning) return
    this.#turning = true
    this.#stats.turns++
    setImmediate(this.#endTurn)
  }

  /** Bound to the context in which the poller was made: what one connection runs in must not reach another's callbacks. */
  readonly #endTurn = AsyncLocalStorage.bind((): void => {
    this.#turning = false
    const dirty = this.#dirty
    this.#dirty = []
    let flushed = 0
    for (const connection of dirty) {
      connection.listed = false
      if (connection.flush()) flushed++
    }
    this.#behind.run()
    if (this.trace === undefined) return
    if (flushed > 0) this.#tell('flush', flushed)
    if (flushed > 0) this.#tell('submit', flushed)
    if (!this.#turning) this.#tell('wait', 0)
  })

  /** What the listener throws must not end a turn half-way. */
  #tell(step: TraceStep, count: number): void {
    try {
      this.trace?.(step, count)
    } catch (error) {
      process.nextTick(rethrow, error)
    }
  }

  #mustBeOpen(): void {
    if (this.#closed === undefined) return
    throw new QpsError('QPS_USAGE', 'the poller is closed', { hint: 'make another with createPoller' })
  }

  async #closeAll(): Promise<void> {
    const listeners = [...this.#listeners].map((listener) => listener.close())
    if (this.#connections.size > 0) {
      const gone = new Promise<void>((resolve) => (this.#lastIsGone = resolve))
      for (const connection of this.#connections) connection.destroy()
      await gone
    }
    await Promise.all(listeners)
    this.pool.clear()
  }
}

/** A socket that knows its connection: the callback of `onread` gets nothing but the socket. */
interface ReadingSocket extends Socket {
  connection: LibuvConnection
}

function deliver(this: unknown, count: number, bytes: Uint8Array): boolean {
  ;(this as ReadingSocket).connection.received(bytes, count)
  return true
}

/** Stands in until `accept` has returned, and for good where it throws. */
const silent: ConnectionHandler = { onData() {}, onEnd() {}, onClose() {} }
