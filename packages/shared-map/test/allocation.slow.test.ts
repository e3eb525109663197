import { sourceFlags } from '@qps/core'
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** Less than any object has, and more than the counter's own unrest: a page of 256 KiB over the calls of a round. */
const noObject = 4
const program = fileURLToPath(new URL('fixtures/allocating.ts', import.meta.url))

test.each([
  ['optimistic', 'string'],
  ['optimistic', 'integer'],
  ['snapshot', 'string'],
  ['sharded', 'string'],
])('operations on a map %s of %s keys and numbers allocate nothing', (kind, form) => {
  const printed = execFileSync(process.execPath, [...sourceFlags(import.meta.url), program, kind, form], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  const { get, set, has, miss, object } = JSON.parse(printed) as Record<string, number>
  for (const bytes of [get, set, has, miss]) expect(bytes).toBeLessThan(noObject)
  expect(object).toBeGreaterThan(noObject)
})
