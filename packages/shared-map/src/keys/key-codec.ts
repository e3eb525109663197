import type { MapKey } from '../shared-map.ts'

/** Between keys and what the machine code takes, in one thread. */
export interface KeyCodec<K extends MapKey> {
  /**
   * What stands for the key in calls of the core, until the next `encode`.
   *
   * @throws QpsError QPS_MAP_KEY.
   */
  encode(key: K): number
  /** @throws QpsError QPS_MAP_KEY for a key of another form. */
  check(key: K): void
  /** The key of the entry whose head is at this byte. For the holder of the lock. */
  decode(head: number): K
}
