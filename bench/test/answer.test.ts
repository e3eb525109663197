import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Answer, difference, maskAnswer, parseAnswer } from '../src/answer.ts'
import { wrongness } from '../src/answer-check.ts'

const nowMs = 1_795_363_799_745
const body = `{"status":"ok","ts":${nowMs}}`
const expected = {
  path: '/',
  status: 200,
  contentType: 'application/json',
  body: /^\{"status":"ok","ts":(?<ts>\d{13})\}$/,
}

function response(changes: { status?: string; fields?: string[]; body?: string } = {}): string {
  const content = changes.body ?? body
  const fields = changes.fields ?? [
    'Content-Type: application/json',
    `Content-Length: ${content.length}`,
    'Date: Sun, 22 Nov 2026 16:09:59 GMT',
    'Connection: keep-alive',
    'Keep-Alive: timeout=5',
  ]
  return [`HTTP/1.1 ${changes.status ?? '200 OK'}`, ...fields, '', content].join('\r\n')
}

function answer(changes: Parameters<typeof response>[0] = {}): Answer {
  return parseAnswer(response(changes))!
}

test('a response is taken apart, and what follows it on the wire is not part of it', () => {
  const parsed = parseAnswer(`${response()}HTTP/1.1 200 OK\r\n`)!
  expect(parsed).toMatchObject({ status: 200, contentType: 'application/json', contentLength: 34, body })
  expect(parsed.text).toBe(response())
})

test('a response is incomplete until its last byte, wherever it is cut', () => {
  const whole = response()
  fc.assert(
    fc.property(fc.integer({ min: 0, max: whole.length - 1 }), (cut) => {
      expect(parseAnswer(whole.slice(0, cut))).toBeUndefined()
    }),
  )
})

test.each<[string, Answer, RegExp]>([
  ['another status', answer({ status: '503 Service Unavailable' }), /503/],
  ['another content type', answer({ fields: ['Content-Type: text/plain', 'Content-Length: 34'] }), /text\/plain/],
  ['no content length', answer({ fields: ['Content-Type: application/json'] }), /no content-length/],
  ['another body', answer({ body: '{"status":"no"}' }), /does not match/],
  ['a clock an hour off', answer({ body: `{"status":"ok","ts":${nowMs - 3_600_000}}` }), /-3600 s away/],
])('%s is wrong', (_, given, why) => {
  expect(wrongness(given, expected, nowMs)).toMatch(why)
})

test('the right answer is right', () => {
  expect(wrongness(answer(), expected, nowMs)).toBeUndefined()
})

test('two servers of ours agree although date, time stamp and keep-alive seconds differ', () => {
  const other = response({ body: `{"status":"ok","ts":${nowMs + 5}}` })
    .replace('16:09:59', '16:10:00')
    .replace('timeout=5', 'timeout=30')
  expect(difference(parseAnswer(other)!, answer(), 'ours')).toBeUndefined()
  expect(maskAnswer(other)).toContain('Keep-Alive: timeout=#\r\n')
  expect(maskAnswer(other)).toHaveLength(other.length - 1)
})

test('two servers of ours differ by one further header field, and the line is named', () => {
  const other = parseAnswer(response().replace('Connection:', 'X-Extra: 1\r\nConnection:'))!
  expect(difference(other, answer(), 'ours')).toBe('line 5 is "X-Extra: 1", not "Connection: keep-alive"')
  expect(difference(other, answer(), 'peer')).toBeUndefined()
})

test.each<[string, Answer]>([
  ['status', answer({ status: '201 Created' })],
  ['content type', answer({ fields: ['Content-Type: application/json; charset=utf-8', 'Content-Length: 34'] })],
  ['body', answer({ body: body.replace('ok', 'OK') })],
])('a peer with another %s is not comparable', (_, given) => {
  expect(difference(given, answer(), 'peer')).toBeDefined()
})

test('a longer time stamp is not masked away', () => {
  const longer = answer({ body: `{"status":"ok","ts":${nowMs}0}` })
  expect(difference(longer, answer(), 'peer')).toContain('contentLength is 35, not 34')
})
