import { Session } from 'node:inspector'
import { BroadcastChannel } from 'node:worker_threads'
import { threadChannel, type ThreadOrder } from './lent-thread.ts'

/**
 * Makes V8 throw this thread's optimized code away. It optimizes what is hot again within a moment.
 *
 * V8 writes down which function was inlined where, and which code belongs to whom, for code that it makes while a profile
 * is taken. Of code that it has made before, it would count everything to whoever contains or calls it. The thread stands
 * still for some milliseconds.
 */
export function forgetOptimizedCode(): void {
  // Whoever collects coverage would lose it.
  if (process.env['NODE_V8_COVERAGE'] !== undefined) return
  const session = new Session()
  session.connect()
  try {
    session.post('Profiler.enable')
    // To count calls V8 must not have them inlined: it begins by throwing all optimized code away.
    session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: false })
    session.post('Profiler.stopPreciseCoverage')
    session.post('Profiler.disable')
  } finally {
    session.disconnect()
  }
}

/** The same in all threads that let themselves be asked, see `lendThread`. */
export function forgetOptimizedCodeEverywhere(): void {
  const channel = new BroadcastChannel(threadChannel)
  const order: ThreadOrder = { order: 'forget optimized code' }
  channel.postMessage(order)
  channel.close()
  forgetOptimizedCode()
}
