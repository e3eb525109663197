import type { Clock, Random } from '@qps/core'
import type { KeyForm, KeyOf, MapKey, MapValue, SharedMap, ValueForm, ValueOf } from '@qps/shared-map'

/** The options that every kind of map takes. */
export interface MapSubjectOptions<K extends KeyForm = KeyForm, V extends ValueForm = ValueForm> {
  keys: K
  values: V
  capacity: number
  keyBytesMax?: number
  valueBytesMax?: number
  expiry?: { ttlMs: number }
  clock?: Clock
  random?: Random
}

/** How the suite makes the maps that it tests. */
export interface MapSubject {
  create<K extends KeyForm, V extends ValueForm>(options: MapSubjectOptions<K, V>): SharedMap<KeyOf<K>, ValueOf<V>>
  /** Absent where threads do not share it. */
  threads?: true
}

/** The four forms of a map, with keys and values by number. */
export interface MapForm {
  name: string
  keys: KeyForm
  values: ValueForm
  /** Key number `index`, different for each. */
  key(index: number): MapKey
  /** Value number `index`, 0 to 255, different for each. */
  value(index: number): MapValue
}

/** Bytes of a value in maps of the suite. */
export const valueBytesMax = 24

const keysOf = {
  string: (index: number): string => `key-${index}`,
  integer: (index: number): number => (index % 2 === 0 ? index : -index * 2 ** 32),
} as const
const valuesOf = {
  number: (index: number): number => index * 0.1,
  bytes: (index: number): Uint8Array => new Uint8Array(index % (valueBytesMax + 1)).fill(index, 1).fill(index, 0, 1),
} as const

export const mapForms: readonly MapForm[] = (['string', 'integer'] as const).flatMap((keys) =>
  (['number', 'bytes'] as const).map((values) => ({
    name: `${keys} keys, ${values === 'number' ? 'numbers' : 'bytes'}`,
    keys,
    values,
    key: keysOf[keys],
    value: valuesOf[values],
  })),
)

/** A map of this form, with room for `capacity` entries. */
export function mapOf(
  subject: MapSubject,
  { keys, values }: Pick<MapForm, 'keys' | 'values'>,
  options: Partial<MapSubjectOptions> = {},
): SharedMap {
  const bytes = values === 'bytes' ? { valueBytesMax } : {}
  return subject.create({ keys, values, capacity: 64, ...bytes, ...options })
}

/** The code of what was thrown; an error without one is thrown on. */
export function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof Error && 'code' in error) return String(error.code)
    throw error
  }
  return 'nothing was thrown'
}
