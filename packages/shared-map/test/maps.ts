import { seededRandom } from '@qps/core'
import {
  createSharedMap,
  type KeyForm,
  type KeyOf,
  type MapKind,
  type SharedMap,
  type ValueForm,
  type ValueOf,
} from '@qps/shared-map'
import type { SharedMapOptions } from '@qps/shared-map'

export const kinds: readonly MapKind[] = ['snapshot', 'locked', 'sharded', 'optimistic']

/** A map with a known secret, so that what a test sees it sees again. */
export function makeMap<K extends KeyForm, V extends ValueForm>(
  kind: MapKind,
  keys: K,
  values: V,
  options: Partial<SharedMapOptions> = {},
): SharedMap<KeyOf<K>, ValueOf<V>> {
  return createSharedMap({ capacity: 1000, random: seededRandom(6), ...options, kind, keys, values })
}

/** The code of the error that `action` throws, or undefined. */
export function codeOf(action: () => unknown): string | undefined {
  try {
    action()
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
  return undefined
}
