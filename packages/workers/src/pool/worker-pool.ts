import type { QpsError } from '@qps/core'
import type { DrainReport } from '@qps/http-contract'
import { availableParallelism } from 'node:os'
import { bytesOf } from './bytes-of.ts'
import { Caller } from './caller.ts'
import { Dispatcher } from './dispatcher.ts'
import { DueJobs } from './due-jobs.ts'
import { closedError, discardedError, failedError, fullError, largeError, noThreadError } from './errors.ts'
import { Job, type JobOwner } from './job.ts'
import { JobQueue } from './job-queue.ts'
import { levelOf, planPool, type WorkerPoolOptions, type WorkerPoolPlan } from './options.ts'
import { abortOf, lateError } from './patience.ts'
import { type Ending, PoolTally, type WorkerPoolStats } from './stats.ts'
import { type AnyTasks, type RunOptions, type TaskArgument, type TaskName, type TaskResult } from './task.ts'

/**
 * Runs the functions of a module on worker threads. Bounded in tasks, bytes and threads; when it is full, a policy decides.
 *
 * `run` never blocks and throws nothing: its promise tells everything. A pool belongs to the thread that made it. An argument
 * is the pool's until the promise is settled: leave it alone. Tasks and results of up to `inlineBytesMax` bytes travel
 * through shared memory, several at a time; others as messages.
 *
 * @example
 * await using pool = new WorkerPool<typeof import('./tasks.ts')>({ module: new URL('./tasks.ts', import.meta.url) })
 * const digest = await pool.run('hash', bytes, { timeoutMs: 100 })
 */
export class WorkerPool<M extends object = AnyTasks> implements AsyncDisposable {
  readonly #plan: WorkerPoolPlan
  readonly #tally = new PoolTally()
  readonly #waiters: JobQueue
  readonly #due: DueJobs
  readonly #dispatcher: Dispatcher
  readonly #caller: Caller | undefined
  readonly #ready = Promise.withResolvers<void>()
  /** Accepted tasks that are not settled; so many at most. */
  #unfinished = 0
  readonly #unfinishedMax: number
  #bytes = 0
  #sequence = 0
  /** Tasks that run on this thread and have not ended. */
  #called = 0
  #state: 'open' | 'draining' | 'closed' = 'open'
  #drained: PromiseWithResolvers<void> | undefined

  /** @throws QpsError QPS_OPTION naming the option, its value and its range. */
  constructor(options: WorkerPoolOptions) {
    const plan = planPool(options, availableParallelism())
    this.#plan = plan
    this.#waiters = new JobQueue(plan.priorities)
    this.#due = new DueJobs(plan.clock, (job, nowMs) => this.#onDue(job, nowMs))
    this.#unfinishedMax = plan.threadsMax * plan.concurrency + plan.queueMax
    this.#caller = plan.policy === 'caller-runs' ? new Caller(plan.module) : undefined
    // Whoever asks for it is told.
    this.#ready.promise.catch(() => {})
    this.#dispatcher = new Dispatcher(plan, this.#tally, {
      onReady: () => this.#ready.resolve(),
      onNoStart: (why) => this.#ready.reject(noThreadError('no task', why)),
      onDone: (job, value) => this.#settle(job, 'done').resolve(value),
      onLate: (job) => this.#settle(job, 'timedOut').reject(lateError(job)),
      onFailed: (job, error, ending) => this.#settle(job, ending).reject(error),
      onLeft: (job) => this.#onLeft(job),
    })
  }

  /**
   * Resolves when the first thread takes tasks, and with `caller-runs` when this thread does. Nobody has to wait for that: tasks
   * are accepted from the start.
   *
   * @throws QpsError QPS_WORKER_DIED where the module cannot be imported.
   */
  async ready(): Promise<void> {
    if (this.#dispatcher.crew.threads.length === 0) this.#dispatcher.crew.grow()
    this.#dispatcher.awake()
    await Promise.all([this.#ready.promise, this.#caller?.loaded])
  }

  /**
   * Runs the function of this name with this argument.
   *
   * @returns what it returns, or resolves to.
   * @throws QpsError QPS_POOL_FULL (retryable), QPS_TASK_DISCARDED: by the policy. QPS_TASK_TIMEOUT: `timeoutMs` is over;
   *   QPS_DEADLINE: that of the context is. QPS_TASK_CANCELLED: by signal or context. QPS_TASK_FAILED: it threw, which is the cause.
   *   QPS_WORKER_DIED: its thread ended. QPS_TASK_UNKNOWN, QPS_OPTION, QPS_POOL_CLOSED.
   */
  run<N extends TaskName<M>>(name: N, argument: TaskArgument<M, N>, options?: RunOptions): Promise<TaskResult<M, N>> {
    let level: number
    try {
      level = levelOf(options, this.#plan.priorities)
    } catch (error) {
      return Promise.reject(error as QpsError)
    }
    const job = new Job(this.#owner, name, argument, level, options)
    this.#submit(job)
    return job.promise as Promise<TaskResult<M, N>>
  }

  /** What it has done and is doing. Looks at every slot of every thread: for a look now and then. */
  stats(): WorkerPoolStats {
    const { crew } = this.#dispatcher
    const threads = crew.all()
    const { starting } = crew
    const wanted = threads.reduce((sum, thread) => sum + thread.begun('sent'), 0)
    const abandoned = threads.reduce((sum, thread) => sum + thread.begun('abandoned'), 0)
    return {
      ...this.#tally,
      endings: { ...this.#tally.endings },
      depth: Math.max(0, this.#unfinished - wanted),
      waiting: this.#waiters.size,
      running: wanted + abandoned,
      threads: crew.threads.length - starting,
      starting,
      bytes: this.#bytes,
    }
  }

  /**
   * Takes no more tasks, lets those that were accepted end, then ends the threads.
   *
   * @param limitMs what is not done by then is dropped, with QPS_POOL_CLOSED. Default 5000.
   */
  async drain(limitMs = 5000): Promise<DrainReport> {
    const { clock } = this.#plan
    const { endings } = this.#tally
    const startMs = clock.nowMs()
    const done = endings.done + endings.failed
    const closed = endings.closed
    if (this.#state === 'open') this.#state = 'draining'
    this.#dropWaiters()
    if (this.#unfinished + this.#called > 0) {
      this.#drained = Promise.withResolvers()
      using _limit = clock.after(limitMs, () => this.#drained?.resolve())
      await this.#drained.promise
    }
    await this[Symbol.asyncDispose]()
    return {
      completed: endings.done + endings.failed - done,
      dropped: endings.closed - closed,
      ms: clock.nowMs() - startMs,
    }
  }

  /** Ends all threads at once. What was not settled is rejected with QPS_POOL_CLOSED. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = 'closed'
    this.#dropWaiters()
    for (const job of this.#dispatcher.held()) this.#withdraw(job, closedError(), 'closed')
    this.#due[Symbol.dispose]()
    this.#ready.reject(closedError())
    this.#drained?.resolve()
    await this.#dispatcher.end()
  }

  #submit(job: Job): void {
    if (this.#isRefused(job)) return
    job.submittedMs = this.#dispatcher.nowMs()
    job.bytes = bytesOf(job.argument)
    const { timeoutMs = Infinity, context } = job.options
    const leftMs = context === undefined ? timeoutMs : Math.min(timeoutMs, context.remainingMs())
    if (leftMs !== Infinity) job.deadlineMs = this.#plan.clock.nowMs() + leftMs
    if (this.#waiters.size === 0 && this.#fits(job)) this.#accept(job)
    else this.#onFull(job)
  }

  /** Settles what need not even be looked at. */
  #isRefused(job: Job): boolean {
    const { signal, context } = job.options
    if (this.#state !== 'open') this.#settle(job, 'refused').reject(closedError())
    else if (signal?.aborted === true || context?.ended === true) this.#owner.onAbort(job)
    else {
      const unknown = this.#dispatcher.identify(job)
      if (unknown !== undefined) this.#settle(job, 'failed').reject(unknown)
    }
    return job.isSettled
  }

  #fits(job: Job): boolean {
    return this.#unfinished < this.#unfinishedMax && this.#bytes + job.bytes <= this.#plan.queueBytesMax
  }

  #accept(job: Job): void {
    job.sequence = this.#sequence++
    this.#unfinished++
    this.#bytes += job.bytes
    this.#dispatcher.push(job)
    this.#watch(job, job.deadlineMs)
  }

  /** Sees to it that the job ends with its caller's patience. */
  #watch(job: Job, dueMs: number): void {
    job.listen()
    if (dueMs !== Infinity) this.#due.set(job, dueMs)
  }

  #onFull(job: Job): void {
    const { policy, queueBytesMax } = this.#plan
    // No wait, and nobody else's loss, would make room for it.
    if (job.bytes > queueBytesMax && policy !== 'caller-runs') {
      return this.#settle(job, 'refused').reject(largeError(job.bytes, queueBytesMax))
    }
    switch (policy) {
      case 'abort':
        return this.#refuse(job)
      case 'discard':
        return this.#discard(job)
      case 'discard-oldest':
        return this.#discardOldestFor(job)
      case 'caller-runs':
        return this.#caller!.isLoaded ? this.#callHere(job) : this.#refuse(job)
      case 'wait':
        return this.#waitForPlace(job)
    }
  }

  #refuse(job: Job): void {
    const { queueMax, queueBytesMax } = this.#plan
    const isLong = this.#unfinished >= this.#unfinishedMax
    const what = isLong
      ? `${queueMax} tasks wait already`
      : `arguments of ${this.#bytes} of ${queueBytesMax} bytes are held`
    this.#settle(job, 'refused').reject(fullError(what))
  }

  #discard(job: Job): void {
    this.#withdraw(job, discardedError(job.name), 'discarded')
  }

  #discardOldestFor(job: Job): void {
    while (!this.#fits(job)) {
      const oldest = this.#dispatcher.leastUrgent()
      if (oldest === undefined || oldest.level < job.level) return this.#discard(job)
      this.#discard(oldest)
    }
    this.#accept(job)
  }

  #waitForPlace(job: Job): void {
    const { waitMs, waitersMax, clock } = this.#plan
    if (this.#waiters.size >= waitersMax) return this.#refuse(job)
    job.state = 'waiting'
    this.#waiters.push(job)
    this.#watch(job, Math.min(job.deadlineMs, clock.nowMs() + waitMs))
  }

  /** A place is free: whoever has waited for one longest gets it. */
  #admitWaiters(): void {
    for (let job = this.#waiters.first(); job !== undefined && this.#fits(job); job = this.#waiters.first()) {
      this.#waiters.remove(job)
      job.sequence = this.#sequence++
      this.#unfinished++
      this.#bytes += job.bytes
      this.#dispatcher.push(job)
      this.#due.set(job, job.deadlineMs)
    }
  }

  #callHere(job: Job): void {
    job.state = 'called'
    this.#called++
    this.#tally.callerRuns++
    this.#watch(job, job.deadlineMs)
    this.#caller!.call(job, this.#plan.clock, (ending, value) => this.#endCall(job, ending, value))
  }

  #endCall(job: Job, ending: 'done' | 'failed', value: unknown): void {
    if (job.isSettled) return
    if (ending === 'done') this.#settle(job, ending).resolve(value)
    else this.#settle(job, ending).reject(failedError(job.name, value))
  }

  readonly #owner: JobOwner = {
    onAbort: (job) => {
      if (job.isSettled) return
      const { error, ending } = abortOf(job)
      this.#withdraw(job, error, ending)
    },
  }

  #onDue(job: Job, nowMs: number): void {
    if (job.state === 'abandoned') {
      const thread = this.#dispatcher.crew.byId(job.threadId)
      if (thread !== undefined) this.#dispatcher.crew.replace(thread)
    } else if (nowMs < job.deadlineMs) {
      this.#waiters.remove(job)
      this.#refuse(job)
    } else this.#withdraw(job, lateError(job), 'timedOut')
  }

  #dropWaiters(): void {
    for (let job = this.#waiters.first(); job !== undefined; job = this.#waiters.first()) {
      this.#withdraw(job, closedError(), 'closed')
    }
  }

  /** Nobody wants it any more: takes it out of wherever it is, and tells its caller. */
  #withdraw(job: Job, error: QpsError, ending: Ending): void {
    if (job.state === 'waiting') this.#waiters.remove(job)
    const isGone = job.state === 'queued' || job.state === 'sent' ? this.#dispatcher.remove(job) : true
    this.#settle(job, ending).reject(error)
    if (isGone) return
    job.state = 'abandoned'
    this.#due.set(job, this.#plan.clock.nowMs() + this.#plan.graceMs)
  }

  #onLeft(job: Job): void {
    this.#due.remove(job)
    job.state = 'settled'
  }

  /** Takes a job off the books. Its promise is the caller's to settle. */
  #settle(job: Job, ending: Ending): Job {
    const { state } = job
    this.#tally.endings[ending]++
    this.#due.remove(job)
    job.state = 'settled'
    if (state === 'queued' || state === 'sent') {
      this.#unfinished--
      this.#bytes -= job.bytes
      if (this.#waiters.size > 0) this.#admitWaiters()
    } else if (state === 'called') this.#called--
    if (this.#drained !== undefined && this.#unfinished + this.#called === 0) this.#drained.resolve()
    return job
  }
}
