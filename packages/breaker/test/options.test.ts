import {
  adaptiveDefaults,
  type BreakerOptions,
  createBreaker,
  fixedDefaults,
  googleDefaults,
  memoryBytes,
} from '@qps/breaker'
import { expect, test } from 'vitest'
import { planBreaker } from '../src/options.ts'
import { thrownBy } from '@qps/testkit'

test.each([
  [{ design: 'fixed' }, fixedDefaults],
  [{ design: 'google' }, googleDefaults],
  [{ design: 'adaptive' }, adaptiveDefaults],
] as const)('what is left out of %j is as its defaults say', (options, defaults) => {
  expect(planBreaker(options)).toMatchObject(defaults)
  const missing = Object.fromEntries(Object.keys(defaults).map((name) => [name, undefined]))
  expect(planBreaker({ ...options, ...missing } as BreakerOptions)).toEqual(planBreaker(options))
})

test("go-zero's refinements are off unless they are asked for", () => {
  expect(planBreaker({ design: 'google', k: 2 })).toMatchObject({ k: 2, kMin: 2, forcePassMs: Infinity, easing: false })
})

test('the longest time follows the shortest', () => {
  expect(planBreaker({ design: 'fixed', openMs: 120_000 })).toMatchObject({ openMs: 120_000, openMsMax: 120_000 })
})

test.each([
  ['fixed', 'errorRatioMax', [0, 1.1, NaN, '0.5']],
  ['fixed', 'requestsMin', [0, 1.5, 1e9]],
  ['fixed', 'openMs', [0, 1e9, Infinity]],
  ['fixed', 'openMsMax', [1, 1e9]],
  ['fixed', 'probesMax', [0, 33, 1.5]],
  ['fixed', 'probeSuccessRatio', [0, 2]],
  ['fixed', 'probeTimeoutMs', [0, 1e9]],
  ['adaptive', 'backoff', [0.5, 11]],
  ['adaptive', 'jitter', [-0.1, 1.1]],
  ['adaptive', 'thresholdMin', [0, 2]],
  ['adaptive', 'thresholdMax', [0.1, 2]],
  ['adaptive', 'rateQpsFull', [0, Infinity]],
  ['adaptive', 'latencyMsP95Max', [0, NaN, '1000']],
  ['google', 'k', [0.9, NaN]],
  ['google', 'kMin', [0.9, 1.6]],
  ['google', 'protection', [-1, 0.5]],
  ['google', 'forcePassMs', [0, NaN]],
  ['google', 'easing', [1]],
  ['google', 'windowMs', [999, 1e9]],
  ['google', 'buckets', [1, 101, 2000]],
  ['google', 'name', [5]],
  ['google', 'shared', ['yes']],
  ['google', 'random', [5]],
  ['google', 'onChange', ['log']],
  ['google', 'classifyError', [true]],
] as const)('%s: %s refuses what is out of its range', (design, name, values) => {
  for (const value of values) {
    const error = thrownBy(() => createBreaker({ design, [name]: value } as never))
    expect(error.code).toBe('QPS_OPTION')
    expect(error.message).toMatch(new RegExp(`^${name} must be `))
  }
})

test('there are three designs', () => {
  expect(thrownBy(() => createBreaker({ design: 'magic' } as never)).message).toMatch(/^design must be .*"magic"$/)
})

test('what a breaker takes is what the README says', () => {
  const kilobytes = (options: BreakerOptions): string => (memoryBytes(planBreaker(options)) / 1000).toPrecision(2)
  expect([kilobytes({ design: 'fixed' }), kilobytes({ design: 'google' }), kilobytes({ design: 'adaptive' })]).toEqual([
    '1.8',
    '1.2',
    '15',
  ])
})
