import { setImmediate as turn } from 'node:timers/promises'
import { getHeapStatistics } from 'node:v8'
import { measured, measuring } from './report.ts'

/** An operation, done so many times in a row. The loop is its own, so that no call stands between two of them. */
export interface Work {
  run(count: number): void | Promise<void>
  /** Made of everything that the operations gave, so that none can be left out. 0 to 2^32 - 1. */
  readonly checksum: number
}

/**
 * So long a batch takes at least: between two of them the clock is read and other work of the loop gets its turn, which allocates
 * some kilobytes.
 */
const batchMs = 5

/** Warms an operation up, measures it and says so; resolves when the runner has looked at this process. */
export async function measureWork(
  work: Work,
  { warmupS, seconds }: { warmupS: number; seconds: number },
): Promise<void> {
  await repeat(work, await batchSize(work), warmupS)
  // Compiled code does more in the same time.
  const size = await batchSize(work)
  measuring()
  // The line is to leave before the thread is busy.
  await turn()
  const asked = [allocatedBytes(), allocatedBytes(), allocatedBytes()] as const
  const { count, elapsedS } = await repeat(work, size, seconds)
  const bytes = allocatedBytes() - asked[2]
  const figures = {
    nsPerOperation: (elapsedS * 1e9) / count,
    // Asking itself ends the area that V8 deals objects out of, which counts.
    bytesPerOperation: Math.max(0, bytes - (asked[2] - asked[1])) / count,
    checksum: work.checksum,
  }
  await measured({ requests: count, errors: 0, elapsedS, figures })
}

async function batchSize(work: Work): Promise<number> {
  for (let size = 1; ; size *= 2) {
    const startMs = performance.now()
    await work.run(size)
    if (performance.now() - startMs > batchMs) return size
  }
}

async function repeat(work: Work, size: number, forS: number): Promise<{ count: number; elapsedS: number }> {
  const startMs = performance.now()
  let count = 0
  let elapsedS = 0
  while (elapsedS < forS) {
    await work.run(size)
    await turn()
    count += size
    elapsedS = (performance.now() - startMs) / 1000
  }
  return { count, elapsedS }
}

/** In V8's heap, by this thread, since it began. */
function allocatedBytes(): number {
  return (getHeapStatistics() as { total_allocated_bytes: number }).total_allocated_bytes
}
