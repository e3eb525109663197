import { dispatcherModules } from '@qps/client'
import { compareDispatchers } from '@qps/client/experiments'
import { expect, test } from 'vitest'

test('every arm runs in every round, in alternating order, and answers are right', async () => {
  const { runs, cpuUsPerRequest } = await compareDispatchers({
    arms: dispatcherModules,
    rounds: 2,
    requests: 500,
    concurrency: 8,
    dispatcher: { parts: 2, connectionsMax: 8 },
  })
  const kinds = ['shared', 'sharded', 'per-worker', 'coalescing']
  expect(runs.map(({ arm }) => arm)).toEqual([...kinds, ...kinds.toReversed()])
  for (const run of runs) expect(run).toMatchObject({ requests: 500, errors: 0 })
  for (const kind of kinds) expect(cpuUsPerRequest[kind]).toBeGreaterThan(0)
})

test('an arm that answers wrongly is found out', async () => {
  const module =
    'export const createDispatcher = () => ({ dispatch: (_, handler) => setImmediate(() => { handler.onHead({ status: 200, header: () => undefined, headers: () => ({}) }); handler.onEnd() }), [Symbol.asyncDispose]: async () => {} })'
  const wrong = new URL(`data:text/javascript,${encodeURIComponent(module)}`)
  const { runs } = await compareDispatchers({ arms: { wrong }, rounds: 1, requests: 20, concurrency: 2 })
  expect(runs[0]!.errors).toBe(20)
})
