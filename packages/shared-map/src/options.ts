import {
  checkInteger,
  checkNumber,
  type Clock,
  describe,
  QpsError,
  type Random,
  secretRandom,
  systemClock,
} from '@qps/core'
import type { MapShape } from './handle.ts'
import type { KeyForm, MapKind, ValueForm } from './shared-map.ts'

export interface SharedMapOptions<K extends KeyForm = KeyForm, V extends ValueForm = ValueForm> {
  kind: MapKind
  keys: K
  values: V
  /** Entries that fit, 1 to 4,194,304; one more is QPS_MAP_FULL. */
  capacity: number
  /** A power of two, 1 to 1024. Default 32; `locked` and `snapshot` have one. */
  shards?: number
  /**
   * The longest string key, in bytes, 1 to 4096: characters up to U+00FF count one, all characters of a key with others count
   * two. Default 64. Room is made for it in every entry; what lies beyond the first 12 bytes is a further line of cache.
   */
  keyBytesMax?: number
  /** The longest value where values are bytes, 1 to 1,048,576. Default 256. Room is made for it in every entry. */
  valueBytesMax?: number
  /** Entries are gone `ttlMs` after they were last set, in milliseconds, above 0. Default: they stay. */
  expiry?: { ttlMs: number }
  /** Threads that may have the map at a time, 1 to 1024. Default 64. */
  ownersMax?: number
  /** How long an operation waits for a lock, in milliseconds, 1 to 2^31 - 1. Default 1000. */
  lockTimeoutMs?: number
  /** Reads the time for expiry, and for waits. Default the system's. */
  clock?: Clock
  /** Draws the secret of the hash. Default: the operating system's secrets. */
  random?: Random
}

export interface AttachOptions {
  /** Default the system's. Of the same sort as the one that the map was made with. */
  clock?: Clock
}

/** What applies where an option of a {@link SharedMapOptions} is left out. */
export const sharedMapDefaults = {
  shards: 32,
  keyBytesMax: 64,
  valueBytesMax: 256,
  ownersMax: 64,
  lockTimeoutMs: 1000,
} as const

export interface MapPlan<K extends KeyForm, V extends ValueForm> {
  kind: MapKind
  keys: K
  values: V
  shape: MapShape
  clock: Clock
  random: Random
}

const kinds: readonly MapKind[] = ['snapshot', 'locked', 'sharded', 'optimistic']

/** @throws QpsError QPS_OPTION naming the option, its value and its range. */
export function planMap<K extends KeyForm, V extends ValueForm>(options: SharedMapOptions<K, V>): MapPlan<K, V> {
  const { clock = systemClock, random = secretRandom, expiry } = options
  const kind = checkOneOf('kind', options.kind, kinds)
  const keys = checkOneOf<KeyForm>('keys', options.keys, ['string', 'integer']) as K
  const values = checkOneOf<ValueForm>('values', options.values, ['number', 'bytes']) as V
  const single = kind === 'locked' || kind === 'snapshot'
  const bounded = (name: keyof typeof sharedMapDefaults, max: number): number =>
    checkInteger(name, options[name] ?? sharedMapDefaults[name], { min: 1, max })
  const shards = bounded('shards', 1024)
  if ((shards & (shards - 1)) !== 0)
    throw new QpsError('QPS_OPTION', `shards must be a power of two from 1 to 1024, not ${shards}`)
  if (single && options.shards !== undefined && shards !== 1)
    throw new QpsError('QPS_OPTION', `shards must be left out or 1 where kind is ${kind}, not ${shards}`)
  const shape: MapShape = {
    capacity: checkInteger('capacity', options.capacity, { min: 1, max: 4_194_304 }),
    shards: single ? 1 : shards,
    keyBytesMax: bounded('keyBytesMax', 4096),
    valueBytesMax: bounded('valueBytesMax', 1_048_576),
    ttlMs: expiry === undefined ? 0 : checkNumber('expiry.ttlMs', expiry.ttlMs, { min: Number.MIN_VALUE }),
    ownersMax: bounded('ownersMax', 1024),
    lockTimeoutMs: bounded('lockTimeoutMs', 2 ** 31 - 1),
  }
  return { kind, keys, values, shape, clock, random }
}

function checkOneOf<V extends string>(name: string, value: V, allowed: readonly V[]): V {
  if (allowed.includes(value)) return value
  throw new QpsError('QPS_OPTION', `${name} must be one of ${allowed.join(', ')}, not ${describe(value)}`)
}
