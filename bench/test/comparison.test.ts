import { expect, test } from 'vitest'
import { compareRounds } from '../src/comparison.ts'

const before = [40, 41, 39, 40, 40]
const scaled = (ratio: number): number[] => before.map((value) => value * ratio)

test.each([
  [0.9, 'better'],
  [1.1, 'worse'],
  [1.02, 'no-difference'],
])('CPU per request times %d is %s', (ratio, change) => {
  const compared = compareRounds('minimal', 'cpuUsPerRequest', before, scaled(ratio), 0.03)
  expect(compared.change).toBe(change)
  expect(compared.ratio!.median).toBeCloseTo(ratio)
})

test('more requests per second are better', () => {
  expect(compareRounds('minimal', 'achievedQps', before, scaled(1.1), 0.03).change).toBe('better')
})

test('a machine that drifts does not make a difference: pairs share the drift', () => {
  const drifting = before.map((value, index) => value * (1 + index))
  const compared = compareRounds('minimal', 'cpuUsPerRequest', drifting, drifting, 0.01)
  expect(compared).toMatchObject({ change: 'no-difference', ratio: { median: 1, min: 1, max: 1 } })
})

test('nothing is judged without a pair or without a noise floor', () => {
  expect(compareRounds('minimal', 'cpuUsPerRequest', [1, undefined], [undefined, 1], 0.01).change).toBe('invalid')
  expect(compareRounds('minimal', 'cpuUsPerRequest', [1], [1], undefined).change).toBe('invalid')
})
