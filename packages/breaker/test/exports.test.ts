import * as breaker from '@qps/breaker'
import { expect, test } from 'vitest'

test('the export names are these', () => {
  expect(Object.keys(breaker).toSorted()).toEqual([
    'BreakerSet',
    'adaptiveDefaults',
    'adaptiveThreshold',
    'attachBreaker',
    'breakerLimits',
    'breakerSetDefaults',
    'classifyError',
    'commonClock',
    'createBreaker',
    'fixedDefaults',
    'goZeroRefinements',
    'googleDefaults',
    'memoryBytes',
  ])
})
