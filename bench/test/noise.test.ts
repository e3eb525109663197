import fc from 'fast-check'
import { expect, test } from 'vitest'
import { noiseFloor, relativeDifference } from '../src/noise.ts'

test('the floor is the difference of the medians where that is the larger', () => {
  expect(noiseFloor([100, 100, 100], [100, 104, 104])).toBeCloseTo(relativeDifference(100, 104))
})

test('medians that agree by luck do not make a floor of zero', () => {
  expect(noiseFloor([90, 100, 110], [110, 100, 90])).toBeCloseTo(0.2)
})

test('a round that is unsound in one arm is left out of both', () => {
  expect(noiseFloor([100, 500, 100], [100, undefined, 100])).toBe(0)
})

test('without a pair there is no floor', () => {
  expect(noiseFloor([], [])).toBeUndefined()
  expect(noiseFloor([1, undefined], [undefined, 1])).toBeUndefined()
})

const figures = fc.array(fc.double({ min: 0.1, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 9 })

test('a program against itself in equal rounds has no noise, and the floor does not depend on which arm is first', () => {
  fc.assert(
    fc.property(figures, figures, (left, right) => {
      expect(noiseFloor(left, left)).toBe(0)
      expect(noiseFloor(left, right)).toBeCloseTo(noiseFloor(right, left)!, 10)
      expect(noiseFloor(left, right)).toBeGreaterThanOrEqual(0)
    }),
  )
})
