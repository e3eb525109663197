// One interface; the options choose among three designs.
export { attachBreaker, createBreaker } from './create.ts'
export type {
  Breaker,
  BreakerChange,
  BreakerState,
  BreakerStats,
  ChangeReason,
  Outcome,
  RunOptions,
  Ticket,
} from './breaker.ts'
// One for each endpoint.
export { BreakerSet, breakerSetDefaults, type BreakerSetOptions } from './breaker-set.ts'
// Several threads with one breaker.
export type { BreakerHandle } from './handle.ts'
export { commonClock } from './common-clock.ts'
// Options and their defaults, and the formula of the adaptive design.
export {
  adaptiveDefaults,
  type AdaptiveOptions,
  type BreakerHooks,
  breakerLimits,
  type BreakerOptions,
  type BreakerPlan,
  type Design,
  fixedDefaults,
  type FixedOptions,
  googleDefaults,
  type GoogleOptions,
  goZeroRefinements,
} from './options.ts'
export { adaptiveThreshold } from './designs/adaptive.ts'
export { classifyError } from './classification.ts'
// What a breaker takes, in bytes.
export { memoryBytes } from './cells.ts'
