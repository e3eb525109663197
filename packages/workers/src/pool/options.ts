import { checkInteger, checkNumber, type Clock, describe, QpsError, systemClock } from '@qps/core'
import type { RunOptions } from './task.ts'

/**
 * What happens to a task that finds the pool full.
 *
 * `abort`: it is refused with QPS_POOL_FULL, and the caller decides. `caller-runs`: the caller's own thread runs it at once, which
 * keeps the caller from making more of them. `discard`: it is dropped, and its promise rejected with QPS_TASK_DISCARDED.
 * `discard-oldest`: the task that has waited longest among the least urgent ones is dropped in its favor, unless all that wait
 * are more urgent. `{ waitMs }`: it waits for a place, beside at most `waitersMax` others, and then is refused with QPS_POOL_FULL.
 */
export type WhenFull = 'abort' | 'caller-runs' | 'discard' | 'discard-oldest' | WaitWhenFull

export interface WaitWhenFull {
  /** How long for a place, in milliseconds, 0 to 2^31 - 1. */
  waitMs: number
  /** Tasks that wait for one, 1 to 1,048,576. Default as many as `queueMax`, at least 1. */
  waitersMax?: number
}

export interface WorkerPoolOptions {
  /** The module whose exported functions are the tasks. Each thread imports it once; with `caller-runs` this thread does too. */
  module: URL
  /** Threads that stay, 0 to 64. Default 1. */
  threadsMin?: number
  /** Threads at most, 1 to 64, at least `threadsMin`. Default the number of processors, at most 64. */
  threadsMax?: number
  /** A thread above `threadsMin` that had nothing to do for so long is ended, in milliseconds, 1 to 2^31 - 1. Default 10,000. */
  idleMs?: number
  /** Accepted tasks that do not run yet, wherever they wait, 0 to 1,048,576. Default 1024. */
  queueMax?: number
  /**
   * Bytes of the arguments of all accepted tasks: buffers and text in full, 16 for every other value, and no more than 1024
   * values of an argument are looked at. A task that would go beyond finds the pool full. 1 to 2^40. Default 64 MiB.
   */
  queueBytesMax?: number
  /** Default `abort`. */
  whenFull?: WhenFull
  /** How often a task that says it is `idempotent` is started again after its thread has died, 0 to 100. Default 1. */
  retriesMax?: number
  /** Levels of urgency, 1 to 16. Level 0 goes first; a lower one waits for as long as a higher one has tasks. Default 3. */
  priorities?: number
  /**
   * Tasks that one thread has begun and not ended, 1 to 64. More than one makes sense for functions that wait for
   * something other than the processor. Default 1.
   */
  concurrency?: number
  /**
   * How long a task that was cancelled while it ran may take to notice, in milliseconds, 0 to 2^31 - 1; then its thread is ended
   * and replaced. Default 1000.
   */
  graceMs?: number
  /** Threads that died by themselves and were replaced within a minute, 0 to 10,000. Beyond, no more are started. Default 10. */
  replacementsMax?: number
  /** Bytes of an encoded argument or result up to which it is copied through shared memory, 64 to 65,536. Default 4096. */
  inlineBytesMax?: number
  /** What the heap of a thread may take, in bytes, at least 16 MiB: beyond, the thread dies. Default V8's own bound. */
  heapBytesMax?: number
  /** Called when a thread is gone that nobody had asked to go. Default: a line on standard error. */
  onLoss?: (why: string) => void
  /** Default the system's. For deadlines, idle threads and measured times. */
  clock?: Clock
}

/** What applies where an option is left out. `threadsMax` and `waitersMax` depend on the machine and on `queueMax`. */
export const workerPoolDefaults = {
  threadsMin: 1,
  idleMs: 10_000,
  queueMax: 1024,
  queueBytesMax: 67_108_864,
  whenFull: 'abort',
  retriesMax: 1,
  priorities: 3,
  concurrency: 1,
  graceMs: 1000,
  replacementsMax: 10,
  inlineBytesMax: 4096,
} as const

/** The most threads that one pool may have. */
export const threadsLimit = 64
const timerMsMax = 2 ** 31 - 1
const policies = ['abort', 'caller-runs', 'discard', 'discard-oldest'] as const
export type Policy = (typeof policies)[number] | 'wait'

/** Options that were checked, none left out. */
export interface WorkerPoolPlan extends Required<Omit<WorkerPoolOptions, 'whenFull' | 'heapBytesMax'>> {
  policy: Policy
  waitMs: number
  waitersMax: number
  heapBytesMax: number | undefined
}

/**
 * @param processors how many the machine has.
 * @throws QpsError QPS_OPTION naming the option, its value and its range.
 */
export function planPool(options: WorkerPoolOptions, processors: number): WorkerPoolPlan {
  const { module, clock = systemClock, onLoss = reportLoss, heapBytesMax } = options
  if (!(module instanceof URL)) throw new QpsError('QPS_OPTION', `module must be a URL, not ${describe(module)}`)
  const whole = (name: keyof typeof workerPoolDefaults, min: number, max: number): number =>
    checkInteger(name, options[name] ?? workerPoolDefaults[name], { min, max })
  const threadsMin = whole('threadsMin', 0, threadsLimit)
  const likely = Math.max(1, threadsMin, Math.min(processors, threadsLimit))
  const queueMax = whole('queueMax', 0, 2 ** 20)
  if (heapBytesMax !== undefined) checkInteger('heapBytesMax', heapBytesMax, { min: 2 ** 24 })
  return {
    module,
    clock,
    onLoss,
    heapBytesMax,
    threadsMin,
    threadsMax: checkInteger('threadsMax', options.threadsMax ?? likely, {
      min: Math.max(1, threadsMin),
      max: threadsLimit,
    }),
    idleMs: whole('idleMs', 1, timerMsMax),
    queueMax,
    queueBytesMax: whole('queueBytesMax', 1, 2 ** 40),
    retriesMax: whole('retriesMax', 0, 100),
    priorities: whole('priorities', 1, 16),
    concurrency: whole('concurrency', 1, 64),
    graceMs: whole('graceMs', 0, timerMsMax),
    replacementsMax: whole('replacementsMax', 0, 10_000),
    inlineBytesMax: whole('inlineBytesMax', 64, 65_536),
    ...planPolicy(options.whenFull ?? workerPoolDefaults.whenFull, queueMax),
  }
}

function planPolicy(whenFull: WhenFull, queueMax: number): { policy: Policy; waitMs: number; waitersMax: number } {
  if (typeof whenFull === 'object' && whenFull !== null) {
    return {
      policy: 'wait',
      waitMs: checkNumber('whenFull.waitMs', whenFull.waitMs, { min: 0, max: timerMsMax }),
      waitersMax: checkInteger('whenFull.waitersMax', whenFull.waitersMax ?? Math.max(1, queueMax), {
        min: 1,
        max: 2 ** 20,
      }),
    }
  }
  if (!policies.includes(whenFull)) {
    throw new QpsError(
      'QPS_OPTION',
      `whenFull must be one of ${policies.join(', ')} or { waitMs }, not ${describe(whenFull)}`,
    )
  }
  return { policy: whenFull, waitMs: 0, waitersMax: 0 }
}

/**
 * The level of a task, whose other options are checked with it.
 *
 * @throws QpsError QPS_OPTION naming the option, its value and its range.
 */
export function levelOf(options: RunOptions | undefined, priorities: number): number {
  if (options === undefined) return priorities >> 1
  const { timeoutMs = Infinity, priority = priorities >> 1 } = options
  if (timeoutMs !== Infinity) checkNumber('timeoutMs', timeoutMs, { min: 0 })
  return checkInteger('priority', priority, { min: 0, max: priorities - 1 })
}

function reportLoss(why: string): void {
  process.stderr.write(`${JSON.stringify({ level: 'error', message: why })}\n`)
}
