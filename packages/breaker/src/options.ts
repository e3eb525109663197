import { checkInteger, checkNumber, type Clock, describe, QpsError, type Random, systemClock } from '@qps/core'
import type { BreakerChange, Outcome } from './breaker.ts'

/**
 * `fixed`: opens at an error ratio, for the same time each time. `google`: refuses as many calls as the other side
 * turns away. `adaptive`: the threshold follows the rate, slow calls count too, and it stays open for longer each time.
 */
export type Design = 'fixed' | 'google' | 'adaptive'

/** What a thread brings along: it does not travel with the breaker. */
export interface BreakerHooks {
  /** Default the system's. Threads that share a breaker need one clock, see `commonClock`. */
  clock?: Clock
  /** Uniform in [0, 1). Default the runtime's own, which is no secret: it chooses calls and spreads times. */
  random?: Random
  /**
   * Called when this thread has changed the state, or finds that another has. As the last thing, within the call that
   * found out: what it throws goes to that caller.
   */
  onChange?: (change: BreakerChange) => void
  /**
   * What an error that `run` saw means. Default {@link classifyError}: a cancellation is none, anything else is a
   * failure.
   */
  classifyError?: (error: unknown, signal: AbortSignal | undefined) => Outcome
  /** What a result that `run` saw means, such as a response with status 503. Default: a success. */
  classifyResult?: (result: unknown) => Outcome
}

interface CommonOptions extends BreakerHooks {
  /** How errors and events call it. Default the design. */
  name?: string
  /** What is looked back on, in milliseconds, 1000 to 3,600,000. Default 60,000; `google` 10,000. */
  windowMs?: number
  /**
   * Steps in which the window moves, 2 to 1024, each at least 100 ms. Default `fixed` 60, `google` 40, `adaptive` 300.
   */
  buckets?: number
  /** Keeps its state where other threads can attach to it. Default false. */
  shared?: boolean
}

/** What the two designs that open and close have in common. Defaults: `fixed`, then `adaptive`. */
interface CircuitOptions extends CommonOptions {
  /** Below so many calls in the window nothing opens, 1 to 1,000,000. Default 20. */
  requestsMin?: number
  /**
   * How long it stays open the first time, in milliseconds, 1 to 3,600,000, but at least a bucket. Default 60,000;
   * 1000.
   */
  openMs?: number
  /** … and at most, at least `openMs`. Default 60,000. */
  openMsMax?: number
  /** What that time is multiplied with whenever probes fail, 1 to 10. Default 1; 2. */
  backoff?: number
  /**
   * A random part of at most this share is taken off, 0 to 1, so that not all clients probe at once. Default 0; 0.2.
   */
  jitter?: number
  /** Calls that pass while it is half-open, 1 to 32. Default 1; 5. */
  probesMax?: number
  /** Share of them that must succeed, above 0 to 1. Default 1; 0.8. */
  probeSuccessRatio?: number
  /**
   * A probe without an answer has failed when the last place has been taken for so long, 1 to 3,600,000. Default
   * 10,000.
   */
  probeTimeoutMs?: number
}

export interface FixedOptions extends CircuitOptions {
  design: 'fixed'
  /** Opens at this error ratio, above 0 to 1. Default 0.5. */
  errorRatioMax?: number
}

export interface AdaptiveOptions extends CircuitOptions {
  design: 'adaptive'
  /** Opens at this error ratio where hardly anything is asked, above 0 to 1. Default 0.4. */
  thresholdMin?: number
  /** … and at this one from `rateQpsFull` on, at least `thresholdMin`. Default 0.65. */
  thresholdMax?: number
  /** Calls per second, above 0. Default 1000. */
  rateQpsFull?: number
  /**
   * Opens where the 95th percentile of the durations is above this, in milliseconds, above 0; Infinity: never. Default
   * 1000.
   */
  latencyMsP95Max?: number
}

export interface GoogleOptions extends CommonOptions {
  design: 'google'
  /** Calls that are sent for each one that is accepted, at least 1. Default 1.5. */
  k?: number
  /** `k` where all buckets of late have failed, 1 to `k`; in between for fewer of them. Default `k`: no difference. */
  kMin?: number
  /** So many calls without success are not held against the other side, 0 to 1,000,000. Default 5. */
  protection?: number
  /** While calls are refused, one passes at least this often, in milliseconds. Default Infinity: chance decides. */
  forcePassMs?: number
  /** Refuses less with every bucket in a row that had no failure. Default false. */
  easing?: boolean
}

export type BreakerOptions = FixedOptions | GoogleOptions | AdaptiveOptions

/** What go-zero has added to the formula since. */
export const goZeroRefinements = { kMin: 1.1, forcePassMs: 1000, easing: true } as const

/** What applies where an option is left out: those of the article's table, its "default" and its "adaptive" column. */
export const fixedDefaults = {
  windowMs: 60_000,
  buckets: 60,
  requestsMin: 20,
  errorRatioMax: 0.5,
  openMs: 60_000,
  openMsMax: 60_000,
  backoff: 1,
  jitter: 0,
  probesMax: 1,
  probeSuccessRatio: 1,
  probeTimeoutMs: 10_000,
} as const

export const adaptiveDefaults = {
  windowMs: 60_000,
  buckets: 300,
  requestsMin: 20,
  thresholdMin: 0.4,
  thresholdMax: 0.65,
  rateQpsFull: 1000,
  latencyMsP95Max: 1000,
  openMs: 1000,
  openMsMax: 60_000,
  backoff: 2,
  jitter: 0.2,
  probesMax: 5,
  probeSuccessRatio: 0.8,
  probeTimeoutMs: 10_000,
} as const

/** go-zero's. */
export const googleDefaults = { windowMs: 10_000, buckets: 40, k: 1.5, protection: 5 } as const

interface Plan {
  name: string
  windowMs: number
  buckets: number
  bucketMs: number
  shared: boolean
}

type Planned<O extends CommonOptions> = Plan & Required<Omit<O, keyof CommonOptions>>
export type FixedPlan = Planned<FixedOptions>
export type AdaptivePlan = Planned<AdaptiveOptions>
export type GooglePlan = Planned<GoogleOptions>
export type CircuitPlan = FixedPlan | AdaptivePlan
/** Checked options without the hooks: numbers and names, which travel to other threads. */
export type BreakerPlan = CircuitPlan | GooglePlan
export type Hooks = Required<Pick<BreakerHooks, 'clock' | 'random'>> & Omit<BreakerHooks, 'clock' | 'random'>

/** What no option goes beyond; a place for a probe has six bits, see probes.ts, and an id of a bucket has 32. */
export const breakerLimits = {
  windowMsMax: 3_600_000,
  bucketsMax: 1024,
  bucketMsMin: 100,
  openMsMax: 3_600_000,
  probesMax: 32,
  probeTimeoutMsMax: 3_600_000,
} as const

/** @throws QpsError QPS_OPTION naming the option, its value and its range. */
export function planBreaker(options: BreakerOptions): BreakerPlan {
  switch (options.design) {
    case 'fixed':
      return planFixed(options)
    case 'google':
      return planGoogle(options)
    case 'adaptive':
      return planAdaptive(options)
    default:
      throw wrong('design', 'fixed, google or adaptive', (options as { design: unknown }).design)
  }
}

/** @throws QpsError QPS_OPTION where a hook is no function. */
export function planHooks(options: BreakerHooks): Hooks {
  const { clock = systemClock, random = Math.random, onChange, classifyError, classifyResult } = options
  for (const [name, hook] of Object.entries({ random, onChange, classifyError, classifyResult })) {
    if (hook !== undefined && typeof hook !== 'function') throw wrong(name, 'a function', hook)
  }
  return {
    clock,
    random,
    ...(onChange && { onChange }),
    ...(classifyError && { classifyError }),
    ...(classifyResult && { classifyResult }),
  }
}

function planFixed(options: FixedOptions): FixedPlan {
  const { errorRatioMax = fixedDefaults.errorRatioMax } = options
  return {
    ...planCircuit(options, fixedDefaults),
    design: 'fixed',
    errorRatioMax: checkShare('errorRatioMax', errorRatioMax),
  }
}

function planAdaptive(options: AdaptiveOptions): AdaptivePlan {
  const { thresholdMin, thresholdMax, rateQpsFull, latencyMsP95Max } = { ...adaptiveDefaults, ...definedOf(options) }
  checkShare('thresholdMin', thresholdMin)
  return {
    ...planCircuit(options, adaptiveDefaults),
    design: 'adaptive',
    thresholdMin,
    thresholdMax: checkNumber('thresholdMax', thresholdMax, { min: thresholdMin, max: 1 }),
    rateQpsFull: checkNumber('rateQpsFull', rateQpsFull, { min: Number.MIN_VALUE }),
    latencyMsP95Max: checkOrInfinite('latencyMsP95Max', latencyMsP95Max, Number.MIN_VALUE),
  }
}

function planGoogle(options: GoogleOptions): GooglePlan {
  const {
    k,
    protection,
    kMin = k,
    forcePassMs = Infinity,
    easing = false,
  } = { ...googleDefaults, ...definedOf(options) }
  if (typeof easing !== 'boolean') throw wrong('easing', 'true or false', easing)
  checkNumber('k', k, { min: 1 })
  return {
    ...planWindow(options, googleDefaults),
    design: 'google',
    k,
    kMin: checkNumber('kMin', kMin, { min: 1, max: k }),
    protection: checkInteger('protection', protection, { min: 0, max: 1_000_000 }),
    forcePassMs: checkOrInfinite('forcePassMs', forcePassMs, 1, breakerLimits.windowMsMax),
    easing,
  }
}

function planCircuit(
  options: CircuitOptions & { design: Design },
  defaults: typeof fixedDefaults | typeof adaptiveDefaults,
): Plan & Required<Omit<CircuitOptions, keyof CommonOptions>> {
  const given = { ...defaults, ...definedOf(options) }
  const openMs = checkNumber('openMs', given.openMs, { min: 1, max: breakerLimits.openMsMax })
  const openMsMax = options.openMsMax ?? Math.max(openMs, defaults.openMsMax)
  return {
    ...planWindow(options, defaults),
    requestsMin: checkInteger('requestsMin', given.requestsMin, { min: 1, max: 1_000_000 }),
    openMs,
    openMsMax: checkNumber('openMsMax', openMsMax, { min: openMs, max: breakerLimits.openMsMax }),
    backoff: checkNumber('backoff', given.backoff, { min: 1, max: 10 }),
    jitter: checkNumber('jitter', given.jitter, { min: 0, max: 1 }),
    probesMax: checkInteger('probesMax', given.probesMax, { min: 1, max: breakerLimits.probesMax }),
    probeSuccessRatio: checkShare('probeSuccessRatio', given.probeSuccessRatio),
    probeTimeoutMs: checkNumber('probeTimeoutMs', given.probeTimeoutMs, {
      min: 1,
      max: breakerLimits.probeTimeoutMsMax,
    }),
  }
}

function planWindow(
  options: CommonOptions & { design: Design },
  defaults: { windowMs: number; buckets: number },
): Plan {
  const { name = options.design, shared = false } = options
  if (typeof name !== 'string') throw wrong('name', 'a string', name)
  if (typeof shared !== 'boolean') throw wrong('shared', 'true or false', shared)
  const windowMs = checkNumber('windowMs', options.windowMs ?? defaults.windowMs, {
    min: 1000,
    max: breakerLimits.windowMsMax,
  })
  const bucketsMax = Math.min(breakerLimits.bucketsMax, Math.floor(windowMs / breakerLimits.bucketMsMin))
  const wanted = options.buckets ?? Math.min(defaults.buckets, bucketsMax)
  const buckets = checkInteger('buckets', wanted, { min: 2, max: bucketsMax })
  return { name, windowMs, buckets, bucketMs: windowMs / buckets, shared }
}

/** An option given as undefined is an option left out. */
function definedOf<O extends object>(options: O): Partial<O> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<O>
}

function checkShare(name: string, value: number): number {
  return checkNumber(name, value, { min: Number.MIN_VALUE, max: 1 })
}

function checkOrInfinite(name: string, value: number, min: number, max = Number.MAX_VALUE): number {
  return value === Infinity ? value : checkNumber(name, value, { min, max })
}

function wrong(name: string, what: string, value: unknown): QpsError {
  return new QpsError('QPS_OPTION', `${name} must be ${what}, not ${describe(value)}`)
}
