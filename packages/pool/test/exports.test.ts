import * as pool from '@qps/pool'
import { expect, test } from 'vitest'

test('the export names are these', () => {
  expect(Object.keys(pool).toSorted()).toEqual([
    'BufferPool',
    'ObjectPool',
    'bufferPoolDefaults',
    'poolDefaults',
    'sizeClasses',
  ])
})
