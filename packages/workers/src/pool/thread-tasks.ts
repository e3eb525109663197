import { Channel } from '@qps/queue'
import { receiveMessageOnPort, threadId } from 'node:worker_threads'
import { type Batch, batchCodec, BatchWriter, hasDeadline, hasTrace, outcomes, stopFunction } from './batches.ts'
import type { ThreadData } from './pool-thread.ts'
import { RunningTask, type TaskHead } from './running-task.ts'
import { slotBegun, slotSent } from './slot-states.ts'
import { type AnyTasks, isThenable, Moved } from './task.ts'
import { packThrown } from './thrown.ts'
import { usualMs } from './usual-time.ts'
import { ValueReader } from './values.ts'

/**
 * Answers are held back for so long, so that several travel together; and for as long as a function runs of which less than that was to
 * be expected.
 */
const holdMs = 0.05
/** So long this thread sleeps, or works, before its event loop gets a turn: for timers and output of the module. */
const turnMs = 100
/** So long a thread that has just worked sleeps, whatever its loop holds. */
const napMs = 1

/**
 * Looks of an idle thread at its channel before it sleeps. None: where threads share cores, they delay the very thread that
 * is about to send.
 */
const spins = 0

interface KnownFunction {
  readonly name: string
  readonly call: AnyTasks[string]
  /** Of its calls; NaN before the first. */
  meanMs: number
}

interface Arrived {
  readonly head: TaskHead
  readonly of: KnownFunction
  readonly argument: unknown
}

/**
 * Runs what comes in, on the thread that it is made on.
 *
 * While nothing asynchronous is under way the thread sleeps in `receiveSync`, from which it is woken fastest. As soon as a task
 * awaits something, or its module keeps a timer or a socket, it waits in its event loop instead.
 */
export class ThreadTasks {
  readonly #slots: Int32Array<SharedArrayBuffer>
  readonly #tasks: Channel<Batch>
  readonly #writer: BatchWriter
  readonly #reader: ValueReader
  readonly #functions: readonly KnownFunction[]
  readonly #concurrency: number
  /** Those that came and could not begin yet. */
  readonly #waiting: Arrived[] = []
  /** Those that await something, by slot. */
  readonly #awaiting = new Map<number, RunningTask>()
  /** Instants of this thread's clock: the end of the last task, and the first answer that was not sent. */
  #nowMs = 0
  #heldSinceMs = Infinity
  #turnedAtMs = 0
  readonly #ownResources: number

  /** @param ownResources what its event loop holds without the module. */
  constructor(data: ThreadData, functions: ReadonlyMap<string, AnyTasks[string]>, ownResources: number) {
    const { inlineBytesMax, port } = data
    const codec = batchCodec(inlineBytesMax)
    this.#slots = data.slots
    this.#tasks = Channel.attach(data.tasks, { codec, spins, threadId })
    this.#writer = new BatchWriter(Channel.attach(data.answers, { codec, threadId }), port, inlineBytesMax)
    this.#reader = new ValueReader(() => receiveMessageOnPort(port)?.message)
    this.#functions = [...functions].map(([name, call]) => ({ name, call, meanMs: NaN }))
    this.#concurrency = data.concurrency
    this.#ownResources = ownResources
  }

  /** Begins to run tasks, in the next turn of the loop. From now on the thread ends only by being told to. */
  start(): void {
    setImmediate(this.#serve)
  }

  readonly #serve = (): void => {
    this.#turnedAtMs = this.#nowMs = performance.now()
    try {
      while (this.#nowMs - this.#turnedAtMs < turnMs) {
        const batch = this.#tasks.tryReceive() ?? this.#sleep()
        if (batch === undefined) break
        this.#take(batch)
      }
      this.#flush()
    } catch (error) {
      endIfClosed(error)
    }
    if (this.#isQuiet()) setImmediate(this.#serve)
    else this.#tasks.receive().then(this.#onBatch, endIfClosed)
  }

  readonly #onBatch = (batch: Batch): void => {
    this.#take(batch)
    this.#serve()
  }

  /** Nothing needs the loop. */
  #isQuiet(): boolean {
    return this.#awaiting.size === 0 && process.getActiveResourcesInfo().length <= this.#ownResources
  }

  /** @returns the batch that it was woken by; undefined where the loop needs a turn. */
  #sleep(): Batch | undefined {
    this.#flush()
    if (this.#awaiting.size > 0) return undefined
    // Whether the loop holds something is asked only when there is time to ask.
    return this.#receiveWithin(napMs) ?? (this.#isQuiet() ? this.#receiveWithin(turnMs) : undefined)
  }

  #receiveWithin(timeoutMs: number): Batch | undefined {
    try {
      return this.#tasks.receiveSync({ timeoutMs })
    } catch (error) {
      if ((error as { code?: string }).code === 'QPS_CHANNEL_TIMEOUT') return undefined
      throw error
    }
  }

  #take(batch: Batch): void {
    const reader = this.#reader
    reader.open(batch)
    this.#nowMs = performance.now()
    while (reader.more) {
      const slot = reader.short()
      const index = reader.short()
      if (index === stopFunction) {
        this.#awaiting.get(slot)?.stop()
        continue
      }
      const flags = reader.byte()
      const deadlineMs = (flags & hasDeadline) === 0 ? Infinity : reader.double()
      const argument = reader.value()
      const traced = (flags & hasTrace) !== 0
      const of = this.#functions[index]!
      const head: TaskHead = {
        name: of.name,
        slot,
        deadlineMs,
        traceparent: traced ? (reader.value() as string) : '',
        tracestate: traced ? (reader.value() as string) : '',
      }
      const arrived: Arrived = { head, of, argument }
      if (this.#awaiting.size < this.#concurrency && this.#waiting.length === 0) this.#begin(arrived)
      else this.#waiting.push(arrived)
    }
  }

  #begin({ head, of, argument }: Arrived): void {
    const { slot } = head
    // Answers are not to wait for something that may take long.
    if (this.#heldSinceMs !== Infinity && !(of.meanMs <= holdMs)) this.#flush()
    if (Atomics.compareExchange(this.#slots, slot, slotSent, slotBegun) !== slotSent) {
      return this.#answer(slot, outcomes.skipped, undefined, 0)
    }
    const startMs = this.#nowMs
    const task = new RunningTask(head, this.#slots)
    let outcome: number = outcomes.done
    let value: unknown
    try {
      value = of.call(argument, task)
      if (isThenable(value)) return this.#await(task, slot, startMs, value)
    } catch (thrown) {
      outcome = outcomes.failed
      value = packThrown(thrown)
    }
    task.end()
    this.#nowMs = performance.now()
    const runMs = this.#nowMs - startMs
    of.meanMs = usualMs(of.meanMs, runMs)
    this.#answer(slot, outcome, value, runMs)
  }

  #await(task: RunningTask, slot: number, startMs: number, result: PromiseLike<unknown>): void {
    this.#awaiting.set(slot, task)
    const ended = (outcome: number, value: unknown): void => {
      this.#awaiting.delete(slot)
      task.end()
      this.#nowMs = performance.now()
      this.#answer(slot, outcome, value, this.#nowMs - startMs)
      while (this.#waiting.length > 0 && this.#awaiting.size < this.#concurrency) this.#begin(this.#waiting.shift()!)
      this.#flush()
    }
    result.then(
      (value) => ended(outcomes.done, value),
      (thrown: unknown) => ended(outcomes.failed, packThrown(thrown)),
    )
  }

  #answer(slot: number, outcome: number, value: unknown, runMs: number): void {
    const writer = this.#writer
    if (!writer.hasRoom) this.#flush()
    const start = writer.length
    this.#writeHead(slot, outcome, runMs)
    try {
      if (value instanceof Moved) writer.value(value.value, value.transfer)
      else writer.value(value)
    } catch (error) {
      // What cannot be sent is a failure of the task.
      writer.length = start
      this.#writeHead(slot, outcomes.failed, runMs)
      writer.value(packThrown(error))
    }
    if (this.#heldSinceMs === Infinity) this.#heldSinceMs = this.#nowMs
    else if (this.#nowMs - this.#heldSinceMs > holdMs) this.#flush()
  }

  #writeHead(slot: number, outcome: number, runMs: number): void {
    this.#writer.short(slot)
    this.#writer.byte(outcome)
    this.#writer.double(runMs)
  }

  #flush(): void {
    this.#heldSinceMs = Infinity
    this.#writer.sendSync()
  }
}

/** The pool closes the channel when the thread has nothing left to do. */
function endIfClosed(error: unknown): void {
  if ((error as { code?: string }).code !== 'QPS_CHANNEL_CLOSED') throw error
  process.exit(0)
}
