import { classifyError } from '@qps/breaker'
import { QpsError } from '@qps/core'
import { expect, test } from 'vitest'

const gone = new Error('gone')
const abortError = new DOMException('This operation was aborted', 'AbortError')
const timeoutError = new DOMException('The operation timed out', 'TimeoutError')
const wrapped = Object.assign(new Error('The operation was aborted', { cause: timeoutError }), { name: 'AbortError' })

test.each([
  ['any error', new Error('down'), undefined, 'failure'],
  ['what is no error', 'down', undefined, 'failure'],
  ['nothing', undefined, undefined, 'failure'],
  ['the reason of the signal', gone, AbortSignal.abort(gone), 'cancelled'],
  ['no reason', undefined, AbortSignal.abort(undefined), 'failure'],
  ['another error than the reason', new Error('down'), AbortSignal.abort(gone), 'failure'],
  ['an AbortError', abortError, undefined, 'cancelled'],
  ['a cancelled context', new QpsError('QPS_CANCELLED', 'cancelled'), undefined, 'cancelled'],
  ['a deadline', new QpsError('QPS_DEADLINE', 'too late'), undefined, 'failure'],
  ['a timeout', timeoutError, AbortSignal.abort(timeoutError), 'failure'],
  ['an AbortError because of a timeout', abortError, AbortSignal.abort(timeoutError), 'failure'],
  ['an AbortError with a timeout in it', wrapped, undefined, 'failure'],
] as const)('%s', (_what, error, signal, outcome) => {
  expect(classifyError(error, signal)).toBe(outcome)
})
