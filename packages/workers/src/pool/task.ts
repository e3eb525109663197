import type { Context } from '@qps/context'
import type { Transferable } from 'node:worker_threads'

/** A function that a pool runs on another thread: it gets one argument and, if it wants, what is known of the task. */
export type TaskFunction = (argument: never, task: Task) => unknown

/** A module of which nothing is known. */
export type AnyTasks = Record<string, (argument: unknown, task: Task) => unknown>

/** The names of the functions that a module exports. */
export type TaskName<M> = { [K in keyof M]: M[K] extends TaskFunction ? K : never }[keyof M] & string

/** What the function of this name is given. */
export type TaskArgument<M, N extends keyof M> = M[N] extends (argument: infer A, ...rest: never) => unknown ? A : never

/** What it gives, when it is awaited. */
export type TaskResult<M, N extends keyof M> = M[N] extends (...all: never) => infer R ? Result<Awaited<R>> : never
type Result<R> = R extends Moved<infer V> ? V : R

/** How one task is run. */
export interface RunOptions {
  /** Its deadline bounds the task, its end cancels it, its trace is the task's. */
  context?: Context
  /** Cancels the task. */
  signal?: AbortSignal
  /** From now to the result, in milliseconds, above 0. Default none. */
  timeoutMs?: number
  /** 0 goes first. Default the middle one of the pool's `priorities`. */
  priority?: number
  /** Moved to the thread instead of copied; empty here from then on. A task with such is not retried. */
  transfer?: readonly Transferable[]
  /** It may be started again where the thread died that had begun it. Default false. */
  idempotent?: boolean
}

/**
 * What a running function knows of its task. A function that does not return to the event loop can ask `cancelled`, which reads
 * shared memory; one that awaits can listen to `signal`.
 */
export interface Task {
  /** True once nobody wants the result any more: it was cancelled, or its deadline has passed. */
  readonly cancelled: boolean
  /** Aborted when the task is cancelled. Made on first use. It tells of that in a turn of the thread's loop. */
  readonly signal: AbortSignal
  /** Milliseconds until the deadline, at least 0; Infinity without one. */
  remainingMs(): number
  /** @throws QpsError QPS_TASK_CANCELLED or QPS_TASK_TIMEOUT where `cancelled` is true. */
  throwIfCancelled(): void
  /** With the deadline and the trace of the caller's, for calls that the task makes. Made on first use. */
  readonly context: Context
}

/** A result whose parts move instead of being copied: what {@link move} makes. */
export class Moved<V> {
  readonly value: V
  readonly transfer: readonly Transferable[]

  constructor(value: V, transfer: readonly Transferable[]) {
    this.value = value
    this.transfer = transfer
  }
}

/**
 * For a task that returns something large: `transfer` moves to the caller's thread and is empty on this one.
 *
 * @example return move(pixels, [pixels.buffer])
 */
export function move<V>(value: V, transfer: readonly Transferable[]): Moved<V> {
  return new Moved(value, transfer)
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
