import type { Worker } from 'node:worker_threads'
import { profileLimits } from './options.ts'

/** Threads of this package's own, which nobody wants to see in a profile. */
export const ownThreads: WeakSet<Worker> = new WeakSet()

/**
 * Knows the worker threads that this thread starts from now on. Node keeps no list of them; it tells of each new one.
 * Threads that a worker starts are not seen.
 */
export class WorkerThreads implements Disposable {
  readonly #workers = new Set<Worker>()

  constructor() {
    process.on('worker', this.#onWorker)
  }

  /** Those that run, in the order of their start. */
  get running(): readonly Worker[] {
    return [...this.#workers]
  }

  [Symbol.dispose](): void {
    process.off('worker', this.#onWorker)
    this.#workers.clear()
  }

  readonly #onWorker = (worker: Worker): void => {
    if (ownThreads.has(worker) || this.#workers.size >= profileLimits.threadsMax) return
    this.#workers.add(worker)
    worker.once('exit', () => this.#workers.delete(worker))
  }
}

/** How a thread is called in profiles. */
export function threadName({ threadId }: Pick<Worker, 'threadId'>): string {
  return `worker ${threadId}`
}
