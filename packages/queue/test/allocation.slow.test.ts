import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('a number that is sent and received allocates nothing', () => {
  const program = fileURLToPath(new URL('fixtures/allocating.ts', import.meta.url))
  const printed = execFileSync(process.execPath, ['--conditions=@qps/source', program], { encoding: 'utf8' })
  const [bytes, sum] = JSON.parse(printed) as [number, number]
  expect(sum).toBeGreaterThan(0)
  // The smallest object has 12 bytes. What is counted is V8 at work.
  expect(bytes).toBeLessThan(4)
})
