import { sourceFlags } from '@qps/core'
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('a call makes no object, whether it passes or is refused', () => {
  const program = fileURLToPath(new URL('fixtures/allocating.ts', import.meta.url))
  const printed = execFileSync(process.execPath, [...sourceFlags(import.meta.url), program], { encoding: 'utf8' })
  const bytes = JSON.parse(printed) as Record<string, number>
  expect(Object.keys(bytes)).toHaveLength(6)
  // The smallest object has 12 bytes. What is counted is V8 at work; and the chance that google draws by is a number on
  // the heap.
  for (const [what, perCall] of Object.entries(bytes))
    expect(perCall, what).toBeLessThan(what === 'google refuses' ? 20 : 8)
})
