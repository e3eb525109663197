import type { Context } from '@qps/context'
import type { Transferable } from 'node:worker_threads'
import type { RunOptions } from './task.ts'

/**
 * Where a job is on its way.
 *
 *   outside ─▶ waiting ─▶ queued ─▶ sent ─▶ settled
 *      │                    ▲         │        ▲
 *      ├────────────────────┘         └▶ abandoned: settled, but its thread still has it
 *      └▶ called ──────────────────────────────┘   the caller's own thread runs it
 */
export type JobState = 'outside' | 'waiting' | 'queued' | 'sent' | 'called' | 'abandoned' | 'settled'

/** Who is told when a job's signal fires. */
export interface JobOwner {
  onAbort(job: Job): void
}

const noOptions: RunOptions = {}
const nothing = (): void => {}

/** The two functions of the promise that is being made. One executor for all promises saves a closure for each. */
let resolveNext: (value: unknown) => void = nothing
let rejectNext: (reason: unknown) => void = nothing
const executor = (resolve: (value: unknown) => void, reject: (reason: unknown) => void): void => {
  resolveNext = resolve
  rejectNext = reject
}

/** A task as the pool sees it, from the call of `run` to the end of its promise. */
export class Job {
  readonly name: string
  readonly argument: unknown
  readonly options: RunOptions
  readonly level: number
  readonly promise: Promise<unknown>
  readonly #resolve: (value: unknown) => void
  readonly #reject: (reason: unknown) => void
  readonly #owner: JobOwner
  state: JobState = 'outside'
  /** Of its function in the module; -1 where that is not known yet. */
  functionIndex = -1
  /** Its place in the order of acceptance. */
  sequence = 0
  /** Bytes of its argument that the pool counts. */
  bytes = 0
  /** Threads that died under it. */
  losses = 0
  submittedMs = 0
  /** On the pool's clock; Infinity without one. */
  deadlineMs: number = Infinity
  /** When something is next to be done about it, and its place in the heap of such instants; -1 where it is in none. */
  dueMs: number = Infinity
  dueAt = -1
  /** Where it was sent to. */
  slot = -1
  threadId = -1
  #listening = false
  /** Its neighbors in a queue. */
  before: Job | undefined = undefined
  behind: Job | undefined = undefined

  constructor(owner: JobOwner, name: string, argument: unknown, level: number, options: RunOptions | undefined) {
    this.#owner = owner
    this.name = name
    this.argument = argument
    this.level = level
    this.options = options ?? noOptions
    this.promise = new Promise(executor)
    this.#resolve = resolveNext
    this.#reject = rejectNext
    resolveNext = rejectNext = nothing
  }

  get transfer(): readonly Transferable[] | undefined {
    return this.options.transfer
  }

  /** Something of it moves to the thread, and is nowhere else then. */
  get hasMoved(): boolean {
    const { transfer } = this.options
    return transfer !== undefined && transfer.length > 0
  }

  get context(): Context | undefined {
    return this.options.context
  }

  /** Nobody waits for it any more. A job is settled once. */
  get isSettled(): boolean {
    return this.state === 'settled' || this.state === 'abandoned'
  }

  /** Listens to the signals of its caller. */
  listen(): void {
    const { signal, context } = this.options
    if (signal === undefined && context === undefined) return
    this.#listening = true
    signal?.addEventListener('abort', this)
    context?.signal.addEventListener('abort', this)
  }

  /** For the signals: nothing but `abort` is listened to. */
  handleEvent(): void {
    this.#owner.onAbort(this)
  }

  resolve(value: unknown): void {
    this.#endListening()
    this.#resolve(value)
  }

  reject(error: unknown): void {
    this.#endListening()
    this.#reject(error)
  }

  #endListening(): void {
    if (!this.#listening) return
    this.#listening = false
    this.options.signal?.removeEventListener('abort', this)
    this.options.context?.signal.removeEventListener('abort', this)
  }
}
