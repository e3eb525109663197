import * as core from '@qps/core'
import { expectReadmeExample } from '@qps/testkit'
import { expect, test } from 'vitest'

test('the export names are these', () => {
  expect(Object.keys(core).toSorted()).toEqual([
    'InvariantError',
    'ManualClock',
    'QpsError',
    'checkInteger',
    'checkNumber',
    'describe',
    'didYouMean',
    'exponential',
    'invariant',
    'messageOf',
    'nearest',
    'secretRandom',
    'seededRandom',
    'siblingModule',
    'sourceFlags',
    'systemClock',
    'systemErrorCode',
  ])
})

test("the README's example prints what it says", () => expectReadmeExample(new URL('../README.md', import.meta.url)))
