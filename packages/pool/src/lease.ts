/**
 * The right to use something of a pool, from acquire to release.
 *
 * A lease is given back exactly once: by `release()`, or by the end of its `using` block. Doing both is an error, because
 * in production the lease itself is lent again: the second call would end a stranger's lease. It may be held across
 * `await`, by one holder, on the thread that acquired it.
 *
 * After the release every use throws QPS_LEASE_RELEASED and every other release QPS_LEASE_TWICE; in production only until
 * the same place of the pool is lent again.
 */
interface AnyLease extends Disposable {
  /**
   * Counts how often this place of the pool was given back, 0 to 2^30 - 1 and then from 0 again. What was remembered before
   * an `await` tells afterwards, by {@link isCurrent}, whether the lease is still the same one.
   */
  readonly generation: number
  /** True while the lease is held and is still the one of that generation. Costs two comparisons, in every mode. */
  isCurrent(generation: number): boolean
  /**
   * Gives it back. O(1), does not wait.
   *
   * @throws QpsError QPS_LEASE_TWICE where it was given back before; QPS_POOL_RESET where `reset` threw, and in development
   * QPS_LEASE_DIRTY where it left something behind: in both cases the object is thrown away, and its place is free again.
   */
  release(): void
}

/** An object, lent. */
export interface Lease<T> extends AnyLease {
  /** The object. Its holder's alone; not to be kept for longer than the lease. @throws QpsError QPS_LEASE_RELEASED */
  readonly value: T
}

/** A buffer, lent. */
export interface BufferLease extends AnyLease {
  /**
   * The buffer, as long as its size class: at least what was asked for. What it contains is undefined: in production, what
   * the last holder left. Its `buffer` is a slab that others use too: never transfer or clone that.
   *
   * @throws QpsError QPS_LEASE_RELEASED
   */
  readonly bytes: Uint8Array
}
