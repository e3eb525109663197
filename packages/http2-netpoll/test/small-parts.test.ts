import { engineLimits } from '@qps/http2-netpoll'
import { expect, test } from 'vitest'
import { FrameBudget } from '../src/frame-budget.ts'
import { LateStreams } from '../src/late-streams.ts'

const limits = { ...engineLimits, emptyFramesMax: 3, emptyFramesPerS: 2 }
const spend = (budget: FrameBudget, times: number, nowMs: number): boolean[] =>
  Array.from({ length: times }, () => budget.spend(nowMs))

test('so many empty frames are allowed, and one more is too many; time forgives, and so does work', () => {
  const budget = new FrameBudget(limits, 0)
  expect(spend(budget, 4, 60_000)).toEqual([true, true, true, false])
  expect(spend(budget, 3, 61_500)).toEqual([true, true, false])
  budget.makeUp(2)
  expect(spend(budget, 3, 61_500)).toEqual([true, false, false])
  budget.makeUp(100)
  expect(spend(budget, 4, 61_500)).toEqual([true, true, true, false])
})

test('so many streams are remembered, the latest', () => {
  const late = new LateStreams(3)
  for (const id of [1, 3, 5, 5, 7]) late.add(id)
  expect([1, 3, 5, 7, 9].map((id) => late.has(id))).toEqual([false, true, true, true, false])
})
