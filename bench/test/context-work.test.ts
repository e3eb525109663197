import { describe, expect, test } from 'vitest'
import { contextKinds, contextWork } from '../programs/context-work.ts'
import { context } from '../scenarios/05-context.scenario.ts'

const lengths = 55 + '60000'.length

describe.each([0, 3])('with %d awaits', (awaits) => {
  test('every kind sends headers of the same lengths', async () => {
    for (const kind of contextKinds) {
      const work = contextWork(kind, awaits)
      await work.run(70)
      expect(work.checksum, kind).toBe(70 * lengths)
    }
  })
})

test('spans are made and ended where the caller has said so, and nowhere else', async () => {
  const names: string[] = []
  const exporter = {
    export: (spans: { name: string }[], done: (result: { code: number }) => void) => {
      names.push(...spans.map(({ name }) => name))
      done({ code: 0 })
    },
    shutdown: async () => {},
  }
  for (const kind of contextKinds.filter((each) => each !== 'trace-sampled'))
    await contextWork(kind, 1, exporter).run(600)
  expect(names).toEqual([])
  await contextWork('trace-sampled', 1, exporter).run(600)
  expect(names).toHaveLength(512)
  expect(new Set(names)).toEqual(new Set(['GET /']))
})

test('the scenario has every kind, and the one without a context first', () => {
  expect(context.variants.map(({ name }) => name)).toEqual([...contextKinds])
})
