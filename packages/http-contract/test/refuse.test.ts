import { seededRandom } from '@qps/core'
import { problems, refusalBytes, type RefusalReason, refusals, statusText } from '@qps/http-contract'
import { expect, test } from 'vitest'

const wallMs = Date.UTC(2026, 0, 1)
const reasons = Object.keys(refusals) as RefusalReason[]

test('every status that is sent has a reason phrase', () => {
  const sent = [...Object.values(problems), ...Object.values(refusals)].map(({ status }) => status)
  expect(sent.filter((status) => status !== 0 && statusText(status) === '')).toEqual([])
  expect(statusText(299)).toBe('')
})

test.each(reasons.filter((reason) => refusals[reason].status !== 0))('%s is one complete answer', (reason) => {
  const { bytes, status, lingers } = refusalBytes(reason, wallMs, seededRandom(1))
  const [head, body] = bytes.split('\r\n\r\n') as [string, string]
  expect(status).toBe(refusals[reason].status)
  expect(lingers).toBe(refusals[reason].lingers)
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [A-Z]`))
  expect(head).toContain(`\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`)
  expect(head).toContain('\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: close')
  expect(JSON.parse(body)).toEqual({ error: { code: refusals[reason].code, message: refusals[reason].message } })
})

test('Retry-After spreads clients over 1 to 5 s', () => {
  const seconds = [0, 0.2, 0.4, 0.6, 0.8, 0.999].map(
    (chance) => /retry-after: (\d+)/.exec(refusalBytes('connections', wallMs, () => chance).bytes)?.[1],
  )
  expect(seconds).toEqual(['1', '2', '3', '4', '5', '5'])
  expect(refusalBytes('body', wallMs, () => 0).bytes).not.toContain('retry-after')
})

test('a 405 says what it takes', () => {
  expect(refusalBytes('connect', wallMs, () => 0).bytes).toContain('\r\nallow: GET, HEAD, POST, PUT, PATCH, DELETE\r\n')
})
