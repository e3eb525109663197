import type { Clock } from '@qps/core'
import type { Job } from './job.ts'

/** The longest delay that Node's timers know. */
const timerMsMax = 2 ** 31 - 1

/**
 * Jobs about which something is to be done at an instant: a binary heap with one timer for all of them, set for the earliest.
 * O(log n) to add and to remove. A timer that comes too early, because its job is gone, is set anew.
 */
export class DueJobs implements Disposable {
  readonly #clock: Clock
  readonly #onDue: (job: Job, nowMs: number) => void
  readonly #heap: Job[] = []
  #timer: Disposable | undefined
  #timerMs = Infinity

  constructor(clock: Clock, onDue: (job: Job, nowMs: number) => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  /** Also moves one that is in it already. Infinity takes it out. */
  set(job: Job, dueMs: number): void {
    this.remove(job)
    if (dueMs === Infinity) return
    job.dueMs = dueMs
    this.#rise(job, this.#heap.push(job) - 1)
    if (dueMs < this.#timerMs) this.#arm()
  }

  remove(job: Job): void {
    const at = job.dueAt
    if (at < 0) return
    job.dueAt = -1
    const last = this.#heap.pop()!
    if (last === job) return
    // What was last takes the empty place, and moves from there to where it belongs.
    this.#rise(last, at)
    this.#sink(last, last.dueAt)
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#timerMs = Infinity
    for (const job of this.#heap.splice(0)) job.dueAt = -1
  }

  #arm(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    this.#timerMs = this.#heap[0]?.dueMs ?? Infinity
    if (this.#timerMs === Infinity) return
    const delayMs = Math.min(timerMsMax, Math.max(0, this.#timerMs - this.#clock.nowMs()))
    this.#timer = this.#clock.after(delayMs, () => this.#ring())
  }

  #ring(): void {
    const nowMs = this.#clock.nowMs()
    for (let job = this.#heap[0]; job !== undefined && job.dueMs <= nowMs; job = this.#heap[0]) {
      this.remove(job)
      this.#onDue(job, nowMs)
    }
    this.#timerMs = Infinity
    this.#arm()
  }

  #rise(job: Job, from: number): void {
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = this.#heap[above]!
      if (parent.dueMs <= job.dueMs) break
      this.#put(parent, at)
      at = above
    }
    this.#put(job, at)
  }

  #sink(job: Job, from: number): void {
    let at = from
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      if (left >= this.#heap.length) break
      const least = right < this.#heap.length && this.#heap[right]!.dueMs < this.#heap[left]!.dueMs ? right : left
      const child = this.#heap[least]!
      if (child.dueMs >= job.dueMs) break
      this.#put(child, at)
      at = least
    }
    this.#put(job, at)
  }

  #put(job: Job, at: number): void {
    this.#heap[at] = job
    job.dueAt = at
  }
}
