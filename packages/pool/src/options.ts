import { checkInteger, checkNumber, type Clock, describe, QpsError, systemClock } from '@qps/core'
import { checkPowerOfTwo, classBytesMax, sizeClasses } from './buffers/size-classes.ts'

/**
 * `development`: every acquire gives a new lease that knows where it was acquired, and mistakes are errors that name the
 * place. It costs microseconds and memory per lease. `production`: a lease is lent again with its place, nothing is
 * allocated, and a mistake is seen only while nobody else holds the place.
 */
export type PoolMode = 'development' | 'production'

/**
 * What happens where everything is lent. `reject`: QPS_POOL_EXHAUSTED at once. `wait`: `acquireAsync` waits for its turn, and
 * `acquire`, which cannot wait, is rejected. `grow`: more is made, up to the hard bound, and thrown away when it comes back.
 */
export type WhenExhausted = 'grow' | 'wait' | 'reject'

/** What pools of objects and of buffers have in common. */
export interface PoolOptions {
  /** How errors call the pool. Default `objects` or `buffers`. */
  name?: string
  /** Default `development`: a service asks for `production`. */
  mode?: PoolMode
  /** Default `reject`. */
  whenExhausted?: WhenExhausted
  /** Callers that wait, 0 to 1,048,576; further ones are rejected. Default 1024. */
  waitersMax?: number
  /** How long `acquireAsync` waits where it is not told, in milliseconds, 0 to 2^31 - 1. Default 1000. */
  waitTimeoutMs?: number
  /** When a rejected caller may try again, in milliseconds, at least 0; part of the error. Default 1000. */
  retryAfterMs?: number
  /** What nobody needed for so long is let go by the next trim, in milliseconds, at least 0. Default 30,000. */
  idleMs?: number
  /** Called, in development, with QPS_LEASE_LEAKED when the collector frees a lease that was not given back. */
  onLeak?: (leak: QpsError) => void
  /** Default the system's. Read when a pool is trimmed, for waits, and in development. */
  clock?: Clock
}

export interface ObjectPoolOptions<T> extends PoolOptions {
  /** Makes one. What it throws is the cause of a QPS_POOL_CREATE, and takes no place. */
  create: () => T
  /**
   * Makes it as if new, when it is given back: what is idle keeps nobody's data. Where it throws, the object is thrown away
   * and the holder gets QPS_POOL_RESET. Default: nothing, for objects that are not changed.
   */
  reset?: (value: T) => void
  /** Objects, lent and idle together, 1 to 16,777,216. Default 1024. */
  sizeMax?: number
  /** With `grow`: so many at most, at least `sizeMax`. Default 4 times `sizeMax`. */
  sizeHardMax?: number
  /**
   * Fields that may differ from those of a new object when it comes back, such as a counter or an array that keeps its
   * room; `everything` where the next holder overwrites all. Development checks the others. Default none.
   */
  carries?: readonly (keyof T & string)[] | 'everything'
}

export interface BufferPoolOptions extends PoolOptions {
  /** What all slabs together may take, in bytes, 64 to 2^40. */
  bytesMax: number
  /** With `grow`: so much at most, at least `bytesMax`. Default 2 times `bytesMax`. */
  bytesHardMax?: number
  /**
   * Lengths of buffers, ascending multiples of `alignment`, at most 256 of them, none larger than `bytesMax` or 1 GiB.
   * Default: those of `sizeClasses` from 64 (or `alignment`) to 1 MiB (or `bytesMax`), four to a doubling.
   */
  classes?: readonly number[]
  /** Buffers of one size are cut out of slabs of at most this length, in bytes; larger ones have their own. Default 64 KiB. */
  slabBytes?: number
  /**
   * Every buffer begins at a multiple of this in its slab, a power of two from 8 to 65,536. Default 64, a line of the
   * processor's caches. Where the slab itself begins is a matter of `allocate`.
   */
  alignment?: number
  /**
   * Gives memory for a slab: at least `bytes`, which begin at a multiple of `alignment` in their ArrayBuffer, and in memory
   * too where whoever uses the buffers needs that. Default: an ArrayBuffer per slab, whose address V8 chooses.
   */
  allocate?: (bytes: number, alignment: number) => Uint8Array
  /** Takes a slab back that no lease is left in. Default: nothing, the collector does. */
  free?: (slab: Uint8Array) => void
  /** Fills buffers with zeroes when they are given back, in either mode. Default false. */
  clear?: boolean
}

export interface TrimOptions {
  /** Lets go of everything that is idle, now: for a process that is short of memory. Default false. */
  all?: boolean
}

/** What applies where an option of any pool is left out. */
export const poolDefaults = {
  sizeMax: 1024,
  waitersMax: 1024,
  waitTimeoutMs: 1000,
  retryAfterMs: 1000,
  idleMs: 30_000,
} as const

/** What applies where an option of a {@link BufferPoolOptions} is left out. */
export const bufferPoolDefaults = {
  slabBytes: 65_536,
  largestBytes: 1_048_576,
  alignment: 64,
  clear: false,
} as const

type Optional = 'onLeak' | 'reset' | 'allocate' | 'free'
type Planned<O> = Required<Omit<O, Optional>> & { [K in keyof O & Optional]: O[K] | undefined }

export type CommonPlan = Planned<PoolOptions>
export type ObjectPlan<T> = Planned<ObjectPoolOptions<T>>
export type BufferPlan = Planned<BufferPoolOptions>

/** The longest wait that Node's timers know. */
export const timeoutMsMax: number = 2 ** 31 - 1

/** @throws QpsError QPS_OPTION naming the option, its value and its range. */
export function planObjects<T>(options: ObjectPoolOptions<T>): ObjectPlan<T> {
  const { create, reset, carries = [] } = options
  checkFunction('create', create, true)
  checkFunction('reset', reset)
  const sizeMax = checkInteger('sizeMax', options.sizeMax ?? poolDefaults.sizeMax, { min: 1, max: 2 ** 24 })
  const sizeHardMax = checkInteger('sizeHardMax', options.sizeHardMax ?? 4 * sizeMax, { min: sizeMax, max: 2 ** 26 })
  if (carries !== 'everything' && !Array.isArray(carries)) {
    throw new QpsError('QPS_OPTION', `carries must be names of fields or "everything", not ${describe(carries)}`)
  }
  return { ...planCommon(options, 'objects'), create, reset, carries, sizeMax, sizeHardMax }
}

/** @throws QpsError QPS_OPTION naming the option, its value and its range. */
export function planBuffers(options: BufferPoolOptions): BufferPlan {
  const { allocate, free, clear = bufferPoolDefaults.clear } = options
  checkFunction('allocate', allocate)
  checkFunction('free', free)
  const alignment = checkPowerOfTwo('alignment', options.alignment ?? bufferPoolDefaults.alignment)
  checkInteger('alignment', alignment, { min: 8, max: 65_536 })
  const bytesMax = checkInteger('bytesMax', options.bytesMax, { min: alignment, max: 2 ** 40 })
  const largest = Math.max(alignment, Math.min(bytesMax, bufferPoolDefaults.largestBytes))
  return {
    ...planCommon(options, 'buffers'),
    allocate,
    free,
    clear,
    alignment,
    bytesMax,
    bytesHardMax: checkInteger('bytesHardMax', options.bytesHardMax ?? 2 * bytesMax, { min: bytesMax, max: 2 ** 41 }),
    classes: checkClasses(options.classes ?? sizeClasses(alignment, largest), alignment, bytesMax),
    slabBytes: checkInteger('slabBytes', options.slabBytes ?? bufferPoolDefaults.slabBytes, {
      min: alignment,
      max: classBytesMax,
    }),
  }
}

function planCommon(options: PoolOptions, name: string): CommonPlan {
  const given = { ...poolDefaults, ...definedOf(options) }
  checkFunction('onLeak', options.onLeak)
  return {
    name: given.name ?? name,
    mode: checkOneOf('mode', given.mode ?? 'development', ['development', 'production']),
    whenExhausted: checkOneOf('whenExhausted', given.whenExhausted ?? 'reject', ['grow', 'wait', 'reject']),
    waitersMax: checkInteger('waitersMax', given.waitersMax, { min: 0, max: 1_048_576 }),
    waitTimeoutMs: checkInteger('waitTimeoutMs', given.waitTimeoutMs, { min: 0, max: timeoutMsMax }),
    retryAfterMs: checkNumber('retryAfterMs', given.retryAfterMs, { min: 0 }),
    idleMs: checkNumber('idleMs', given.idleMs, { min: 0 }),
    onLeak: given.onLeak,
    clock: given.clock ?? systemClock,
  }
}

/** An option given as undefined is an option left out. */
function definedOf<O extends object>(options: O): Partial<O> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<O>
}

function checkClasses(classes: readonly number[], alignment: number, bytesMax: number): readonly number[] {
  checkInteger('the number of classes', classes.length, { min: 1, max: 256 })
  let before = 0
  for (const size of classes) {
    checkInteger('a class', size, { min: before + 1, max: Math.min(bytesMax, classBytesMax) })
    if (size % alignment !== 0)
      throw new QpsError('QPS_OPTION', `a class must be a multiple of ${alignment}, not ${size}`)
    before = size
  }
  return [...classes]
}

function checkOneOf<V extends string>(name: string, value: V, allowed: readonly V[]): V {
  if (allowed.includes(value)) return value
  throw new QpsError('QPS_OPTION', `${name} must be one of ${allowed.join(', ')}, not ${describe(value)}`)
}

function checkFunction(name: string, value: unknown, needed = false): void {
  if (typeof value === 'function' || (value === undefined && !needed)) return
  throw new QpsError('QPS_OPTION', `${name} must be a function, not ${describe(value)}`)
}
