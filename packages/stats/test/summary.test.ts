import { InvariantError } from '@qps/core'
import { littleRatio, summarize } from '@qps/stats'
import * as stats from '@qps/stats'
import fc from 'fast-check'
import { expect, test } from 'vitest'

test('the median of an odd number of rounds is the middle one', () => {
  expect(summarize([9, 1, 5])).toEqual({ median: 5, min: 1, max: 9 })
})

test('the median of an even number of rounds lies between the middle two', () => {
  expect(summarize([4, 1, 2, 100])).toEqual({ median: 3, min: 1, max: 100 })
})

test('a summary ignores the order and leaves its input alone', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const before = [...values]
      const summary = summarize(values)
      expect(values).toEqual(before)
      expect(summarize(values.toReversed())).toEqual(summary)
      expect(values.filter((value) => value <= summary.median).length * 2).toBeGreaterThanOrEqual(values.length)
    }),
  )
})

test.each([[[]], [[1, NaN]], [[Infinity]]])('refuses to summarize %j', (values) => {
  expect(() => summarize(values)).toThrow(InvariantError)
})

test("Little's law holds for a closed loop", () => {
  expect(littleRatio({ meanLatencyMs: 2, achievedQps: 32_000, concurrency: 64 })).toBe(1)
})

test('a latency that is half of the truth doubles the ratio', () => {
  expect(littleRatio({ meanLatencyMs: 1, achievedQps: 32_000, concurrency: 64 })).toBe(2)
})

test('nothing achieved is infinitely far from the law', () => {
  expect(littleRatio({ meanLatencyMs: 0, achievedQps: 0, concurrency: 64 })).toBe(Infinity)
})

test('the public names stay', () => {
  expect(Object.keys(stats).toSorted()).toEqual(['Histogram', 'littleRatio', 'summarize'])
})
