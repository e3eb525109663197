import { getHeapStatistics } from 'node:v8'

/** Less than any object has, and more than the counter's own unrest: a page of 256 KiB over the calls of a round. */
export const noObject = 4

/**
 * Bytes that V8 allocates for one call, as a mean over many: the least of several rounds, because V8 allocates on its own
 * behalf while it still collects feedback and compiles, and that is over at some time.
 */
export function allocatedBytes(call: () => void): number {
  const calls = 100_000
  let least = Infinity
  for (let round = 0; round < 6 && least >= noObject; round++) {
    const before = getHeapStatistics().total_allocated_bytes
    for (let count = 0; count < calls; count++) call()
    least = Math.min(least, (getHeapStatistics().total_allocated_bytes - before) / calls)
  }
  return least
}
