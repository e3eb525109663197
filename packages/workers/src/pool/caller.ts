import { background, type Context } from '@qps/context'
import type { Clock } from '@qps/core'
import { cancelledError, timeoutError } from './errors.ts'
import type { Job } from './job.ts'
import { type AnyTasks, isThenable, Moved, type Task } from './task.ts'

/** Runs tasks on the thread that asks for them: the module is imported here as well. */
export class Caller {
  #functions: AnyTasks | undefined
  /** Resolves when the module is there; rejects with what its import threw. */
  readonly loaded: Promise<void>

  constructor(module: URL) {
    this.loaded = this.#load(module)
    // Whoever asks is told.
    this.loaded.catch(() => {})
  }

  async #load(module: URL): Promise<void> {
    this.#functions = (await import(module.href)) as AnyTasks
  }

  get isLoaded(): boolean {
    return this.#functions !== undefined
  }

  /** Runs it at once. `onEnd` is called with what it returned, or resolved to, or threw. */
  call(job: Job, clock: Clock, onEnd: (ending: 'done' | 'failed', value: unknown) => void): void {
    const onDone = (value: unknown): void => onEnd('done', value instanceof Moved ? value.value : value)
    const onFailed = (thrown: unknown): void => onEnd('failed', thrown)
    try {
      const result = this.#functions![job.name]!(job.argument, new CalledTask(job, clock))
      if (isThenable(result)) result.then(onDone, onFailed)
      else onDone(result)
    } catch (thrown) {
      onFailed(thrown)
    }
  }
}

/** What a function knows of its task on the caller's own thread. */
class CalledTask implements Task {
  readonly #job: Job
  readonly #clock: Clock
  #signal: AbortSignal | undefined

  constructor(job: Job, clock: Clock) {
    this.#job = job
    this.#clock = clock
  }

  get cancelled(): boolean {
    const { signal, context } = this.#job.options
    return this.#job.isSettled || signal?.aborted === true || context?.ended === true || this.remainingMs() === 0
  }

  get signal(): AbortSignal {
    const { signal, context } = this.#job.options
    return (this.#signal ??= AbortSignal.any([signal, context?.signal].filter((each) => each !== undefined)))
  }

  get context(): Context {
    return this.#job.options.context ?? background()
  }

  remainingMs(): number {
    const { deadlineMs } = this.#job
    return deadlineMs === Infinity ? Infinity : Math.max(0, deadlineMs - this.#clock.nowMs())
  }

  throwIfCancelled(): void {
    if (!this.cancelled) return
    throw this.remainingMs() === 0 ? timeoutError(this.#job.name) : cancelledError(this.#job.name, undefined)
  }
}
