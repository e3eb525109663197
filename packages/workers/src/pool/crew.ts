import type { WorkerPoolPlan } from './options.ts'
import { PoolThread, type ThreadEvents } from './pool-thread.ts'
import type { PoolTally } from './stats.ts'

/** Threads that died are counted over so long. */
const lossWindowMs = 60_000
/** Before another thread is started where those before it did not get that far; doubled each time. */
const restartDelayMs = 10
const restartDelayMsMax = 1000

/** The threads of a pool: how many there are, and what happens when one is gone. It knows no task. */
export class Crew {
  /** Those that take tasks, and those that are starting. */
  readonly threads: PoolThread[] = []
  /** What the last one that died said. */
  lastWords = ''
  readonly #plan: WorkerPoolPlan
  readonly #events: ThreadEvents
  readonly #tally: PoolTally
  readonly #byId = new Map<number, PoolThread>()
  #nextId = 0
  #isHeld = false
  #isOver = false
  #lossesMs: number[] = []
  /** Losses in a row of threads that had not imported the module. */
  #fruitless = 0
  /** Those that were told to end, and what ends them if they do not. */
  readonly #closing = new Map<PoolThread, Disposable>()
  #restart: Disposable | undefined
  #shrink: Disposable | undefined

  constructor(plan: WorkerPoolPlan, events: ThreadEvents, tally: PoolTally) {
    this.#plan = plan
    this.#events = events
    this.#tally = tally
    while (this.threads.length < plan.threadsMin) this.#start()
  }

  get starting(): number {
    return this.threads.filter(({ state }) => state === 'starting').length
  }

  /** A thread that may still have jobs: also one that is about to end. */
  byId(id: number): PoolThread | undefined {
    return this.#byId.get(id)
  }

  all(): PoolThread[] {
    return [...this.#byId.values()]
  }

  /** Some task waits that no thread has room for: starts one more, unless one is starting already, or there are enough. */
  grow(): void {
    if (this.threads.length >= this.#plan.threadsMax || this.#restart !== undefined || this.starting > 0) return
    if (this.#mayReplace()) this.#start()
  }

  /** No thread is there, none is starting, none will be. */
  get isHopeless(): boolean {
    return this.threads.length === 0 && this.#restart === undefined && !this.#mayReplace()
  }

  /** Whether the process stays alive for the threads' sake. */
  hold(held: boolean): void {
    if (held === this.#isHeld) return
    this.#isHeld = held
    for (const thread of this.#byId.values()) thread.setReference(held)
  }

  /** This one has nothing to do. Sees to it that it is ended if that stays so. */
  onIdle(thread: PoolThread): void {
    thread.idleSinceMs = this.#plan.clock.nowMs()
    if (this.threads.length > this.#plan.threadsMin) this.#armShrink(this.#plan.idleMs)
  }

  /** Ends a thread whose task does not stop. Another one takes its place. */
  replace(thread: PoolThread): void {
    if (thread.wasAsked) return
    this.#tally.stuck++
    this.#leave(thread)
    void thread.kill()
  }

  /** A thread is gone. Starts another where there are fewer than there should be. */
  onGone(thread: PoolThread, why: string): void {
    this.#byId.delete(thread.id)
    this.#closing.get(thread)?.[Symbol.dispose]()
    this.#closing.delete(thread)
    this.#leave(thread)
    if (this.#isOver) return
    if (!thread.wasAsked) this.#onLoss(thread, why)
    if (this.threads.length < this.#plan.threadsMin) this.#startLater()
  }

  /** Ends all threads. */
  async end(): Promise<void> {
    this.#isOver = true
    this.#restart?.[Symbol.dispose]()
    this.#shrink?.[Symbol.dispose]()
    this.threads.length = 0
    await Promise.all(this.all().map((thread) => thread.kill()))
  }

  #start(): void {
    const thread = new PoolThread(this.#nextId++, this.#plan, this.#events)
    thread.setReference(this.#isHeld)
    this.threads.push(thread)
    this.#byId.set(thread.id, thread)
  }

  #startLater(): void {
    if (this.#restart !== undefined || !this.#mayReplace()) return
    if (this.#fruitless === 0) return this.#start()
    const delayMs = Math.min(restartDelayMsMax, restartDelayMs * 2 ** (this.#fruitless - 1))
    this.#restart = this.#plan.clock.after(delayMs, () => {
      this.#restart = undefined
      if (!this.#isOver && this.threads.length < Math.max(1, this.#plan.threadsMin)) this.#start()
    })
  }

  #leave(thread: PoolThread): void {
    const at = this.threads.indexOf(thread)
    if (at >= 0) this.threads.splice(at, 1)
  }

  #onLoss(thread: PoolThread, why: string): void {
    this.#tally.lost++
    this.lastWords = why
    this.#fruitless = thread.hasStarted ? 0 : this.#fruitless + 1
    this.#lossesMs.push(this.#plan.clock.nowMs())
    this.#plan.onLoss(`a thread of the pool ended: ${why}`)
  }

  /** So few have died lately that another start makes sense. */
  #mayReplace(): boolean {
    const { clock, replacementsMax } = this.#plan
    if (this.#lossesMs.length === 0) return true
    const sinceMs = clock.nowMs() - lossWindowMs
    this.#lossesMs = this.#lossesMs.filter((lossMs) => lossMs > sinceMs)
    return this.#lossesMs.length <= replacementsMax
  }

  #armShrink(delayMs: number): void {
    this.#shrink ??= this.#plan.clock.after(delayMs, () => {
      this.#shrink = undefined
      this.#endIdle()
    })
  }

  #endIdle(): void {
    const { clock, idleMs, threadsMin, graceMs } = this.#plan
    const nowMs = clock.nowMs()
    let nextMs = Infinity
    for (const thread of this.threads.toReversed()) {
      if (this.threads.length <= threadsMin) return
      if (thread.inFlight > 0 || thread.state !== 'ready') continue
      const leftMs = thread.idleSinceMs + idleMs - nowMs
      if (leftMs > 0) nextMs = Math.min(nextMs, leftMs)
      else {
        this.#leave(thread)
        thread.close()
        this.#closing.set(
          thread,
          clock.after(graceMs, () => void thread.kill()),
        )
      }
    }
    if (nextMs < Infinity) this.#armShrink(nextMs)
  }
}
