import type { KeyForm, MapKind, ValueForm } from './shared-map.ts'
import type { SharedMemory } from './wasm/engine.ts'

/**
 * What describes a map to another thread; survives structured cloning, and has to be given to one thread only: its `owner` is
 * that thread's name in the locks.
 */
export interface MapHandle<K extends KeyForm = KeyForm, V extends ValueForm = ValueForm> {
  readonly kind: MapKind
  readonly keys: K
  readonly values: V
  /** A WebAssembly.Memory; its buffer is a SharedArrayBuffer. */
  readonly memory: SharedMemory
  /** Reserved for the thread that attaches this handle; for `declareDead`, should it die. */
  readonly owner: number
  readonly shape: MapShape
  /** The map's time and Unix time at one instant, in milliseconds: from these the other thread sets its clock. */
  readonly nowMs: number
  readonly wallMs: number
}

/** The options that decide where what lies in memory. */
export interface MapShape {
  readonly capacity: number
  readonly shards: number
  readonly keyBytesMax: number
  readonly valueBytesMax: number
  /** 0 where entries do not expire. */
  readonly ttlMs: number
  readonly ownersMax: number
  readonly lockTimeoutMs: number
}
