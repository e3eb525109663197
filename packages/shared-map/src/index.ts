// Maps in shared memory: made once, attached by every further thread.
export { attachSharedMap, createSharedMap } from './create.ts'
export type { MapHandle, MapShape } from './handle.ts'
// What a map does, whatever its kind.
export type {
  KeyForm,
  KeyFormOf,
  KeyOf,
  MapKey,
  MapKind,
  MapOperations,
  MapValue,
  ShardStats,
  SharedMap,
  SharedMapStats,
  ValueForm,
  ValueFormOf,
  ValueOf,
} from './shared-map.ts'
// Options and their defaults.
export { type AttachOptions, sharedMapDefaults, type SharedMapOptions } from './options.ts'
// For comparison: a map per thread, and a thread per map.
export { LocalMap, type LocalMapOptions } from './local-map.ts'
export { OwnerMap, ownerMapDefaults, type OwnerMapOptions, type PortLike, serveMap } from './owner-map.ts'
export type { SharedMemory } from './wasm/engine.ts'
