import { BroadcastChannel, threadId } from 'node:worker_threads'
import { GcRecorder, type ThreadCollections } from './gc/recorder.ts'
import { forgetOptimizedCode } from './optimized-code.ts'

/** Some of what a profile needs can be done by a thread for itself only. It is asked to on this channel. */
export const threadChannel = 'qps.profile'

/** To the other threads. Traces are told apart by `trace`: several may go on. */
export type ThreadOrder =
  | { order: 'start trace'; trace: string; heap: boolean }
  | { order: 'stop trace'; trace: string }
  | { order: 'forget optimized code' }

/** From another thread, about the end of a trace. */
export interface TraceAnswer extends ThreadCollections {
  answer: string
  threadId: number
}

/** Of one thread: a trace that nobody ends must not be one of many. */
const tracesMax = 4

/**
 * Lets the main thread profile this one: trace its collector, and name functions that were inlined before the profile.
 * Costs nothing until it does, and keeps no thread alive.
 *
 * @example lendThread() // first thing in a worker thread
 */
export function lendThread(): Disposable {
  const channel = new BroadcastChannel(threadChannel)
  const recorders = new Map<string, GcRecorder>()
  const stopTrace = async (trace: string): Promise<void> => {
    const recorder = recorders.get(trace)
    if (recorder === undefined) return
    recorders.delete(trace)
    const answer: TraceAnswer = { answer: trace, threadId, ...(await recorder.stop()) }
    channel.postMessage(answer)
  }
  channel.addEventListener('message', (event) => {
    const message = event.data as ThreadOrder | TraceAnswer
    if (!('order' in message)) return
    if (message.order === 'forget optimized code') forgetOptimizedCode()
    else if (message.order === 'stop trace') void stopTrace(message.trace)
    else if (recorders.size < tracesMax) recorders.set(message.trace, new GcRecorder(message.heap))
  })
  channel.unref()
  return {
    [Symbol.dispose]() {
      channel.close()
      for (const recorder of recorders.values()) recorder[Symbol.dispose]()
      recorders.clear()
    },
  }
}
