import { sourceFlags } from '@qps/core'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Task } from './fixtures/map-thread.ts'

/** A thread with this task. `ended` rejects with what it threw. */
export function startThread(task: Task): { worker: Worker; ended: Promise<unknown> } {
  const worker = new Worker(new URL('./fixtures/map-thread.ts', import.meta.url), {
    workerData: task,
    execArgv: sourceFlags(import.meta.url),
  })
  const ended = once(worker, 'exit')
  ended.catch(() => {})
  return { worker, ended }
}
