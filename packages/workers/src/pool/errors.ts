import { describe, messageOf, QpsError } from '@qps/core'

/** What to do about each failure. */
const hints = {
  QPS_POOL_FULL: 'try again later, shed load before this point, or raise queueMax or threadsMax',
  QPS_POOL_CLOSED: 'run tasks before the pool is drained or disposed of',
  QPS_TASK_DISCARDED: 'expect it under load: the policy of this pool is to drop tasks',
  QPS_TASK_TIMEOUT: 'allow more time, run less at once, or make the task smaller',
  QPS_DEADLINE: 'the whole request was given that long: nobody waits for this result any more',
  QPS_TASK_CANCELLED: 'expect it: who asked for the task has called it off',
  QPS_WORKER_DIED:
    'look for process.exit, exhausted memory and native code in the task; declare it idempotent if it may run twice',
  QPS_TASK_FAILED: 'the cause is what the task threw',
  QPS_TASK_UNKNOWN: 'export a function of this name from the module of tasks',
} as const

type Code = keyof typeof hints

function failure(code: Code, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}): QpsError {
  return new QpsError(code, message, { ...options, hint: hints[code], retryable: code === 'QPS_POOL_FULL' })
}

/** The bound that was reached, with its value, is told. */
export function fullError(what: string): QpsError {
  return failure('QPS_POOL_FULL', `the pool is full: ${what}`)
}

/** It would not fit into an empty pool either. */
export function largeError(bytes: number, queueBytesMax: number): QpsError {
  const message = `the argument counts ${bytes} bytes, and all of them together may have ${queueBytesMax}`
  return new QpsError('QPS_POOL_FULL', message, { hint: 'raise queueBytesMax, or send less at a time' })
}

export function closedError(): QpsError {
  return failure('QPS_POOL_CLOSED', 'the pool takes no more tasks')
}

export function discardedError(name: string): QpsError {
  return failure('QPS_TASK_DISCARDED', `${name} was dropped: the pool is full`)
}

export function timeoutError(name: string): QpsError {
  return failure('QPS_TASK_TIMEOUT', `${name} was not done within its time`)
}

export function deadlineError(name: string): QpsError {
  return failure('QPS_DEADLINE', `${name} was not done by the deadline of its context`)
}

export function cancelledError(name: string, reason: unknown): QpsError {
  return failure('QPS_TASK_CANCELLED', `${name} was cancelled`, { cause: reason })
}

/** @param why what is known of the thread's end. */
export function diedError(name: string, why: string, begun: boolean): QpsError {
  const state = begun ? 'while it ran this task' : 'before it could run this task'
  return failure('QPS_WORKER_DIED', `${name}: the thread ended ${state}: ${why}`)
}

/** No thread can be had. */
export function noThreadError(name: string, why: string): QpsError {
  return failure('QPS_WORKER_DIED', `${name}: no thread is left to run it: ${why}`)
}

export function failedError(name: string, cause: unknown): QpsError {
  const what = cause instanceof Error ? messageOf(cause) : describe(cause)
  return failure('QPS_TASK_FAILED', `${name} failed: ${what}`, { cause })
}

export function unknownError(name: string, known: readonly string[]): QpsError {
  const list = known.length === 0 ? 'exports no function' : `exports ${known.join(', ')}`
  return failure('QPS_TASK_UNKNOWN', `there is no task ${describe(name)}: the module ${list}`)
}
