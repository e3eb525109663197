import { expect, test } from 'vitest'
import { LateStreams } from '../src/late-streams.ts'

test('so many streams are remembered, the latest', () => {
  const late = new LateStreams(3)
  for (const id of [1, 3, 5, 5, 7]) late.add(id)
  expect([1, 3, 5, 7, 9].map((id) => late.has(id))).toEqual([false, true, true, true, false])
})
