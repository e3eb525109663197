import type { WhenFull } from '@qps/workers'
import { poolOf } from './pool-of.ts'

/** Offers a pool twice what it can do for some seconds, with large arguments, and prints what that took of memory. */
const [policy] = process.argv.slice(2)
const whenFull: WhenFull = policy === 'wait' ? { waitMs: 20, waitersMax: 64 } : (policy as WhenFull)
const taskMs = 2
const durationMs = 3000
const argumentBytes = 65_536

await using pool = poolOf({ queueMax: 64, whenFull })
await pool.ready()
let done = 0
let refused = 0
let depthMax = 0
let atFirst = 0
let atMost = 0
const startMs = performance.now()
for (let offered = 0; ;) {
  const elapsedMs = performance.now() - startMs
  if (elapsedMs > durationMs) break
  for (; offered < (2 * elapsedMs) / taskMs; offered++) {
    void pool.run('busyWith', { ms: taskMs, bytes: new Uint8Array(argumentBytes).fill(offered) }).then(
      () => done++,
      () => refused++,
    )
  }
  depthMax = Math.max(depthMax, pool.stats().depth)
  const { rss } = process.memoryUsage()
  // The first second fills the queue, compiles, and lets the heap find its size.
  if (elapsedMs < durationMs / 3) atFirst = Math.max(atFirst, rss)
  else atMost = Math.max(atMost, rss)
  await new Promise((resolve) => setTimeout(resolve, 5))
}
process.stdout.write(JSON.stringify({ atFirst, atMost, depthMax, refused, done }))
