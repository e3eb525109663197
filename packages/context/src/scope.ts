import { type Clock, QpsError } from '@qps/core'
import { cancelledError, deadlineError, overError } from './errors.ts'

/** The longest wait that Node's timers know; a longer one is waited for in pieces. */
const timerMsMax = 2 ** 31 - 1

/** What a scope is made of; its clock and the latest possible deadline are its parent's. */
export interface ScopeOptions {
  /** The instant it ends at, on the clock. Default the parent's. */
  deadlineMs?: number
  /** What the deadline was given as, for the error. */
  budgetMs?: number
  /** A signal from outside that ends it too. */
  source?: AbortSignal | undefined
}

/**
 * A node of the tree of cancellation: what ends, when, and why. Contexts that differ in values or trace share one.
 *
 * Nothing is set up before somebody asks for its signal: whether it has ended is found out by looking, up to the root. With the
 * first signal below it, a scope is _watched_: it has a timer if the deadline is its own, listens to its source, and is known
 * to its parent, which is then watched as well. When the last signal below it has ended, all of that is undone.
 *
 *     root ─── request, 250 ms ──── call, 100 ms          a signal was asked of `call`: two timers, one entry in
 *               │ watched            │ watched, signal     `request`; none is left when `call` is disposed of
 *               └─ page, 200 ms
 *                    not watched: no timer, and `request` does not know it
 */
export class Scope {
  readonly parent: Scope | undefined
  readonly clock: Clock
  readonly deadlineMs: number
  readonly #budgetMs: number | undefined
  readonly #source: AbortSignal | undefined
  #onAbort: (() => void) | undefined
  #reason: QpsError | undefined
  #isOver = false
  #isWatched = false
  #controller: AbortController | undefined
  #timer: Disposable | undefined
  #watchers: Set<Scope> | undefined

  constructor(parent: Scope | undefined, clock: Clock, options: ScopeOptions = {}) {
    const latestMs = parent === undefined ? Infinity : parent.deadlineMs
    const { deadlineMs = latestMs } = options
    this.parent = parent
    this.clock = clock
    this.deadlineMs = deadlineMs < latestMs ? deadlineMs : latestMs
    this.#budgetMs = options.budgetMs
    this.#source = options.source
  }

  /** Scopes below this one that are told when it ends. */
  get watchers(): number {
    return this.#watchers?.size ?? 0
  }

  get ended(): boolean {
    return Scope.#ender(this) !== undefined || this.#isLate()
  }

  /** The same error for everything that ended with it; undefined while it has not. */
  get reason(): QpsError | undefined {
    const ender = Scope.#ender(this)
    if (ender !== undefined) return (ender.#reason ??= cancelledError(ender.#source?.reason))
    if (!this.#isLate()) return undefined
    const owner = Scope.#deadlineOwner(this)
    return (owner.#reason = deadlineError(owner.#budgetMs))
  }

  /** Made at the first asking; aborts with the reason. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      const { reason } = this
      if (reason === undefined) Scope.#watch(this)
      else this.#controller.abort(reason)
    }
    return this.#controller.signal
  }

  cancel(cause?: unknown): void {
    if (!this.#isOver) this.#end(this.reason ?? cancelledError(cause))
  }

  /** Ends it without a reason that is worth an error of its own; where nobody listens, not worth a look at the clock either. */
  dispose(): void {
    if (this.#isOver) return
    const isHeard = this.#controller !== undefined || this.#watchers !== undefined
    this.#end((isHeard ? this.reason : undefined) ?? overError())
  }

  #isLate(): boolean {
    return this.deadlineMs !== Infinity && this.clock.nowMs() >= this.deadlineMs
  }

  /** The nearest, from `scope` up, that has ended or been ended by its source. */
  static #ender(scope: Scope | undefined): Scope | undefined {
    let at = scope
    while (at !== undefined && at.#reason === undefined && at.#source?.aborted !== true) at = at.parent
    return at
  }

  /** The one that the deadline was given to; the others below it have inherited it. */
  static #deadlineOwner(scope: Scope): Scope {
    let owner = scope
    while (owner.parent !== undefined && owner.parent.deadlineMs === owner.deadlineMs) owner = owner.parent
    return owner
  }

  /** Ends this scope and everything watched below it, each after the one above it. */
  #end(reason: QpsError): void {
    const ending = this.#endAlone(reason)
    if (ending === undefined) return
    for (const scope of ending) {
      const below = scope.#isOver ? undefined : scope.#endAlone(reason)
      // A Set goes on with what is added to it.
      if (below !== undefined) for (const watcher of below) ending.add(watcher)
    }
  }

  /** @returns those that were to be told. */
  #endAlone(reason: QpsError): Set<Scope> | undefined {
    const watchers = this.#watchers
    this.#isOver = true
    this.#reason ??= reason
    this.#watchers = undefined
    if (this.#isWatched) Scope.#unwatch(this)
    this.#controller?.abort(this.#reason)
    return watchers
  }

  /** Up to the first that is watched already, and no further than below the one that never ends. */
  static #watch(first: Scope): void {
    for (let scope = first; scope.parent !== undefined && !scope.#isWatched; scope = scope.parent) {
      scope.#isWatched = true
      scope.#setUp()
      if (scope.parent.parent !== undefined) (scope.parent.#watchers ??= new Set()).add(scope)
    }
  }

  #setUp(): void {
    const source = this.#source
    if (source !== undefined) {
      this.#onAbort = () => this.cancel(source.reason)
      source.addEventListener('abort', this.#onAbort)
    }
    if (this.deadlineMs < this.parent!.deadlineMs) this.#arm()
  }

  /** The same way back, as far as nobody else is waited for. */
  static #unwatch(first: Scope): void {
    for (let scope = first; scope.#isWatched;) {
      scope.#isWatched = false
      scope.#tearDown()
      const parent = scope.parent!
      if (parent.#watchers === undefined) return
      parent.#watchers.delete(scope)
      if (parent.#watchers.size > 0 || parent.#controller !== undefined) return
      scope = parent
    }
  }

  #tearDown(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    if (this.#onAbort !== undefined) this.#source!.removeEventListener('abort', this.#onAbort)
    this.#onAbort = undefined
  }

  /** Early is possible: Node's timers know whole milliseconds, and no more than 2^31 - 1 of them. */
  #arm(): void {
    const waitMs = Math.min(Math.max(0, Math.ceil(this.deadlineMs - this.clock.nowMs())), timerMsMax)
    this.#timer = this.clock.after(waitMs, () => {
      this.#timer = undefined
      if (this.#isLate()) this.#end(this.reason ?? deadlineError(this.#budgetMs))
      else this.#arm()
    })
  }
}
