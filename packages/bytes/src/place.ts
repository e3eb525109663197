import { invariant } from '@qps/core'

/*
 * What all writers have in common: they write the whole item into `target` from `at` on and return the position behind it,
 * or write nothing and return -1. Room that runs out is an ordinary event, which its caller answers by sending what it has
 * or by taking a larger buffer, so that it costs no exception. A position outside the buffer is the program's mistake.
 */

/** @throws InvariantError where `at` is no position of `target`. */
export function checkPlace(target: Uint8Array, at: number): void {
  invariant(Number.isInteger(at) && at >= 0 && at <= target.length, 'writing starts inside the buffer or at its end')
}
