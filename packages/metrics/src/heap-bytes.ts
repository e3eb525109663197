import { getHeapStatistics } from 'node:v8'

/**
 * Bytes that this thread has allocated in V8's heap since it started, dead and alive: a count that only grows. The contents of
 * buffers lie outside of that heap and are not in it, their headers are.
 *
 * It is an upper bound. V8 deals objects out of areas, and what is left over in one counts as well. Each question ends the areas
 * in use, so that two questions differ by some hundred kilobytes with nothing between them: compare counts that are many
 * megabytes apart. Each collection ends them too, which adds a few hundredths where the young generation is as large as it gets,
 * and up to a third where it is still small.
 *
 * @returns undefined where V8 does not count, as in older ones than that of Node 26.
 */
export function allocatedHeapBytes(): number | undefined {
  const { total_allocated_bytes: bytes } = getHeapStatistics() as { total_allocated_bytes?: number }
  return bytes
}
