import { InvariantError } from '@qps/core'
import { Histogram } from '@qps/stats'
import fc from 'fast-check'
import { expect, test } from 'vitest'

/** Whole numbers of every magnitude: a uniform draw would hardly ever be small. */
const anyValue = fc
  .tuple(fc.integer({ min: 0, max: 31 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([magnitude, fraction]) => Math.min(Histogram.valueMax, Math.floor(2 ** (magnitude + fraction))))
const values = fc.array(anyValue, { minLength: 1, maxLength: 500 })
const ratio = fc.double({ min: 0, max: 1, noNaN: true })

function filled(from: readonly number[]): Histogram {
  const histogram = new Histogram()
  for (const value of from) histogram.record(value)
  return histogram
}

/** The nearest-rank percentile of the values themselves. */
function oracle(from: readonly number[], ratio: number): number {
  const sorted = from.toSorted((left, right) => left - right)
  return sorted[Math.max(1, Math.ceil(ratio * sorted.length)) - 1]!
}

test('a percentile is never below the true value and at most 0.1 % above it', () => {
  fc.assert(
    fc.property(values, ratio, (recorded, ratio) => {
      const answer = filled(recorded).percentile(ratio)
      const truth = oracle(recorded, ratio)
      expect(answer).toBeGreaterThanOrEqual(truth)
      expect(answer).toBeLessThanOrEqual(truth * 1.001)
    }),
  )
})

test('values below 2048 are exact', () => {
  const histogram = filled(Array.from({ length: 2048 }, (_, value) => value))
  for (let value = 0; value < 2048; value++) expect(histogram.percentile((value + 1) / 2048)).toBe(value)
})

test('count, mean, min and max are exact', () => {
  fc.assert(
    fc.property(values, (recorded) => {
      const histogram = filled(recorded)
      expect(histogram.count).toBe(recorded.length)
      expect(histogram.mean).toBeCloseTo(recorded.reduce((sum, value) => sum + value, 0) / recorded.length, 3)
      expect(histogram.min).toBe(Math.min(...recorded))
      expect(histogram.max).toBe(Math.max(...recorded))
      expect(histogram.percentile(0)).toBe(histogram.min)
      expect(histogram.percentile(1)).toBe(histogram.max)
    }),
  )
})

test('merging two histograms is recording into one', () => {
  fc.assert(
    fc.property(values, values, (left, right) => {
      const merged = filled(left)
      merged.merge(filled(right))
      expect(merged.toJSON()).toEqual(filled([...left, ...right]).toJSON())
    }),
  )
})

test('a snapshot survives JSON unchanged', () => {
  fc.assert(
    fc.property(fc.array(anyValue, { maxLength: 100 }), (recorded) => {
      const original = filled(recorded)
      const copy = Histogram.fromJSON(JSON.parse(JSON.stringify(original)))
      expect(copy.toJSON()).toEqual(original.toJSON())
      expect(copy.count).toBe(original.count)
      copy.record(1)
      expect(copy.min).toBe(recorded.length === 0 ? 1 : Math.min(1, ...recorded))
    }),
  )
})

test('a count records a value many times', () => {
  const histogram = new Histogram()
  histogram.record(10, 99)
  histogram.record(1000)
  expect([histogram.count, histogram.percentile(0.99), histogram.percentile(1)]).toEqual([100, 10, 1000])
  expect(histogram.mean).toBeCloseTo(19.9)
})

test('fractions are rounded to the nearest whole number', () => {
  expect(filled([1.4, 1.6]).percentile(0.5)).toBe(1)
  expect(filled([1.4, 1.6]).percentile(1)).toBe(2)
})

test('values beyond the range are clamped and counted', () => {
  const histogram = filled([5, 2 ** 40])
  expect([histogram.max, histogram.clamped, histogram.count]).toEqual([Histogram.valueMax, 1, 2])
})

test('an empty histogram answers zero', () => {
  const empty = new Histogram()
  expect([empty.count, empty.mean, empty.min, empty.max, empty.percentile(0.99)]).toEqual([0, 0, 0, 0, 0])
})

test('reset forgets everything', () => {
  const histogram = filled([1, 5000, 2 ** 40])
  histogram.reset()
  expect(histogram.toJSON()).toEqual(new Histogram().toJSON())
})

test.each([-1, NaN])('refuses to record %s', (value) => {
  expect(() => new Histogram().record(value)).toThrow(InvariantError)
})

test.each([-0.1, 1.1, 99, NaN])('refuses the ratio %s', (ratio) => {
  expect(() => filled([1]).percentile(ratio)).toThrow(InvariantError)
})

test('refuses a snapshot with a slot that does not exist', () => {
  expect(() => Histogram.fromJSON({ sum: 0, min: 0, max: 0, clamped: 0, slots: [1e9, 1] })).toThrow(InvariantError)
})
