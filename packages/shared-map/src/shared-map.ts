import type { MapHandle } from './handle.ts'

/**
 * How a map is kept consistent.
 *
 * - `snapshot`: an immutable published table that is read without any lock, and a part beside it under a lock.
 * - `locked`: one read-write lock around everything.
 * - `sharded`: a read-write lock per shard.
 * - `optimistic`: a lock per shard for writers; readers take none and look whether they were disturbed.
 */
export type MapKind = 'snapshot' | 'locked' | 'sharded' | 'optimistic'

/** `integer`: safe integers, -(2^53 - 1) to 2^53 - 1. */
export type KeyForm = 'string' | 'integer'
export type ValueForm = 'number' | 'bytes'

export type KeyOf<F extends KeyForm> = F extends 'string' ? string : number
export type ValueOf<F extends ValueForm> = F extends 'number' ? number : Uint8Array

/** The other way round. */
export type KeyFormOf<K extends MapKey> = K extends string ? 'string' : 'integer'
export type ValueFormOf<V extends MapValue> = V extends number ? 'number' : 'bytes'

export type MapKey = string | number
export type MapValue = number | Uint8Array

/** What every map here does, shared or not. */
export interface MapOperations<K extends MapKey = MapKey, V extends MapValue = MapValue> extends Disposable {
  /** Entries that fit. */
  readonly capacity: number
  /** Entries now, expired ones that nobody removed included. Exact when nobody writes. */
  readonly size: number

  /** The value, or undefined where there is none or it has expired. */
  get(key: K): V | undefined
  has(key: K): boolean
  /** @throws QpsError QPS_MAP_FULL (retryable) where the key is new and there is no room. */
  set(key: K, value: V): void
  /** @returns whether the key was there. */
  delete(key: K): boolean
  /**
   * Sets `next` where the value is `expected`, in one step; `expected` undefined stands for no value, and `next` undefined
   * deletes. Numbers are compared like `Object.is`, bytes byte by byte.
   *
   * @returns whether it was so.
   * @throws QpsError QPS_MAP_FULL (retryable).
   */
  compareAndSet(key: K, expected: V | undefined, next: V | undefined): boolean
  /**
   * Replaces the value by `change(value)` in one step; undefined stands for no value both ways. Other writers of the shard
   * wait meanwhile, so `change` is brief. It may not use this map: a write, or a read that needs the lock, is an
   * InvariantError. What it throws leaves everything as it was.
   *
   * @returns the new value.
   * @throws QpsError QPS_MAP_FULL (retryable).
   */
  update(key: K, change: (value: V | undefined) => V | undefined): V | undefined

  /** A copy of the entries, shard after shard: each shard as it was at one instant, different shards at different ones. */
  entries(): IterableIterator<[K, V]>
  /** Removes what has expired. O(capacity); for somebody's timer. @returns how many were removed. */
  sweep(): number
  stats(): SharedMapStats
}

/**
 * A map in memory that threads share. Every operation is synchronous; one on a single key is linearizable: it takes effect at
 * one instant between its call and its return, and every thread sees the same order of these instants.
 *
 * A `SharedMap` object belongs to the thread that made or attached it; the memory behind it belongs to all. Waiting, where it
 * happens, is for a lock, spins first, blocks the thread then, and ends after `lockTimeoutMs`.
 *
 * Bytes are copied on the way in and out: what `get` returns is the caller's.
 *
 * Errors of all methods: QPS_MAP_KEY and QPS_MAP_VALUE for what the map was not made for, QPS_MAP_LOCK_LOST where a lock was
 * not to be had in time, QPS_MAP_CLOSED after the disposal.
 */
export interface SharedMap<K extends MapKey = MapKey, V extends MapValue = MapValue> extends MapOperations<K, V> {
  readonly kind: MapKind
  /** Who this thread is in the map's locks, 1 to `ownersMax`: what `declareDead` wants to know. */
  readonly owner: number

  /**
   * What one further thread needs in order to {@link attachSharedMap}: goes through `workerData` or `postMessage`. Each
   * thread gets its own handle, whose `owner` names the thread from then on.
   *
   * @throws QpsError QPS_MAP_OWNERS where `ownersMax` threads have the map.
   */
  share(): MapHandle<KeyFormOf<K>, ValueFormOf<V>>
  /**
   * Says that a thread is gone for good: what it was writing is undone or completed, its locks are open again. Call it when
   * the thread's end was seen (`exit` of a Worker), never before: a living thread would write without its lock.
   *
   * Threads that died together may be declared in any order. Waits up to `lockTimeoutMs` for readers that are inside of what the
   * thread had locked; where one stays, it is dead too, and what it keeps closed is opened when that is declared.
   *
   * @param owner `owner` of the thread's handle.
   * @returns how many locks of dead threads are open again.
   */
  declareDead(owner: number): number
}

export interface ShardStats {
  entries: number
  /** Reads of this thread that were disturbed by a writer and began again. */
  readRetries: number
  /** Times that this thread waited for the shard's lock after spinning was no use. */
  waits: number
}

export interface SharedMapStats {
  entries: number
  capacity: number
  /** Bytes of shared memory. */
  bytes: number
  shards: ShardStats[]
}
