import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('production allocates nothing between acquire and release', () => {
  const program = fileURLToPath(new URL('fixtures/allocating.ts', import.meta.url))
  const printed = execFileSync(process.execPath, ['--conditions=@qps/source', program], { encoding: 'utf8' })
  const [objects, buffers] = JSON.parse(printed) as [number, number]
  // The smallest object has 12 bytes. What is counted is V8 at work, and a look at the clock every so many releases.
  expect(objects).toBeLessThan(4)
  expect(buffers).toBeLessThan(4)
})
