import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { BroadcastChannel } from 'node:worker_threads'
import { threadName, type WorkerThreads } from '../threads.ts'
import { threadChannel, type ThreadOrder, type TraceAnswer } from '../lent-thread.ts'
import { GcRecorder, type ThreadCollections } from './recorder.ts'

/** What the collectors of all threads did. */
export interface GcTrace {
  /** Milliseconds since 1970. */
  startMs: number
  seconds: number
  /** The main thread first. */
  threads: readonly (ThreadCollections & { name: string; threadId: number })[]
  /** Threads that did not answer: they do not lend their collector, or have ended. */
  lost: readonly string[]
}

/** A trace that goes on. Disposing of it drops what it has. */
export interface RunningGcTrace extends Disposable {
  stop(): Promise<GcTrace>
}

/** How long the other threads may take to hand in what they saw. */
const answerMsMax = 1_000

/** Traces the collectors of this thread and of those that lend theirs, see `lendThread`. */
export class GcTracer {
  readonly #threads: WorkerThreads

  constructor(threads: WorkerThreads) {
    this.#threads = threads
  }

  /** @param options.heap whether the heap's size around each collection is wanted. */
  start({ heap }: { heap: boolean }): RunningGcTrace {
    const trace = randomUUID()
    const own = new GcRecorder(heap)
    const startMs = performance.timeOrigin + performance.now()
    const asked = this.#threads.running
    // Without other threads there is nobody to ask.
    const lenders = asked.length === 0 ? undefined : new Lenders(trace, heap)
    let done = false
    const stop = async (): Promise<GcTrace> => {
      done = true
      const seconds = (performance.timeOrigin + performance.now() - startMs) / 1_000
      const [main, others] = await Promise.all([own.stop(), lenders?.stop(asked.length) ?? []])
      const threads = others.toSorted((a, b) => a.threadId - b.threadId)
      const lost = asked.filter((worker) => !threads.some(({ threadId }) => threadId === worker.threadId))
      return {
        startMs,
        seconds,
        threads: [
          { name: 'main', threadId: 0, ...main },
          ...threads.map(({ threadId, collections, missed }) => {
            return { name: threadName({ threadId }), threadId, collections, missed }
          }),
        ],
        lost: lost.map((worker) => `${threadName(worker)} did not answer`),
      }
    }
    return {
      stop,
      [Symbol.dispose]() {
        if (done) return
        done = true
        own[Symbol.dispose]()
        lenders?.forget()
      },
    }
  }
}

/** The other threads' side of one trace. */
class Lenders {
  readonly #trace: string
  readonly #channel = new BroadcastChannel(threadChannel)
  readonly #answers: TraceAnswer[] = []

  constructor(trace: string, heap: boolean) {
    this.#trace = trace
    this.#channel.addEventListener('message', (event) => {
      const message = event.data as ThreadOrder | TraceAnswer
      if ('answer' in message && message.answer === trace) this.#answers.push(message)
    })
    this.#channel.unref()
    this.#tell({ order: 'start trace', trace, heap })
  }

  /** Waits until so many have answered, or for as long as it may take. */
  async stop(expected: number): Promise<TraceAnswer[]> {
    this.#tell({ order: 'stop trace', trace: this.#trace })
    const endMs = performance.now() + answerMsMax
    while (this.#answers.length < expected && performance.now() < endMs) await sleep(5)
    this.#channel.close()
    return this.#answers
  }

  /** What they saw is not wanted. */
  forget(): void {
    this.#tell({ order: 'stop trace', trace: this.#trace })
    this.#channel.close()
  }

  #tell(order: ThreadOrder): void {
    this.#channel.postMessage(order)
  }
}
