import { formatTraceparent } from '@qps/context'
import { type Clock, siblingModule, sourceFlags } from '@qps/core'
import { Channel, type ChannelHandle } from '@qps/queue'
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import {
  type Batch,
  batchCodec,
  BatchWriter,
  channelSizes,
  hasDeadline,
  hasTrace,
  outcomes,
  stopFunction,
} from './batches.ts'
import type { Job, JobState } from './job.ts'
import { monotonicMs } from './monotonic.ts'
import type { WorkerPoolPlan } from './options.ts'
import { createSlots, slotBegun, slotFree, slotRevoked, slotSent, slotsMax, slotStopping } from './slot-states.ts'
import { type Thrown, unpackThrown } from './thrown.ts'
import { usualMs } from './usual-time.ts'
import { ValueReader } from './values.ts'

/** What a thread is started with. */
export interface ThreadData {
  module: string
  slots: Int32Array<SharedArrayBuffer>
  tasks: ChannelHandle
  answers: ChannelHandle
  port: MessagePort
  concurrency: number
  inlineBytesMax: number
}

/** What a thread says once: what it can run, or why it can run nothing. */
export type ThreadNews = { names: string[] } | { failed: string }

/** What the pool hears of a thread. */
export interface ThreadEvents {
  onReady(thread: PoolThread, names: readonly string[]): void
  /** It has done, failed or skipped a job, which is off its hands. */
  onAnswer(job: Job, outcome: number, value: unknown, runMs: number, nowMs: number): void
  /** Everything that it had answered so far was told. */
  onAnswered(thread: PoolThread): void
  /** It is gone, and everything that it had answered was told. */
  onGone(thread: PoolThread, why: string): void
}

/** This side of a thread: its channels, its slots, and the jobs in them. */
export class PoolThread {
  readonly id: number
  state: 'starting' | 'ready' | 'ending' | 'gone' = 'starting'
  /** Jobs that it has, begun or not, abandoned ones too. */
  inFlight = 0
  /** Of a task, as measured there; NaN before the first. Milliseconds. */
  meanRunMs: number = NaN
  /** Answers so far. */
  answered = 0
  idleSinceMs = 0
  /** It has imported the module. */
  hasStarted = false
  /** The pool has told it to end. */
  wasAsked = false
  readonly #clock: Clock
  readonly #worker: Worker
  readonly #events: ThreadEvents
  readonly #slots = createSlots()
  readonly #free = Array.from({ length: slotsMax }, (_, index) => slotsMax - 1 - index)
  readonly #jobs: (Job | undefined)[] = Array.from({ length: slotsMax }, () => undefined)
  readonly #tasks: Channel<Batch>
  readonly #answers: Channel<Batch>
  readonly #port: MessagePort
  readonly #writer: BatchWriter
  readonly #reader: ValueReader
  /** Node forgets it with the thread's end. */
  readonly #threadId: number
  readonly #listening: Promise<void>
  #seenBusyAt = -1
  #why = ''

  constructor(id: number, plan: WorkerPoolPlan, events: ThreadEvents) {
    this.id = id
    this.#clock = plan.clock
    this.#events = events
    const { inlineBytesMax, concurrency, heapBytesMax } = plan
    const sizes = channelSizes(inlineBytesMax)
    this.#tasks = Channel.create({ ...sizes, codec: batchCodec(inlineBytesMax) })
    this.#answers = Channel.create({ ...sizes, codec: batchCodec(inlineBytesMax) })
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.#writer = new BatchWriter(this.#tasks, port1, inlineBytesMax)
    this.#reader = new ValueReader(() => receiveMessageOnPort(port1)?.message)
    const workerData: ThreadData = {
      module: plan.module.href,
      slots: this.#slots,
      tasks: this.#tasks.share(),
      answers: this.#answers.share(),
      port: port2,
      concurrency,
      inlineBytesMax,
    }
    this.#worker = new Worker(siblingModule(import.meta.url, 'pool-thread-entry'), {
      workerData,
      transferList: [port2],
      execArgv: sourceFlags(import.meta.url),
      ...(heapBytesMax !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heapBytesMax / 2 ** 20 } }),
    })
    this.#worker.once('message', (news: ThreadNews) => this.#onNews(news))
    this.#worker.on('error', (error) => (this.#why = String(error)))
    this.#worker.once('exit', (code) => this.#onExit(code))
    this.#threadId = this.#worker.threadId
    this.#listening = this.#listen()
  }

  /** How many of its jobs in this state it has begun and not ended. O(slots). */
  begun(state: JobState): number {
    return this.#jobs.reduce((count, job, slot) => (job?.state === state && this.#isBegun(slot) ? count + 1 : count), 0)
  }

  /** The jobs in its slots, those that were taken back excepted. */
  held(): Job[] {
    return this.#jobs.filter((job, slot): job is Job => job !== undefined && this.#stateOf(slot) !== slotRevoked)
  }

  /** Whether the batch that is being written takes another job. Where not, the thread has to answer first. */
  get takes(): boolean {
    return this.#free.length > 0 && (this.#writer.hasRoom || this.#writer.trySend())
  }

  /**
   * Writes a job into the batch that goes with the next {@link flush}. Only where it `takes` one.
   *
   * @throws what structured cloning throws where the argument cannot be sent; then it has not been.
   */
  send(job: Job): void {
    const writer = this.#writer
    const start = writer.length
    const slot = this.#free.at(-1)!
    const trace = job.context?.trace
    writer.short(slot)
    writer.short(job.functionIndex)
    writer.byte((job.deadlineMs === Infinity ? 0 : hasDeadline) | (trace === undefined ? 0 : hasTrace))
    if (job.deadlineMs !== Infinity) writer.double(monotonicMs() + job.deadlineMs - this.#clock.nowMs())
    try {
      writer.value(job.argument, job.transfer)
    } catch (error) {
      writer.length = start
      throw error
    }
    if (trace !== undefined) writer.trace(formatTraceparent(trace), trace.state.serialize())
    this.#free.pop()
    Atomics.store(this.#slots, slot, slotSent)
    this.#jobs[slot] = job
    job.slot = slot
    job.threadId = this.id
    job.state = 'sent'
    this.inFlight++
  }

  /** Sends what was written. Where the channel is full it goes after the next answers. */
  flush(): void {
    this.#writer.trySend()
  }

  /** Takes a job back that it has not begun. @returns whether that was so: then the thread skips it. */
  revoke(job: Job): boolean {
    return this.#revokeSlot(job.slot)
  }

  /** Tells a job that it has begun to stop. */
  stop(job: Job): void {
    Atomics.compareExchange(this.#slots, job.slot, slotBegun, slotStopping)
    if (!this.takes) return
    this.#writer.short(job.slot)
    this.#writer.short(stopFunction)
    this.flush()
  }

  /** Takes back what it has not begun, in the order of acceptance; not what has moved to it, which is nowhere else. */
  takeBack(): Job[] {
    const back = this.#jobs.filter((job, slot): job is Job => job?.hasMoved === false && this.#revokeSlot(slot))
    return back.toSorted((one, other) => one.sequence - other.sequence)
  }

  /** Whether it had something to do at the last call of this, has still, and has answered nothing since. */
  standsStill(): boolean {
    const { answered } = this
    const isStill = this.#seenBusyAt === answered && this.inFlight > 0
    this.#seenBusyAt = this.inFlight > 0 ? answered : -1
    return isStill
  }

  /** With a reference the process stays alive for its sake. */
  setReference(held: boolean): void {
    if (held) this.#worker.ref()
    else this.#worker.unref()
  }

  /** Lets it end by itself once it has done what it has. */
  close(): void {
    this.state = 'ending'
    this.wasAsked = true
    this.#tasks.close()
  }

  /** Ends it, whatever it does. */
  async kill(): Promise<void> {
    if (this.state !== 'gone') this.state = 'ending'
    this.wasAsked = true
    await this.#worker.terminate()
    await this.#listening
  }

  /** What it leaves behind, after its end: the jobs that it had begun, and those that it had not. */
  remains(): { begun: Job[]; notBegun: Job[] } {
    const left = this.held().toSorted((one, other) => one.sequence - other.sequence)
    const begun = left.filter(({ slot }) => this.#isBegun(slot))
    return { begun, notBegun: left.filter((job) => !begun.includes(job)) }
  }

  #revokeSlot(slot: number): boolean {
    return Atomics.compareExchange(this.#slots, slot, slotSent, slotRevoked) === slotSent
  }

  #stateOf(slot: number): number {
    return Atomics.load(this.#slots, slot)
  }

  #isBegun(slot: number): boolean {
    const state = this.#stateOf(slot)
    return state === slotBegun || state === slotStopping
  }

  #onNews(news: ThreadNews): void {
    if ('names' in news) {
      this.state = 'ready'
      this.hasStarted = true
      this.#events.onReady(this, news.names)
    } else this.#why = news.failed
  }

  /** What it had answered before its end is in the channel: those tasks are done, and are told before the end is. */
  #onExit(code: number): void {
    this.state = 'gone'
    if (this.#why === '') this.#why = `exit code ${code}`
    this.#tasks.close()
    this.#answers.close()
    // A message that it was writing will never be whole.
    this.#answers.declareDead(this.#threadId)
  }

  /** Hears answers until the thread is gone: one wait for as many as have come meanwhile. */
  async #listen(): Promise<void> {
    try {
      for (;;) {
        let batch: Batch | undefined = await this.#answers.receive()
        for (; batch !== undefined; batch = this.#answers.tryReceive()) this.#read(batch)
        if (this.state !== 'gone') this.flush()
        this.#events.onAnswered(this)
      }
    } catch (error) {
      if ((error as { code?: string }).code !== 'QPS_CHANNEL_CLOSED') throw error
    }
    this.#port.close()
    this.#events.onGone(this, this.#why)
  }

  #read(batch: Batch): void {
    const reader = this.#reader
    const nowMs = this.#clock.nowMs()
    reader.open(batch)
    while (reader.more) {
      const slot = reader.short()
      const outcome = reader.byte()
      const runMs = reader.double()
      const value = reader.value()
      const job = this.#jobs[slot]!
      this.#jobs[slot] = undefined
      this.#slots[slot] = slotFree
      this.#free.push(slot)
      this.inFlight--
      this.answered++
      if (outcome !== outcomes.skipped) this.meanRunMs = usualMs(this.meanRunMs, runMs)
      const told = outcome === outcomes.failed ? unpackThrown(value as Thrown) : value
      this.#events.onAnswer(job, outcome, told, runMs, nowMs)
    }
  }
}
