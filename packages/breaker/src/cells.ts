import type { BreakerPlan } from './options.ts'

/*
 * All that a breaker knows stands in one array of 32-bit cells, read and written with Atomics. Whether several threads
 * share it is a matter of the buffer alone.
 *
 *   0      state     what the circuit is, see state-word.ts
 *   1, 2   until     open: the tick until which no call passes; of an even or odd generation
 *   3, 4   since     closed: the bucket from which on calls count; likewise
 *   5      probes    half-open: how many were let through and what they said, see probes.ts
 *   6      probed    the tick at which the last probe was let through
 *   7      passed    google: the tick at which the last call passed while others were refused
 *   8      opened    how often the circuit has opened
 *   16 …   counts    a ring of buckets: id, succeeded, failed, refused, cancelled, timed, slow
 *   …      times     adaptive: a ring of histograms: id, bins
 *
 * Two generations never share a cell of `until` or `since`: a thread writes what the next one needs to know, and then
 * makes it the current one by a compare-and-exchange of the state. Who loses has written next to nothing new.
 *
 * A tick is a millisecond since the breaker began, in 32 bits: differences of less than 24 days are right. Whoever
 * compares ticks knows how long the longest difference can be, and takes a longer one for time that has passed.
 */
export const header = { state: 0, until: 1, since: 3, probes: 5, probed: 6, passed: 7, opened: 8 } as const
/** A line of the processor's cache: every call reads the state, and every answer writes a count. */
export const headerCells = 16

export const countFields = { succeeded: 1, failed: 2, refused: 3, cancelled: 4, timed: 5, slow: 6 } as const
export const countsPerBucket = 6
/** Durations: so many histograms to a window, so many bins to a histogram. */
export const slices = 12
export const binsPerSlice = 128

/** A ring has one bucket more than it counts, see bucket-ring.ts. */
export function ringCells(buckets: number, fields: number): number {
  return (buckets + 1) * (fields + 1)
}

export function countCells({ buckets }: { buckets: number }): number {
  return ringCells(buckets, countsPerBucket)
}

/** What a breaker takes, in bytes, whatever it sees. */
export function memoryBytes(plan: BreakerPlan): number {
  const times = plan.design === 'adaptive' ? ringCells(slices, binsPerSlice) : 0
  return Int32Array.BYTES_PER_ELEMENT * (headerCells + countCells(plan) + times)
}
