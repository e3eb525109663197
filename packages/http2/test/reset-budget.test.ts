import { ResetBudget } from '@qps/http2'
import { expect, test } from 'vitest'

const limits = { resetsMax: 3, resetsPerS: 2 }
const spend = (budget: ResetBudget, times: number, nowMs: number): boolean[] =>
  Array.from({ length: times }, () => budget.spend(nowMs))

test('so many are allowed, and one more is too many', () => {
  expect(spend(new ResetBudget(limits, 0), 4, 0)).toEqual([true, true, true, false])
})

test('time forgives, from the first one on and not from before', () => {
  const budget = new ResetBudget(limits, 0)
  expect(spend(budget, 4, 60_000)).toEqual([true, true, true, false])
  expect(spend(budget, 2, 61_000)).toEqual([true, false])
})

test('an answer makes up for one, and is not saved up', () => {
  const budget = new ResetBudget(limits, 0)
  budget.makeUp()
  spend(budget, 3, 0)
  budget.makeUp()
  expect(spend(budget, 2, 0)).toEqual([true, false])
})

test('what was reset counts as open', () => {
  const budget = new ResetBudget(limits, 0)
  expect(budget.openMax(100, 0)).toBe(200)
  spend(budget, 2, 0)
  expect(budget.openMax(100, 0)).toBe(98)
  expect(budget.openMax(100, 1_000)).toBe(200)
})

test('several may be made up for at once', () => {
  const budget = new ResetBudget(limits, 0)
  expect(spend(budget, 4, 0)).toEqual([true, true, true, false])
  budget.makeUp(2)
  expect(spend(budget, 2, 0)).toEqual([true, false])
  budget.makeUp(100)
  expect(spend(budget, 4, 0)).toEqual([true, true, true, false])
})
