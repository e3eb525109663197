import * as queue from '@qps/queue'
import { expect, test } from 'vitest'

test('the export names are these', () => {
  expect(Object.keys(queue).toSorted()).toEqual(['Channel', 'channelDefaults', 'select', 'trySelect'])
})
