import { invariant } from '@qps/core'

/** What a lease gives its connection back to. */
export interface LeaseOwner<Slot> {
  returned(slot: Slot, usable: boolean): void
}

/**
 * A connection that is the holder's alone until it is given back, once, by one of:
 *
 * - `release()`: the exchange is complete, the next holder may use the connection at once;
 * - `discard()`: the connection is broken or in the middle of something, close it;
 * - leaving a `using` block: released if neither was called. Call `discard` where an error may have left bytes behind.
 */
export class Lease<T, Slot = unknown> implements Disposable {
  readonly #connection: T
  readonly #slot: Slot
  #owner: LeaseOwner<Slot> | undefined

  constructor(connection: T, slot: Slot, owner: LeaseOwner<Slot>) {
    this.#connection = connection
    this.#slot = slot
    this.#owner = owner
  }

  /** @throws InvariantError after the lease was given back: the connection is somebody else's by then. */
  get connection(): T {
    invariant(this.#owner, 'a connection is used after its lease was given back')
    return this.#connection
  }

  /** O(1), hands the connection to the caller that has waited longest. @throws InvariantError if already given back. */
  release(): void {
    this.#giveBack(true)
  }

  /** O(1), closes the connection. @throws InvariantError if already given back. */
  discard(): void {
    this.#giveBack(false)
  }

  [Symbol.dispose](): void {
    if (this.#owner) this.#giveBack(true)
  }

  #giveBack(usable: boolean): void {
    const owner = this.#owner
    invariant(owner, 'a lease is given back twice')
    this.#owner = undefined
    owner.returned(this.#slot, usable)
  }
}
