import { getHeapStatistics } from 'node:v8'
import type { Worker } from 'node:worker_threads'
import type { GcTracer, RunningGcTrace } from './gc/tracer.ts'
import type { RequestCount, RequestWindow } from './request-count.ts'
import type { WorkerThreads } from './threads.ts'

/** What requests cost in memory and collections, between two looks. */
export interface AllocationFigures {
  seconds: number
  requests: number
  /** On V8's heap, of all threads. What lives outside of it, such as the bytes of a Buffer, is not in it. */
  allocatedBytes: number
  /** 0 without requests, as everything per request. */
  bytesPerRequest: number
  scavenges: number
  scavengesPerMillion: number
  markCompacts: number
  markCompactsPerMillion: number
  /** Of all collections of all threads; 0 without any. */
  pauseMsP99: number
  pauseMsMax: number
  /** Time in which a thread stood still, together. */
  pausedMs: number
  /** Of the process, now. */
  residentBytes: number
  /** Memory outside of V8's heap that objects of this thread hold, Buffers among it. */
  externalBytes: number
  heapUsedBytes: number
}

/** What the next look is compared with. */
interface Look {
  atMs: number
  allocated: ReadonlyMap<number, number>
  window: RequestWindow
  trace: RunningGcTrace
}

/** Nobody has looked for so long: watching ends. */
const unseenMsMax = 60_000

/** Watches allocation and collections from one look to the next. Watches only while somebody looks now and then. */
export class AllocationWatch implements AsyncDisposable {
  readonly #threads: WorkerThreads
  readonly #gc: GcTracer
  readonly #requests: RequestCount
  #last: Look | undefined
  #unseen: NodeJS.Timeout | undefined
  /** Looks take place one after the other: each of them ends what the one before began. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(threads: WorkerThreads, gc: GcTracer, requests: RequestCount) {
    this.#threads = threads
    this.#gc = gc
    this.#requests = requests
  }

  /** Whether a look would have something to compare with. */
  get watching(): boolean {
    return this.#last !== undefined
  }

  /** @returns the figures since the previous look; undefined for the first one, which begins to watch. */
  look(): Promise<AllocationFigures | undefined> {
    const look = this.#turn.then(() => this.#look())
    this.#turn = look.catch(() => {})
    return look
  }

  /** Ends watching. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn
    this.#endLast()
  }

  async #look(): Promise<AllocationFigures | undefined> {
    const last = this.#last
    clearTimeout(this.#unseen)
    this.#last = undefined
    const figures = last === undefined ? undefined : await this.#figures(last)
    this.#last = await this.#begin()
    this.#unseen = setTimeout(() => this.#endLast(), unseenMsMax)
    this.#unseen.unref()
    return figures
  }

  #endLast(): void {
    clearTimeout(this.#unseen)
    const last = this.#last
    this.#last = undefined
    last?.window[Symbol.dispose]()
    last?.trace[Symbol.dispose]()
  }

  async #begin(): Promise<Look> {
    const allocated = await this.#allocated()
    const window = await this.#requests.open()
    return { atMs: performance.now(), allocated, window, trace: this.#gc.start({ heap: false }) }
  }

  async #figures({ atMs, allocated, window, trace }: Look): Promise<AllocationFigures> {
    const seconds = (performance.now() - atMs) / 1_000
    using _counted = window
    const [requests, now, { threads }] = await Promise.all([window.read(), this.#allocated(), trace.stop()])
    const collections = threads.flatMap((thread) => thread.collections)
    const pauses = collections.map(({ pauseMs }) => pauseMs).toSorted((a, b) => a - b)
    const countOf = (kind: string): number => collections.filter((one) => one.kind === kind).length
    const [scavenges, markCompacts] = [countOf('scavenge') + countOf('minor mark-sweep'), countOf('mark-compact')]
    let allocatedBytes = 0
    for (const [thread, bytes] of now) allocatedBytes += bytes - (allocated.get(thread) ?? 0)
    const per = (amount: number): number => (requests === 0 ? 0 : amount / requests)
    const { rss, external, heapUsed } = process.memoryUsage()
    return {
      seconds,
      requests,
      allocatedBytes,
      bytesPerRequest: per(allocatedBytes),
      scavenges,
      scavengesPerMillion: per(scavenges * 1e6),
      markCompacts,
      markCompactsPerMillion: per(markCompacts * 1e6),
      pauseMsP99: pauses[Math.max(0, Math.ceil(pauses.length * 0.99) - 1)] ?? 0,
      pauseMsMax: pauses.at(-1) ?? 0,
      pausedMs: pauses.reduce((sum, pauseMs) => sum + pauseMs, 0),
      residentBytes: rss,
      externalBytes: external,
      heapUsedBytes: heapUsed,
    }
  }

  /** Bytes that each thread has allocated since it began; a thread that ends meanwhile is left out. */
  async #allocated(): Promise<Map<number, number>> {
    const bytes = new Map([[0, getHeapStatistics().total_allocated_bytes]])
    await Promise.all(this.#threads.running.map((worker) => addAllocated(bytes, worker)))
    return bytes
  }
}

async function addAllocated(bytes: Map<number, number>, worker: Worker): Promise<void> {
  const { threadId } = worker
  try {
    bytes.set(threadId, (await worker.getHeapStatistics()).total_allocated_bytes)
  } catch {
    // It has ended.
  }
}
