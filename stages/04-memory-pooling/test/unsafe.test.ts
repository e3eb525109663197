import { startStage } from '@qps/testkit'
import { expect, test } from 'vitest'
import { bodyOf, longest, shortest, textOf } from './item-lengths.ts'

// That the variants for use do not do this is tested with their items.
test('unsafe says that it must not be used, and shows one client the end of what another one asked for', async () => {
  await using stage = await startStage('04-memory-pooling', ['--variant', 'unsafe'])
  expect(stage.events[0]!['notes']).toMatchObject({ warning: expect.stringContaining('NEVER USE') })
  // Nobody came before: the first answer is right, and so is every one that is longer than all before it.
  expect(await bodyOf(stage.port, shortest)).toBe(textOf(shortest))
  expect(await bodyOf(stage.port, longest)).toBe(textOf(longest))
  const leaked = textOf(longest).slice(textOf(shortest).length)
  expect(leaked.length).toBeGreaterThan(50)
  expect(await bodyOf(stage.port, shortest)).toBe(textOf(shortest) + leaked)
})
