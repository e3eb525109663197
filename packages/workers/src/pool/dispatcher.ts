import { outcomes } from './batches.ts'
import { Crew } from './crew.ts'
import { diedError, failedError, noThreadError, unknownError } from './errors.ts'
import type { Job } from './job.ts'
import { JobQueue } from './job-queue.ts'
import type { WorkerPoolPlan } from './options.ts'
import type { PoolThread, ThreadEvents } from './pool-thread.ts'
import type { Ending, PoolTally } from './stats.ts'

/** Work that is not worth waking another thread for. Milliseconds. */
const wakeMs = 0.05
/** Work that a thread is sent ahead of its turn, so that it does not wait for the next one to arrive. Milliseconds. */
const aheadMs = 0.25
/** How often a pool that works looks for threads that stand still. Milliseconds. */
const lookMs = 10

const settled = Promise.resolve()

/** What the dispatcher tells the pool. */
export interface DispatcherEvents {
  onReady(): void
  /** The first thread could not import the module. */
  onNoStart(why: string): void
  onDone(job: Job, value: unknown): void
  /** It is done or has failed, and its deadline has passed. */
  onLate(job: Job): void
  onFailed(job: Job, error: Error, ending: Ending): void
  /** A task that nobody waited for any more is off its thread. */
  onLeft(job: Job): void
}

/** Accepted tasks, from acceptance to their answer: which thread gets which, and what becomes of them when one dies. */
export class Dispatcher {
  readonly crew: Crew
  /** The functions of the module by name: known when the first thread has imported it. */
  functions: ReadonlyMap<string, number> | undefined
  readonly #plan: WorkerPoolPlan
  readonly #tally: PoolTally
  readonly #events: DispatcherEvents
  readonly #queue: JobQueue
  #isScheduled = false
  #scheduledMs = 0
  #look: Disposable | undefined
  #isOver = false

  constructor(plan: WorkerPoolPlan, tally: PoolTally, events: DispatcherEvents) {
    this.#plan = plan
    this.#tally = tally
    this.#events = events
    this.#queue = new JobQueue(plan.priorities)
    this.crew = new Crew(plan, this.#threadEvents, tally)
  }

  /** The instant of this turn's first task, where there was one; else now. Tasks of one turn are sent together anyway. */
  nowMs(): number {
    return this.#isScheduled ? this.#scheduledMs : this.#plan.clock.nowMs()
  }

  /** Finds a task's function, if the module is known already. @returns an error where it has none of this name. */
  identify(job: Job): Error | undefined {
    const { functions } = this
    if (functions === undefined) return undefined
    job.functionIndex = functions.get(job.name) ?? -1
    return job.functionIndex < 0 ? unknownError(job.name, [...functions.keys()]) : undefined
  }

  /** Takes a task over. It is sent at the end of this turn, with all others of it. */
  push(job: Job): void {
    job.state = 'queued'
    this.#queue.push(job)
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#scheduledMs = this.#plan.clock.nowMs()
    // Costs less than queueMicrotask, which keeps an asynchronous resource for each call.
    void settled.then(this.#sendScheduled)
  }

  /**
   * Forgets a task that is queued or was sent.
   *
   * @returns false where it runs: then it was told to stop, its thread still has it, and `onLeft` will say when not.
   */
  remove(job: Job): boolean {
    if (job.state === 'queued') {
      this.#queue.remove(job)
      return true
    }
    const thread = this.crew.byId(job.threadId)
    if (thread === undefined || thread.revoke(job)) return true
    thread.stop(job)
    return false
  }

  /** The oldest of the least urgent tasks that can still be dropped without having cost anything. */
  leastUrgent(): Job | undefined {
    if (this.#queue.size === 0) for (const thread of this.crew.threads) this.#takeBack(thread)
    return this.#queue.leastUrgent()
  }

  /** All that were accepted and are not answered. */
  held(): Job[] {
    const sent = this.crew.all().flatMap((thread) => thread.held().filter((job) => job.state === 'sent'))
    return [...sent, ...this.#queue]
  }

  /** Keeps the process alive until there is nothing to do. */
  awake(): void {
    if (this.#look !== undefined || this.#isOver) return
    this.crew.hold(true)
    this.#look = this.#plan.clock.every(lookMs, () => this.#lookAround())
  }

  /** Sends what is queued to threads that have room, and asks for another thread where none has. */
  dispatch(): void {
    if (this.#queue.size === 0 || this.#isOver) return
    const { crew } = this
    if (this.functions !== undefined) {
      this.#fill(wakeMs)
      if (this.#queue.size > 0) this.#fill(aheadMs)
      for (const thread of crew.threads) thread.flush()
    }
    if (this.#queue.size === 0) return
    crew.grow()
    if (crew.isHopeless) this.#giveUp(crew.lastWords)
  }

  /** Ends all threads, whatever they do. */
  async end(): Promise<void> {
    this.#isOver = true
    this.#look?.[Symbol.dispose]()
    await this.crew.end()
  }

  readonly #sendScheduled = (): void => {
    this.#isScheduled = false
    this.dispatch()
    if (this.#look === undefined) this.awake()
  }

  /** Gives each thread what it can run at once, and beyond that what it is expected to do within `limitMs`. */
  #fill(limitMs: number): void {
    const { concurrency } = this.#plan
    for (const thread of this.crew.threads) {
      if (thread.state !== 'ready') continue
      const mean = thread.meanRunMs
      const limit = Number.isNaN(mean) ? concurrency : Math.max(concurrency, limitMs / mean)
      while (thread.inFlight < limit && thread.takes) {
        const job = this.#queue.shift()
        if (job === undefined) return
        this.#send(thread, job)
      }
    }
  }

  #send(thread: PoolThread, job: Job): void {
    if (job.functionIndex < 0) {
      const unknown = this.identify(job)
      if (unknown !== undefined) return this.#events.onFailed(job, unknown, 'failed')
    }
    try {
      thread.send(job)
    } catch (error) {
      this.#events.onFailed(job, failedError(job.name, error), 'failed')
    }
  }

  readonly #threadEvents: ThreadEvents = {
    onReady: (thread, names) => {
      this.functions ??= new Map(names.map((name, index) => [name, index]))
      this.#events.onReady()
      this.crew.onIdle(thread)
      this.dispatch()
    },
    onAnswer: (job, outcome, value, runMs, nowMs) => {
      // It was taken back, and whoever did that has seen to it.
      if (outcome === outcomes.skipped) return
      if (job.state === 'abandoned') return this.#events.onLeft(job)
      this.#tally.runUs.record(runMs * 1000)
      this.#tally.waitUs.record(Math.max(0, nowMs - job.submittedMs - runMs) * 1000)
      if (nowMs >= job.deadlineMs) this.#events.onLate(job)
      else if (outcome === outcomes.done) this.#events.onDone(job, value)
      else this.#events.onFailed(job, failedError(job.name, value), 'failed')
    },
    onAnswered: (thread) => {
      if (thread.inFlight === 0) this.crew.onIdle(thread)
      this.dispatch()
    },
    onGone: (thread, why) => this.#onGone(thread, why),
  }

  #onGone(thread: PoolThread, why: string): void {
    const { begun, notBegun } = thread.remains()
    this.crew.onGone(thread, why)
    if (this.#isOver) return
    // The module cannot be imported: more of the same would follow.
    if (this.functions === undefined && this.crew.starting === 0) {
      this.#events.onNoStart(why)
      this.#giveUp(why)
    }
    for (const job of notBegun.toReversed()) this.#afterLoss(job, why, false)
    for (const job of begun.toReversed()) {
      if (job.state === 'abandoned') this.#events.onLeft(job)
      else this.#afterLoss(job, why, true)
    }
    this.dispatch()
  }

  #afterLoss(job: Job, why: string, wasBegun: boolean): void {
    // What moved to the thread is gone with it.
    if (job.hasMoved) return this.#events.onFailed(job, diedError(job.name, why, wasBegun), 'died')
    if (wasBegun) {
      if (job.options.idempotent !== true || job.losses >= this.#plan.retriesMax) {
        return this.#events.onFailed(job, diedError(job.name, why, true), 'died')
      }
      job.losses++
      this.#tally.retried++
    }
    this.#requeue(job)
  }

  /** There is no thread, and there will be none. */
  #giveUp(why: string): void {
    for (let job = this.#queue.leastUrgent(); job !== undefined; job = this.#queue.leastUrgent()) {
      this.#queue.remove(job)
      this.#events.onFailed(job, noThreadError(job.name, why), 'died')
    }
  }

  /** It had its turn and has it again, before all others of its level. */
  #requeue(job: Job): void {
    job.state = 'queued'
    this.#queue.unshift(job)
  }

  #takeBack(thread: PoolThread): void {
    const jobs = thread.takeBack()
    this.#tally.takenBack += jobs.length
    for (const job of jobs.toReversed()) this.#requeue(job)
  }

  /** A thread that answers nothing holds up what it was sent ahead: others can do that. */
  #lookAround(): void {
    let isBusy = this.#queue.size > 0 || this.crew.starting > 0
    for (const thread of this.crew.all()) {
      if (thread.standsStill()) {
        thread.meanRunMs = Math.max(lookMs, thread.meanRunMs)
        this.#takeBack(thread)
      }
      isBusy ||= thread.inFlight > 0
    }
    if (isBusy) return this.dispatch()
    this.#look?.[Symbol.dispose]()
    this.#look = undefined
    this.crew.hold(false)
  }
}
