import { BufferPool, sizeClasses } from '@qps/pool'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { thrownBy } from '@qps/testkit'

test('four to a doubling, and multiples of the smallest', () => {
  expect(sizeClasses(64, 2048)).toEqual([
    64, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048,
  ])
})

test('one to a doubling are powers of two', () => {
  expect(sizeClasses(64, 1024, 1)).toEqual([64, 128, 256, 512, 1024])
})

test('whatever is asked for, less than a fifth of the buffer is too much, or less than 64 bytes are', () => {
  using pool = new BufferPool({ mode: 'production', bytesMax: 64 * 2 ** 20 })
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 20 }), (asked) => {
      using lease = pool.acquire(asked)
      const { length } = lease.bytes
      expect(length).toBeGreaterThanOrEqual(asked)
      const waste = length - asked
      expect(waste < length / 5 || waste < 64 || asked === 0).toBe(true)
    }),
    { examples: [[0], [1], [64], [65], [1025], [2 ** 20]] },
  )
})

test('a size finds the smallest class that is large enough, for any classes', () => {
  const classes = fc.uniqueArray(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(classes, fc.integer({ min: 0, max: 40_000 }), (eighths, asked) => {
      const sizes = eighths.map((eighth) => eighth * 8).toSorted((left, right) => left - right)
      using pool = new BufferPool({ mode: 'production', bytesMax: 2 ** 20, alignment: 8, slabBytes: 8, classes: sizes })
      const expected = sizes.find((size) => size >= asked)
      if (expected === undefined) expect(thrownBy(() => pool.acquire(asked)).code).toBe('QPS_OPTION')
      else {
        using lease = pool.acquire(asked)
        expect(lease.bytes.length).toBe(expected)
      }
    }),
  )
})

test.each([
  [63, 1024, 4],
  [64, 32, 4],
  [64, 1024, 3],
])('sizeClasses(%i, %i, %i) is refused', (bytesMin, bytesMax, steps) => {
  expect(thrownBy(() => sizeClasses(bytesMin, bytesMax, steps)).code).toBe('QPS_OPTION')
})
