import { quicAvailability } from '@qps/quic'
import { expect, test } from 'vitest'
import { loadQuiche } from '../src/binding/load.ts'
import { quic } from './support.ts'

test('where there is no binary for the platform, the error says so and how to get one', () => {
  expect(() => loadQuiche('plan9-mips')).toThrow(
    expect.objectContaining({
      code: 'QPS_PART_MISSING',
      message: expect.stringContaining('plan9-mips'),
      hint: expect.stringMatching(/npm install --no-save @matrixai\/quic-plan9-mips@\d+\.\d+\.\d+/),
    }),
  )
})

test.skipIf(!quic.available)(`where there is one, it is loaded once ${quic.reason}`, () => {
  expect(quicAvailability()).toEqual({ available: true, reason: '' })
  expect(loadQuiche()).toBe(loadQuiche())
})
