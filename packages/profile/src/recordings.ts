import { messageOf } from '@qps/core'
import {
  type CPUProfileOptions,
  getHeapStatistics,
  type HeapProfileOptions,
  startCpuProfile,
  startHeapProfile,
} from 'node:v8'
import type { Worker } from 'node:worker_threads'
import { type ProfileKind, profileLimits } from './options.ts'
import { threadName } from './threads.ts'

/** A thread that is being profiled. */
export interface Recording {
  /** `main`, or `worker 1`. */
  name: string
  /** Ends it. @returns what V8 wrote, JSON. */
  stop(): Promise<string>
  /** Ends it and has nothing written, which takes V8 a while. */
  discard(): Promise<void>
  /** Bytes that the thread has allocated on V8's heap since it began. */
  allocatedBytes(): Promise<number>
}

/** Begins to profile this thread. @param samplesMax of a CPU profile; V8 drops later ones. */
export function recordHere(kind: ProfileKind, samplesMax: number): Recording {
  const handle = kind === 'cpu' ? startCpuProfile(cpuOptions(samplesMax)) : startHeapProfile(heapOptions(kind))
  return {
    name: 'main',
    stop: async () => handle.stop(),
    discard: async () => handle[Symbol.dispose](),
    allocatedBytes: async () => getHeapStatistics().total_allocated_bytes,
  }
}

/**
 * Begins to profile another thread.
 *
 * @throws Error where it does not answer: one that has ended, or that waits without end outside of JavaScript.
 */
export async function recordThere(worker: Worker, kind: ProfileKind, samplesMax: number): Promise<Recording> {
  const name = threadName(worker)
  const handle = await answered<AsyncDisposable & { stop(): Promise<string> }>(
    name,
    kind === 'cpu' ? worker.startCpuProfile(cpuOptions(samplesMax)) : worker.startHeapProfile(heapOptions(kind)),
  )
  return {
    name,
    stop: () => answered(name, handle.stop()),
    discard: () => answered(name, Promise.resolve(handle[Symbol.asyncDispose]())),
    allocatedBytes: async () => (await answered(name, worker.getHeapStatistics())).total_allocated_bytes,
  }
}

function cpuOptions(samplesMax: number): CPUProfileOptions {
  return { sampleInterval: profileLimits.cpuIntervalUs / 1_000, maxBufferSize: samplesMax }
}

/** Left to itself V8 forgets a sample when its object dies, which is what most of a server's objects have done by then. */
function heapOptions(kind: ProfileKind): HeapProfileOptions {
  const collected = kind === 'allocations'
  return {
    sampleInterval: profileLimits.heapIntervalBytes,
    stackDepth: profileLimits.stackDepthMax,
    includeObjectsCollectedByMajorGC: collected,
    includeObjectsCollectedByMinorGC: collected,
  }
}

/** How long another thread may take to notice that something is asked of it. */
const answerMsMax = 5_000

async function answered<Answer>(name: string, promise: Promise<Answer>): Promise<Answer> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`${name} does not answer`)), answerMsMax)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** What came of asking several threads: their answers, and who had none. */
export async function outcomes<Answer>(
  asked: readonly { name: string; promise: Promise<Answer> }[],
): Promise<{ answers: { name: string; answer: Answer }[]; lost: string[] }> {
  const settled = await Promise.allSettled(asked.map(({ promise }) => promise))
  const answers: { name: string; answer: Answer }[] = []
  const lost: string[] = []
  for (const [index, outcome] of settled.entries()) {
    const { name } = asked[index]!
    if (outcome.status === 'fulfilled') answers.push({ name, answer: outcome.value })
    else lost.push(`${name}: ${messageOf(outcome.reason)}`)
  }
  return { answers, lost }
}
