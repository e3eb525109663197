import { invariant } from '@qps/core'

/** A figure with its spread, as results are stored: never one number alone. */
export interface Summary {
  median: number
  min: number
  max: number
}

/**
 * The median of a few rounds with the smallest and the largest. An even number of values gives the mean of the middle two.
 *
 * @param values in any order, at least one; not changed.
 * @throws InvariantError where values is empty or holds something that is not a finite number.
 * @example summarize([3, 1, 2]) // { median: 2, min: 1, max: 3 }
 */
export function summarize(values: readonly number[]): Summary {
  invariant(values.length > 0, 'a summary needs at least one value')
  invariant(values.every(Number.isFinite), 'a summary is made of finite numbers')
  const sorted = values.toSorted((left, right) => left - right)
  const middle = sorted.length >> 1
  const upper = sorted[middle]!
  return {
    median: sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2,
    min: sorted[0]!,
    max: sorted[sorted.length - 1]!,
  }
}
