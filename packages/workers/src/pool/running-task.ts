import { background, type CancellableContext, type Context, parseTraceparent, parseTracestate } from '@qps/context'
import { cancelledError, timeoutError } from './errors.ts'
import { monotonicMs } from './monotonic.ts'
import { slotStopping } from './slot-states.ts'
import type { Task } from './task.ts'

/** What came with a task beside its argument. */
export interface TaskHead {
  name: string
  slot: number
  /** On the clock of {@link monotonicMs}. */
  deadlineMs: number
  traceparent: string
  tracestate: string
}

/** A task on the thread that runs it. Nothing is made that the function does not ask for. */
export class RunningTask implements Task {
  readonly #head: TaskHead
  readonly #slots: Int32Array<SharedArrayBuffer>
  #isStopped = false
  #isOver = false
  #controller: AbortController | undefined
  #scope: CancellableContext | undefined
  #context: Context | undefined

  constructor(head: TaskHead, slots: Int32Array<SharedArrayBuffer>) {
    this.#head = head
    this.#slots = slots
  }

  get cancelled(): boolean {
    return this.#isStopping() || this.remainingMs() === 0
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#isStopping()) this.#abort()
    }
    return this.#controller.signal
  }

  get context(): Context {
    if (this.#context === undefined) {
      const { traceparent, tracestate } = this.#head
      this.#scope = background().withCancel(this.signal)
      const context = this.#scope.withTimeout(this.remainingMs())
      this.#context = context.withTrace(parseTraceparent(traceparent, parseTracestate(tracestate)))
    }
    return this.#context
  }

  remainingMs(): number {
    const { deadlineMs } = this.#head
    return deadlineMs === Infinity ? Infinity : Math.max(0, deadlineMs - monotonicMs())
  }

  throwIfCancelled(): void {
    if (this.#isStopping()) throw cancelledError(this.#head.name, undefined)
    if (this.remainingMs() === 0) throw timeoutError(this.#head.name)
  }

  /** The pool has said that nobody waits for it any more. */
  stop(): void {
    this.#isStopped = true
    this.#abort()
  }

  /** It was answered; its slot is another's from now on. */
  end(): void {
    this.#isOver = true
    this.#scope?.[Symbol.dispose]()
  }

  #isStopping(): boolean {
    if (!this.#isStopped && !this.#isOver) this.#isStopped = Atomics.load(this.#slots, this.#head.slot) === slotStopping
    return this.#isStopped
  }

  #abort(): void {
    this.#controller?.abort(cancelledError(this.#head.name, undefined))
  }
}
