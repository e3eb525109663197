import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { siblingModule, sourceFlags } from '@qps/core'
import type { JobEnd, ThreadJob } from './thread-job.ts'

/** How the job of a thread ended. */
export type Ended = JobEnd | { killed: true }

/** Worker threads that do jobs on maps, one after the other: starting one takes longer than most jobs. */
export class MapCrew implements AsyncDisposable {
  readonly #idle = new Set<Worker>()
  readonly #all = new Set<Worker>()

  /** Gives a job to an idle thread, or to a new one. */
  start(job: ThreadJob): RunningJob {
    const [worker = this.#hire()] = this.#idle
    this.#idle.delete(worker)
    return new RunningJob(worker, job, () => this.#idle.add(worker))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#all].map((worker) => worker.terminate()))
  }

  #hire(): Worker {
    const worker = new Worker(siblingModule(import.meta.url, './map-thread'), {
      execArgv: sourceFlags(import.meta.url),
    })
    this.#all.add(worker)
    worker.once('exit', () => this.#all.delete(worker))
    return worker
  }
}

export class RunningJob {
  /** Settles when it is over, or when its thread has ended. */
  readonly ended: Promise<Ended>
  readonly #worker: Worker
  #over = false
  #killed = false

  /** @param free called when the thread can do another job. */
  constructor(worker: Worker, job: ThreadJob, free: () => void) {
    this.#worker = worker
    const listening = new AbortController()
    const { signal } = listening
    const done = once(worker, 'message', { signal }).then(([end]): Ended => {
      this.#over = true
      if (!this.#killed) free()
      return end as JobEnd
    })
    const gone = once(worker, 'exit', { signal }).then((): Ended => ({ killed: true }))
    this.ended = Promise.race([done, gone]).finally(() => listening.abort())
    worker.postMessage(job)
  }

  /** Ends the thread wherever it is; not where the job is over. */
  kill(): void {
    if (this.#over) return
    this.#killed = true
    void this.#worker.terminate()
  }
}
