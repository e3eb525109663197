import { methods, problems, refusals, statusText } from '@qps/http-contract'
import { METHODS, STATUS_CODES } from 'node:http'
import { expect, test } from 'vitest'

test('the contract knows the methods of Node’s parser', () => expect(methods.toSorted()).toEqual(METHODS.toSorted()))

test('and its reason phrases', () => {
  const statuses = [...Object.values(problems), ...Object.values(refusals)].map(({ status }) => status)
  for (const status of new Set([100, 200, 403, 501, 505, ...statuses])) {
    if (status !== 0) expect(statusText(status)).toBe(STATUS_CODES[status])
  }
})
