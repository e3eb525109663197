import { type Clock, describe, QpsError, systemClock } from '@qps/core'
import { Scope, type ScopeOptions } from './scope.ts'
import type { TraceContext } from './trace/trace-context.ts'

/** Names a value of a request; made by {@link contextKey}. Two keys of one name are two keys. */
export interface ContextKey<T> {
  readonly name: string
  /** There for the type alone: nothing has it. */
  readonly '~type'?: T
}

/**
 * A key for values of one type.
 *
 * @param name for people; it does not have to be unique.
 * @example const userKey = contextKey<User>('user')
 */
export function contextKey<T>(name: string): ContextKey<T> {
  return Object.freeze({ name })
}

/** What a context is next to its scope: shared by those that change nothing of it. */
interface Contents {
  trace?: TraceContext | undefined
  key?: ContextKey<unknown> | undefined
  value?: unknown
  /** The holder of the value that was there before. */
  outer?: Context | undefined
}

/**
 * A request's deadline, cancellation, trace and values, handed from function to function. It never changes: whoever needs a
 * tighter deadline or one more value derives a child, and a child never outlives its parent.
 *
 * Synchronous, allocates one or two small objects per child, sets up no timer and no listener before somebody asks for a
 * `signal`. Belongs to one thread; over a hop it travels as headers (see `injectHttp` and its likes).
 *
 * Source: the semantics are those of Go's package context.
 *
 * @example
 * using context = background().withTimeout(250)
 * const answer = await fetch(url, { signal: context.signal })
 */
export class Context {
  readonly #scope: Scope
  /** Where in which trace this request is; undefined where there is none. */
  readonly trace: TraceContext | undefined
  readonly #key: ContextKey<unknown> | undefined
  readonly #value: unknown
  readonly #outer: Context | undefined

  constructor(scope: Scope, contents: Contents) {
    this.#scope = scope
    this.trace = contents.trace
    this.#key = contents.key
    this.#value = contents.value
    this.#outer = contents.outer
  }

  /** What deadlines are instants of. */
  get clock(): Clock {
    return this.#scope.clock
  }

  /** The instant it ends at, on its clock; Infinity where there is none. Not to be sent to anybody: clocks differ. */
  get deadlineMs(): number {
    return this.#scope.deadlineMs
  }

  /** What is left until the deadline, in milliseconds, at least 0; Infinity where there is none. */
  remainingMs(): number {
    const { deadlineMs, clock } = this.#scope
    return deadlineMs === Infinity ? Infinity : Math.max(0, deadlineMs - clock.nowMs())
  }

  /**
   * Aborts when the context ends, with `reason`. Made at the first asking; from then on there are a timer and entries in the
   * contexts above, until this one ends: dispose of it. The timer does not keep the process alive.
   */
  get signal(): AbortSignal {
    return this.#scope.signal
  }

  /** True once the deadline has passed or somebody above has cancelled. Costs a look at the clock and at each level. */
  get ended(): boolean {
    return this.#scope.ended
  }

  /** Why it has ended: QPS_DEADLINE or QPS_CANCELLED; undefined while it has not. */
  get reason(): QpsError | undefined {
    return this.#scope.reason
  }

  /** @throws QpsError the reason, where it has ended. To be called before each expensive step. */
  throwIfEnded(): void {
    if (this.#scope.ended) throw this.#scope.reason
  }

  /**
   * The result of `work`, or a rejection with the reason as soon as the context ends. The work itself goes on unless it
   * watches the signal; what it gives after that is dropped. Leaves no listener behind.
   */
  async race<T>(work: PromiseLike<T>): Promise<T> {
    const { signal } = this
    const ending = Promise.withResolvers<never>()
    const end = (): void => ending.reject(signal.reason)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
    try {
      return await Promise.race([ending.promise, work])
    } finally {
      signal.removeEventListener('abort', end)
    }
  }

  /** How many contexts below this one have a signal that would have to abort with it: a test's proof that none was left. */
  get watchers(): number {
    return this.#scope.watchers
  }

  /** The value of the nearest context that has this key. Looks at each value on the way: for a handful of them. */
  get<T>(key: ContextKey<T>): T | undefined {
    const holder = Context.#holderOf(key, this)
    return holder === undefined ? undefined : (holder.#value as T)
  }

  static #holderOf(key: ContextKey<unknown>, from: Context | undefined): Context | undefined {
    let holder = from
    while (holder !== undefined && holder.#key !== key) holder = holder.#outer
    return holder
  }

  /**
   * A child that ends after this time, or with its parent, whatever comes first.
   *
   * @param timeoutMs milliseconds; 0 or less: it has ended already; Infinity: as late as the parent.
   * @throws QpsError QPS_OPTION where it is no number.
   */
  withTimeout(timeoutMs: number): CancellableContext {
    if (typeof timeoutMs !== 'number' || Number.isNaN(timeoutMs)) throw notANumber('timeoutMs', timeoutMs)
    if (timeoutMs === Infinity) return this.#child({})
    return this.#child({ deadlineMs: this.#scope.clock.nowMs() + timeoutMs, budgetMs: timeoutMs })
  }

  /**
   * A child that ends at this instant, or with its parent, whatever comes first.
   *
   * @param deadlineMs on the clock of this context; Infinity: as late as the parent.
   * @throws QpsError QPS_OPTION where it is no number.
   */
  withDeadline(deadlineMs: number): CancellableContext {
    if (typeof deadlineMs !== 'number' || Number.isNaN(deadlineMs)) throw notANumber('deadlineMs', deadlineMs)
    return this.#child({ deadlineMs })
  }

  /**
   * A child that its owner can end.
   *
   * @param source a signal that ends it too, such as that of a connection that may close. It is listened to only while
   *   somebody below waits for a signal.
   */
  withCancel(source?: AbortSignal): CancellableContext {
    return this.#child({ source })
  }

  /** The same context with one more value. */
  withValue<T>(key: ContextKey<T>, value: T): Context {
    return new Context(this.#scope, { trace: this.trace, key, value, outer: this.#holder() })
  }

  /** The same context at another place of a trace; undefined: in none. */
  withTrace(trace: TraceContext | undefined): Context {
    return new Context(this.#scope, { trace, outer: this.#holder() })
  }

  #child(options: ScopeOptions): CancellableContext {
    const scope = new Scope(this.#scope, this.#scope.clock, options)
    return new CancellableContext(scope, { trace: this.trace, outer: this.#holder() })
  }

  /** The nearest context that holds a value, so that looking one up passes nothing that has none. */
  #holder(): Context | undefined {
    return this.#key === undefined ? this.#outer : this
  }
}

/**
 * A context with an end of its own, and whoever made it its owner: the owner cancels or disposes of it, so that nothing is left
 * of it, not even until its deadline.
 */
export class CancellableContext extends Context implements Disposable {
  readonly #own: Scope

  constructor(scope: Scope, contents: Contents) {
    super(scope, contents)
    this.#own = scope
  }

  /**
   * Ends it and everything below it. Nothing happens where it has ended.
   *
   * @param reason a QpsError becomes the reason; anything else is the cause of a QPS_CANCELLED.
   */
  cancel(reason?: unknown): void {
    this.#own.cancel(reason)
  }

  /** The same without a reason: the owner is done. Signals that were asked for abort. */
  [Symbol.dispose](): void {
    this.#own.dispose()
  }
}

export interface BackgroundOptions {
  /** What deadlines below are instants of. Default the system's. */
  clock?: Clock
}

/** A scope without an end, for the clock that nearly everybody has. */
const systemScope = new Scope(undefined, systemClock)
const systemBackground = new Context(systemScope, {})

/** The context above all others: it never ends, has no deadline, no trace and no values. */
export function background({ clock }: BackgroundOptions = {}): Context {
  if (clock === undefined || clock === systemClock) return systemBackground
  return new Context(new Scope(undefined, clock), {})
}

function notANumber(name: string, value: unknown): QpsError {
  return new QpsError('QPS_OPTION', `${name} must be a number of milliseconds, not ${describe(value)}`)
}
