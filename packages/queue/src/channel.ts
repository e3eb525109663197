import { blockUntil, type BlockingWait } from './blocking.ts'
import { joinEndpoints, leaveEndpoints } from './endpoints.ts'
import { closedError, disposedError, timeoutError } from './errors.ts'
import { Exchange } from './exchange.ts'
import { type ChannelHandle, layOut, readLayout, writeLayout } from './layout.ts'
import {
  type ChannelOptions,
  type EndpointOptions,
  type EndpointPlan,
  planChannel,
  planEndpoint,
  planTimeout,
  type WaitOptions,
} from './options.ts'
import { parcelFor } from './parcel.ts'
import type { Losses } from './recovery.ts'
import { pending } from './ring.ts'
import { type Attempt, notYet, Turns, waitInTurn } from './turns.ts'

/** What a timeout says. */
const stayedFull = 'the channel stayed full'
const nothingCame = 'nothing was received'

/** So many messages of a batch are moved before those who wait for it are woken. */
const messagesPerWake = 32

/** What `select` needs of a channel, and nobody else may use. */
export interface Inside<T> {
  plan: EndpointPlan<T>
  receivers: Turns
  senders: Turns
  take: () => T | typeof notYet
  push: (value: T) => boolean
}

let insideOf: <T>(channel: Channel<T>) => Inside<T>

/**
 * A bounded channel in shared memory: any thread sends, any thread receives, each message arrives once. What one thread sends
 * arrives in its order.
 *
 * A Channel is one thread's endpoint. `create` makes the memory and the first endpoint; the others attach to what `share` gives.
 * Calls ending in `Sync` block their thread. Promises do not; they keep no process alive unless `hold` does.
 *
 * @example
 * const channel = Channel.create({ capacity: 100, record: { bytes: 16 } })
 * const worker = new Worker(url, { workerData: channel.share() }) // there: Channel.attach(workerData)
 * channel.sendSync(Uint8Array.of(1, 2, 3))
 */
export class Channel<T = Uint8Array> implements AsyncIterable<T>, Disposable {
  readonly #handle: ChannelHandle
  readonly #words: Int32Array
  readonly #owner: number
  readonly #exchange: Exchange<T>
  readonly #plan: EndpointPlan<T>
  readonly #receivers: Turns
  readonly #senders: Turns
  #disposed = false

  static {
    insideOf = (channel) => ({
      plan: channel.#plan,
      receivers: channel.#receivers,
      senders: channel.#senders,
      take: () => channel.#take(),
      push: (value) => channel.#push(value),
    })
  }

  /**
   * Makes a channel.
   *
   * @throws QpsError QPS_OPTION naming the option, its value and its range.
   */
  static create<T = Uint8Array>(options: ChannelOptions<T>): Channel<T> {
    const layout = layOut(planChannel(options))
    // Checked before the memory is asked for.
    planEndpoint(options, layout.bytesMax)
    const handle: ChannelHandle = { kind: 'qps-channel', memory: new SharedArrayBuffer(layout.bytes) }
    writeLayout(new Int32Array(handle.memory), layout)
    return new Channel(handle, options)
  }

  /**
   * Joins a channel, in the thread that will use it.
   *
   * @param options with the same codec as the others.
   * @throws QpsError QPS_OPTION; QPS_CHANNEL_ENDPOINTS where it has 253 endpoints.
   */
  static attach<T = Uint8Array>(handle: ChannelHandle, options: EndpointOptions<T> = {}): Channel<T> {
    return new Channel(handle, options)
  }

  private constructor(handle: ChannelHandle, options: EndpointOptions<T>) {
    const { words, layout } = readLayout(handle)
    const plan = planEndpoint(options, layout.bytesMax)
    this.#handle = { kind: 'qps-channel', memory: handle.memory }
    this.#words = words
    this.#plan = plan
    this.#owner = joinEndpoints(words, plan.threadId)
    const parcel = parcelFor(handle.memory, plan.codec, layout.bytesMax)
    const exchange = new Exchange<T>(words, layout, this.#owner, parcel)
    this.#exchange = exchange
    this.#receivers = new Turns(exchange.messages, () => exchange.hasMessage, plan)
    this.#senders = new Turns(exchange.room, () => exchange.hasRoom, plan)
  }

  /** What other threads attach to. It may be posted any number of times. */
  share(): ChannelHandle {
    return this.#handle
  }

  /** Messages that wait at most. */
  get capacity(): number {
    return this.#exchange.capacity
  }

  /** Messages that wait, as of a moment ago; never more than the capacity. */
  get size(): number {
    return this.#exchange.size
  }

  /** Whether somebody has closed it. Messages may be left. */
  get closed(): boolean {
    return this.#disposed || this.#exchange.closed
  }

  /** Whether it is closed and everything that was sent has been received. */
  get ended(): boolean {
    return this.#disposed || this.#exchange.ended
  }

  /** Messages that were lost with threads declared dead. */
  get lost(): number {
    return this.#exchange.lost
  }

  /**
   * Sends if there is room at this moment. Never waits.
   *
   * @returns false where it is full, or where sends of this endpoint wait already.
   * @throws QpsError QPS_CHANNEL_CLOSED, QPS_MESSAGE_BYTES
   */
  trySend(value: T): boolean {
    return !this.#behindOthers(this.#senders) && this.#push(value)
  }

  /**
   * Sends values from `from` on until the channel is full, and wakes receivers once for many. Never waits.
   *
   * @returns how many were sent: fewer than all too where a later one cannot be sent at all.
   * @throws QpsError as `trySend`, where the first one cannot be sent at all.
   */
  trySendMany(values: readonly T[], from = 0): number {
    this.#checkOpen()
    if (this.#behindOthers(this.#senders)) return 0
    const exchange = this.#exchange
    let sent = 0
    let told = 0
    try {
      while (from + sent < values.length && exchange.push(exchange.parcel.pack(values[from + sent]!))) {
        sent++
        if (sent - told === messagesPerWake) {
          told = sent
          exchange.sent(messagesPerWake)
        }
      }
    } catch (error) {
      // What has been sent has been sent: the caller must know how much. The next call meets the error first.
      if (sent === 0) throw error
    } finally {
      if (sent > told) exchange.sent(sent - told)
      this.#receivers.serve()
    }
    return sent
  }

  /**
   * Sends, and blocks the thread while it is full.
   *
   * @param options.timeoutMs of real time, at least 0. Default: without end.
   * @throws QpsError QPS_CHANNEL_TIMEOUT, QPS_CHANNEL_CLOSED, QPS_MESSAGE_BYTES
   */
  sendSync(value: T, { timeoutMs }: { timeoutMs?: number } = {}): void {
    if (this.trySend(value)) return
    const { room } = this.#exchange
    const ready = (): boolean => this.#exchange.hasRoom
    this.#block({ bell: room, ready, attempt: () => this.trySend(value), timeoutMs, what: stayedFull })
  }

  /**
   * Sends as soon as there is room, behind what this endpoint has to send already. `value` is read then: leave it as it is until
   * the promise is resolved.
   *
   * @throws QpsError QPS_CHANNEL_TIMEOUT, QPS_CHANNEL_CLOSED, QPS_CHANNEL_WAITERS, QPS_MESSAGE_BYTES; the signal's reason.
   */
  async send(value: T, { signal, timeoutMs }: WaitOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    const limitMs = planTimeout(timeoutMs)
    if (this.trySend(value)) return
    await this.#wait(this.#senders, () => this.#push(value) || notYet, limitMs, signal, stayedFull)
  }

  /**
   * Receives what is there. Never waits.
   *
   * @returns undefined where nothing is, or where receives of this endpoint wait already.
   */
  tryReceive(): T | undefined {
    if (this.#behindOthers(this.#receivers) || !this.#pull()) return undefined
    return this.#unpack()
  }

  /**
   * Hands messages to `callback` until none is there, and wakes senders once for many. Never waits.
   *
   * @param countMax at most so many. Default: the capacity.
   * @returns how many. What `callback` throws ends it, behind the message.
   */
  drain(callback: (value: T) => void, countMax: number = this.capacity): number {
    this.#checkOpen()
    if (this.#behindOthers(this.#receivers)) return 0
    const exchange = this.#exchange
    let received = 0
    let told = 0
    try {
      while (received < countMax && exchange.pull() === true) {
        received++
        if (received - told === messagesPerWake) {
          told = received
          exchange.received(messagesPerWake)
        }
        callback(exchange.parcel.unpack())
      }
    } finally {
      if (received > told) exchange.received(received - told)
      this.#senders.serve()
    }
    return received
  }

  /**
   * Receives, and blocks the thread while there is nothing.
   *
   * @param options.timeoutMs of real time, at least 0. Default: without end.
   * @throws QpsError QPS_CHANNEL_TIMEOUT; QPS_CHANNEL_CLOSED where it is closed and everything has been received.
   */
  receiveSync({ timeoutMs }: { timeoutMs?: number } = {}): T {
    let value = this.#takeInTurn()
    if (value !== notYet) return value
    const attempt = (): boolean => (value = this.#takeInTurn()) !== notYet
    const { messages } = this.#exchange
    const ready = (): boolean => this.#exchange.hasMessage
    this.#block({ bell: messages, ready, attempt, timeoutMs, what: nothingCame })
    return value as T
  }

  /**
   * Receives, behind those of this endpoint who wait already.
   *
   * @throws QpsError QPS_CHANNEL_TIMEOUT; QPS_CHANNEL_CLOSED where it is closed and everything has been received;
   *   QPS_CHANNEL_WAITERS; the signal's reason.
   */
  async receive({ signal, timeoutMs }: WaitOptions = {}): Promise<T> {
    signal?.throwIfAborted()
    const limitMs = planTimeout(timeoutMs)
    const value = this.#takeInTurn()
    if (value !== notYet) return value
    return this.#wait(this.#receivers, () => this.#take(), limitMs, signal, nothingCame)
  }

  /** Receives until the channel is closed and empty. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      let value: T
      try {
        value = await this.receive()
      } catch (error) {
        if (this.closed) return
        throw error
      }
      yield value
    }
  }

  /**
   * Ends the channel, for everybody: sends fail, receives go on until everything that was sent is received. Once is enough.
   */
  close(): void {
    this.#exchange.close()
  }

  /**
   * Takes back what a thread held when it ended: slots, memory, endpoints. Without it, messages behind one that was being sent
   * would never be received. Call it once the thread's `exit` event has come: one that is still at work loses its message.
   *
   * Costs a look at every slot and chunk.
   *
   * @param threadId as its endpoints were attached with.
   */
  declareDead(threadId: number): Losses {
    this.#checkOpen()
    return this.#exchange.takeBack(threadId)
  }

  /** Ends this endpoint, not the channel: whoever waits here is rejected with QPS_CHANNEL_CLOSED. */
  [Symbol.dispose](): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#senders.fail(disposedError())
    this.#receivers.fail(disposedError())
    leaveEndpoints(this.#words, this.#owner)
  }

  /** Serves promises that wait first. @returns whether some of them must wait further, so that the caller must too. */
  #behindOthers(turns: Turns): boolean {
    if (turns.count === 0) return false
    turns.serve()
    return turns.count > 0
  }

  #checkOpen(): void {
    if (this.#disposed) throw disposedError()
  }

  #push(value: T): boolean {
    this.#checkOpen()
    const exchange = this.#exchange
    if (!exchange.push(exchange.parcel.pack(value))) return false
    exchange.sent(1)
    this.#receivers.serve()
    return true
  }

  #pull(): boolean {
    this.#checkOpen()
    if (this.#exchange.pull() !== true) return false
    this.#exchange.received(1)
    return true
  }

  #takeInTurn(): T | typeof notYet {
    return this.#behindOthers(this.#receivers) ? notYet : this.#take()
  }

  /** @throws QpsError QPS_CHANNEL_CLOSED where there will never be a message again. */
  #take(): T | typeof notYet {
    const exchange = this.#exchange
    if (this.#pull()) return this.#unpack()
    if (!exchange.closed) return notYet
    // Only a look that comes after the channel was seen closed tells that nothing is left: see Exchange.push.
    const found = exchange.pull()
    if (found === pending) return notYet
    if (found !== true) throw closedError('receive')
    exchange.received(1)
    return this.#unpack()
  }

  /** Promises of this endpoint that wait for the room are served at once: this thread may be about to block. */
  #unpack(): T {
    const value = this.#exchange.parcel.unpack()
    this.#senders.serve()
    return value
  }

  #block(wait: Pick<BlockingWait, 'bell' | 'ready' | 'attempt' | 'what'> & { timeoutMs: number | undefined }): void {
    const { spins, clock } = this.#plan
    blockUntil({ ...wait, spins, clock, timeoutMs: planTimeout(wait.timeoutMs) })
  }

  #wait<R>(
    turns: Turns,
    take: (attempt: Attempt) => R | typeof notYet,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    what: string,
  ): Promise<R> {
    const timedOut = (): Error => timeoutError(what, timeoutMs)
    return waitInTurn([turns], take, { clock: this.#plan.clock, signal, timeoutMs, timedOut })
  }
}

export { insideOf }
