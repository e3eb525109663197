import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

interface Found {
  /** Resident memory, in bytes, when the load had just begun, and the most that was seen from then on. */
  atFirst: number
  atMost: number
  depthMax: number
  refused: number
  done: number
}

test.each(['abort', 'discard-oldest', 'wait'])('memory does not grow at twice the capacity’s load: %s', (policy) => {
  const program = fileURLToPath(new URL('./overload.ts', import.meta.url))
  const printed = execFileSync(process.execPath, ['--conditions=@qps/source', program, policy], { encoding: 'utf8' })
  const { atFirst, atMost, depthMax, refused, done } = JSON.parse(printed) as Found
  // About half of it cannot be done.
  expect(refused).toBeGreaterThan(done / 2)
  expect(done).toBeGreaterThan(100)
  expect(depthMax).toBeLessThanOrEqual(65)
  // Arguments of 64 KiB: without a bound there would be some hundred megabytes of them by the end.
  expect(atMost - atFirst).toBeLessThan(64 * 1024 * 1024)
})
