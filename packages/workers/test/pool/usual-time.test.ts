import { expect, test } from 'vitest'
import { usualMs } from '../../src/pool/usual-time.ts'

/** The mean after so many tasks of this length. */
function after(meanMs: number, times: number, runMs: number): number {
  let mean = meanMs
  for (let time = 0; time < times; time++) mean = usualMs(mean, runMs)
  return mean
}

test('the first time is the mean', () => expect(usualMs(NaN, 3)).toBe(3))

test('one time far out of line changes little', () => {
  expect(usualMs(0.001, 50)).toBeLessThan(0.0025)
})

test('tasks that take long from now on are known as such after a few, and short ones again', () => {
  const long = after(0.001, 24, 50)
  expect(long).toBeGreaterThan(5)
  expect(after(long, 200, 0.001)).toBeLessThan(0.01)
})
