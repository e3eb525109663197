import * as workers from '@qps/workers'
import { expect, test } from 'vitest'

test('the export names are these', () => {
  expect(Object.keys(workers).toSorted()).toEqual(['WorkerPool', 'move', 'startGroup', 'workerPoolDefaults'])
})
