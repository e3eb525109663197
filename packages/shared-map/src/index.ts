// What a shared map is, whatever its kind.
export type {
  KeyForm,
  KeyOf,
  MapKey,
  MapKind,
  MapValue,
  ShardStats,
  SharedMap,
  SharedMapStats,
  ValueForm,
  ValueOf,
} from './shared-map.ts'
export type { MapHandle, MapShape } from './handle.ts'
