import {
  checkInteger,
  checkNumber,
  didYouMean,
  exponential,
  invariant,
  InvariantError,
  messageOf,
  nearest,
  QpsError,
  seededRandom,
  siblingModule,
  systemErrorCode,
} from '@qps/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'

test('a seed repeats its sequence; another seed has another', () => {
  const take = (seed: number): number[] => {
    const random = seededRandom(seed)
    return Array.from({ length: 20 }, () => random())
  }
  expect(take(7)).toEqual(take(7))
  expect(take(7)).not.toEqual(take(8))
})

test('seeded numbers are uniform: in [0, 1), every tenth gets its share', () => {
  const random = seededRandom(1)
  const tenths = Array.from({ length: 10 }, () => 0)
  for (let index = 0; index < 100_000; index++) {
    const value = random()
    expect(value >= 0 && value < 1).toBe(true)
    tenths[Math.floor(value * 10)]!++
  }
  // 10,000 expected, standard deviation 95: six of them never happen by chance.
  for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(570)
})

test('exponential gaps have the mean that was asked for', () => {
  const random = seededRandom(2)
  let sum = 0
  for (let index = 0; index < 100_000; index++) sum += exponential(random, 5)
  expect(sum / 100_000).toBeCloseTo(5, 0)
})

test('what is no whole number in the range is refused, with the name, the value and the range', () => {
  fc.assert(
    fc.property(fc.oneof(fc.integer(), fc.double(), fc.string(), fc.constant(undefined)), (value) => {
      const right = typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 10
      if (right) return checkInteger('size', value, { min: 1, max: 10 }) === value
      expect(() => checkInteger('size', value, { min: 1, max: 10 })).toThrow(
        /^size must be a whole number from 1 to 10, not /,
      )
      return true
    }),
  )
})

test('a number may have one bound, or none', () => {
  expect(checkNumber('rate', 0.5, { min: 0 })).toBe(0.5)
  expect(() => checkNumber('rate', -1, { min: 0 })).toThrow('rate must be a number of at least 0, not -1')
  expect(() => checkNumber('rate', NaN)).toThrow('rate must be a number, not NaN')
})

test('the nearest name is found within a third of its letters, else none', () => {
  expect(nearest('hardend', ['minimal', 'hardened', 'observed'])).toBe('hardened')
  expect(nearest('01-minimal-sever', ['01-minimal-server', '02-event-loop'])).toBe('01-minimal-server')
  expect(nearest('zzz', ['minimal', 'hardened'])).toBeUndefined()
  expect(didYouMean('zzz', ['a', 'b'])).toBe('choose one of a, b')
})

test('an error carries its code, its hint and its cause', () => {
  const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
  const error = new QpsError('QPS_UNREACHABLE', 'nobody listens', {
    cause,
    hint: 'start it',
    retryable: true,
    retryAfterMs: 5,
  })
  expect(error).toMatchObject({
    name: 'QpsError',
    code: 'QPS_UNREACHABLE',
    hint: 'start it',
    retryable: true,
    retryAfterMs: 5,
    cause,
  })
  expect([systemErrorCode(cause), systemErrorCode('x'), messageOf('x'), messageOf(cause)]).toEqual([
    'ECONNREFUSED',
    undefined,
    'x',
    'refused',
  ])
})

test('an invariant that does not hold is a mistake of the program', () => {
  expect(() => invariant(false, 'never')).toThrow(InvariantError)
  expect(() => invariant(true, 'never')).not.toThrow()
})

test('a sibling has the ending of its neighbor', () => {
  expect(siblingModule('file:///a/src/run.ts', './worker').href).toBe('file:///a/src/worker.ts')
  expect(siblingModule('file:///a/dist/run.js', './worker').href).toBe('file:///a/dist/worker.js')
})
