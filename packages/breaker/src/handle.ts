import type { BreakerPlan } from './options.ts'

/** A breaker on its way to another thread: plain data for `postMessage`. */
export interface BreakerHandle {
  readonly plan: BreakerPlan
  readonly memory: SharedArrayBuffer
  /** The breaker's beginning, and the instant at which the handle was made, on the clock that all its threads have. */
  readonly originMs: number
  readonly sharedMs: number
}
