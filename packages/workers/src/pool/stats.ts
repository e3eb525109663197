import { Histogram } from '@qps/stats'

/** How a task can end. */
export const endings = ['done', 'failed', 'timedOut', 'cancelled', 'discarded', 'refused', 'died', 'closed'] as const
/**
 * `failed`: it threw. `timedOut`: its deadline passed. `discarded`, `refused`: by the policy of a full pool, or
 * because the pool is closed. `died`: its thread ended, or none could be had. `closed`: the pool came to its end first.
 */
export type Ending = (typeof endings)[number]

/** What a pool has done and is doing. Counts are since its start. */
export interface WorkerPoolStats {
  /** Accepted tasks that do not run yet. */
  depth: number
  /** Tasks that wait to be accepted. */
  waiting: number
  /** Tasks that a thread has begun and not ended, those that nobody waits for any more included. */
  running: number
  /** Threads that take tasks, and those that are starting. */
  threads: number
  starting: number
  /** Of the arguments of all accepted tasks. */
  bytes: number
  /** From the call of `run` to the result, less the time that the function ran, in microseconds. The pool's own: merge or read it. */
  waitUs: Histogram
  /** The function, until its result was there, in microseconds. The pool's own. */
  runUs: Histogram
  endings: Record<Ending, number>
  /** Tasks that the caller's own thread ran. */
  callerRuns: number
  /** Tasks that were begun again on another thread. */
  retried: number
  /** Tasks that were sent to a thread, and taken back because it was busy for longer than expected. */
  takenBack: number
  /** Threads that were ended because a task did not stop, and those that died by themselves. */
  stuck: number
  lost: number
}

/** What only counts up. */
export class PoolTally {
  readonly waitUs: Histogram = new Histogram()
  readonly runUs: Histogram = new Histogram()
  readonly endings: Record<Ending, number> = {
    done: 0,
    failed: 0,
    timedOut: 0,
    cancelled: 0,
    discarded: 0,
    refused: 0,
    died: 0,
    closed: 0,
  }
  callerRuns = 0
  retried = 0
  takenBack = 0
  stuck = 0
  lost = 0
}
