import type { ConnectionContext, ConnectionMaker, ConnectionOwner, Ending, LoadConnection } from './connection.ts'

/** So many connections are being opened at once; more would overflow a listener's backlog (511 in Node). */
const openingMax = 128
/** Before the next attempt where the last one brought nothing: an unreachable server must not be hammered. */
const backoffMs = 100

/**
 * The connections of one thread: opens them, opens them anew when they end, and gives up those whose server has stopped.
 *
 *   opening ──► open ──► polite end ──► opening ──► refused ──► retired: the server has stopped, no request was lost
 *      │          └────► broken end ──► opening
 *      └► refused, failed: an error of kind `connect`, and another attempt after a pause
 */
export class ConnectionPool implements ConnectionOwner {
  readonly #context: ConnectionContext
  readonly #make: ConnectionMaker
  readonly #timeoutMs: number
  readonly #allRetired: (nowMs: number) => void
  readonly #connections: LoadConnection[] = []
  readonly #sweeper: NodeJS.Timeout
  readonly #pauses = new Set<NodeJS.Timeout>()
  readonly #filled = Promise.withResolvers<void>()
  #count = 0
  #settled = 0
  #retired = 0
  #began = false
  #closed = false

  /** @param allRetired called once, when the last connection has been given up. */
  constructor(
    context: ConnectionContext,
    make: ConnectionMaker,
    timeoutMs: number,
    allRetired: (nowMs: number) => void,
  ) {
    this.#context = context
    this.#make = make
    this.#timeoutMs = timeoutMs
    this.#allRetired = allRetired
    this.#sweeper = setInterval(() => this.#sweep(), Math.max(5, timeoutMs / 10))
  }

  /** Opens so many connections; resolves when each is open or has failed once. */
  async fill(count: number): Promise<void> {
    this.#count = count
    for (let opening = 0; opening < Math.min(count, openingMax); opening++) this.#openNext()
    await this.#filled.promise
  }

  /** The load begins: connections that are open, and those that will be, go to the loop. */
  begin(nowMs: number): void {
    this.#began = true
    for (const connection of this.#connections) {
      if (connection.free > 0) this.#context.loop.available(connection, nowMs)
    }
  }

  get outstanding(): number {
    let outstanding = 0
    for (const connection of this.#connections) outstanding += connection.outstanding
    return outstanding
  }

  get retired(): number {
    return this.#retired
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#sweeper)
    for (const pause of this.#pauses) clearTimeout(pause)
    for (const connection of this.#connections) connection.close()
    this.#filled.resolve()
  }

  opened(connection: LoadConnection, nowMs: number): void {
    if (this.#began) this.#context.loop.available(connection, nowMs)
    else this.#settle()
  }

  ended(connection: LoadConnection, ending: Ending, nowMs: number): void {
    if (this.#closed) return
    const neverOpened = ending === 'refused' || ending === 'failed'
    if (ending === 'refused' && connection.endedPolitely) return this.#retire(nowMs)
    if (neverOpened) this.#context.recorder.error('connect')
    else connection.endedPolitely = ending === 'polite'
    if (neverOpened && !this.#began) this.#settle()
    if (connection.answers > 0) connection.connect()
    else this.#later(() => connection.connect())
  }

  #openNext(): void {
    if (this.#connections.length === this.#count) return
    const connection = this.#make(this)
    this.#connections.push(connection)
    connection.connect()
  }

  /** One of the first attempts has come to an end: the next one may start. */
  #settle(): void {
    this.#settled++
    if (this.#settled === this.#count) this.#filled.resolve()
    else this.#openNext()
  }

  #retire(nowMs: number): void {
    this.#retired++
    if (this.#retired === this.#count) this.#allRetired(nowMs)
  }

  #later(action: () => void): void {
    const pause = setTimeout(() => {
      this.#pauses.delete(pause)
      action()
    }, backoffMs)
    this.#pauses.add(pause)
  }

  #sweep(): void {
    const nowMs = this.#context.clock.nowMs()
    for (const connection of this.#connections) connection.sweep(nowMs, this.#timeoutMs)
  }
}
