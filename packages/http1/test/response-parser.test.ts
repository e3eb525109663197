import { ResponseParser } from '@qps/http1'
import { expect, test } from 'vitest'
import { bytesOf, readResponses } from './response-parser-reading.ts'
import { goodResponses, refusedResponses } from './response-parser-samples.ts'

const good = Object.entries(goodResponses).map(([name, [text, ...responses]]) => ({ name, text, responses }))

test.each(good)('reads $name', ({ text, responses }) => {
  const reading = readResponses(bytesOf(text))
  expect(reading.failure).toBeUndefined()
  expect(reading.responses).toMatchObject(responses)
  expect(reading.responses).toHaveLength(responses.length)
})

test.each(refusedResponses)('refuses %s', (_why, failure, text) => {
  expect(readResponses(bytesOf(text))).toMatchObject({ failure, responses: [] })
})

test('says the same however the input is cut', () => {
  const texts = [...good.map(({ text }) => text), ...refusedResponses.map(([, , text]) => text)]
  for (const text of texts) {
    const bytes = bytesOf(text)
    const whole = readResponses(bytes)
    for (let cut = 0; cut <= bytes.length; cut++) expect(readResponses(bytes, [cut]), text).toEqual(whole)
    if (bytes.length < 400) expect(readResponses(bytes, [...bytes.keys()]), text).toEqual(whole)
  }
})

test('answers to HEAD have no content, whatever their fields say', () => {
  const text =
    'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'
  const { responses, failure } = readResponses(bytesOf(text), [], true)
  expect(failure).toBeUndefined()
  expect(responses.map(({ body, keepAlive }) => [body, keepAlive])).toEqual([
    ['', true],
    ['', true],
    ['', true],
  ])
})

test('a body that ends early is incomplete, and so is a head', () => {
  for (const text of [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n',
    'HTTP/1.1 200 OK\r\nContent-Le',
    'HTT',
  ]) {
    expect(readResponses(bytesOf(text))).toMatchObject({ responses: [], failure: undefined, incomplete: true })
  }
})

test('takes time in proportion to a head that comes byte by byte', () => {
  const limits = { headerBytesMax: 1 << 20, headerFieldsMax: 100, bodyBytesMax: 0 }
  const timeMs = (length: number): number => {
    const bytes = bytesOf(`HTTP/1.1 200 ${'r'.repeat(length)}\r\nX: ${'y'.repeat(length)}`)
    const parser = new ResponseParser(limits)
    parser.reset(false)
    const beganMs = performance.now()
    for (let end = 1; end <= bytes.length; end++) parser.parseHead(bytes, 0, end)
    return performance.now() - beganMs
  }
  const best = (length: number): number => Math.min(...Array.from({ length: 7 }, () => timeMs(length)))
  best(32_000)
  // Four times the bytes: a quadratic parser would need sixteen times as long.
  expect(best(128_000)).toBeLessThan(8 * best(32_000))
})
