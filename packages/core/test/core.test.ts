import { checkInteger, didYouMean, ManualClock, QpsError, seededRandom } from '@qps/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'

test('resolves sources', () => { expect(new QpsError('QPS_X', 'm').code).toBe('QPS_X') ; using r = { [Symbol.dispose]() {} }; expect(r).toBeTruthy(); expect([checkInteger, didYouMean, ManualClock, seededRandom, fc].length).toBe(5) })
