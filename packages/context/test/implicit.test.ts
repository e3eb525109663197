import { background, contextKey, currentContext, runIn } from '@qps/context'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'

const user = contextKey<string>('user')

test('without a context around it, the background is the current one', () => {
  expect(currentContext()).toBe(background())
})

test('what is called and awaited inside finds it, and what is outside does not', async () => {
  const context = background().withValue(user, 'ada')
  const seen = await runIn(context, async () => {
    const before = currentContext().get(user)
    await turn()
    await sleep(1)
    return [
      before,
      currentContext().get(user),
      await new Promise((resolve) => setImmediate(() => resolve(currentContext()))),
    ]
  })
  expect(seen).toEqual(['ada', 'ada', context])
  expect(currentContext().get(user)).toBeUndefined()
})

test('an inner one hides the outer one until it returns or throws', () => {
  const outer = background().withValue(user, 'ada')
  const inner = outer.withValue(user, 'grace')
  runIn(outer, () => {
    expect(runIn(inner, () => currentContext().get(user))).toBe('grace')
    expect(() =>
      runIn(inner, () => {
        throw new Error('inside')
      }),
    ).toThrow('inside')
    expect(currentContext()).toBe(outer)
  })
})

test('requests side by side do not see each other', async () => {
  const users = Array.from({ length: 50 }, (_, at) => `user ${at}`)
  const seen = await Promise.all(
    users.map((name) =>
      runIn(background().withValue(user, name), async () => {
        await turn()
        return currentContext().get(user)
      }),
    ),
  )
  expect(seen).toEqual(users)
})
