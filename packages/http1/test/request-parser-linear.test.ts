import { expect, test } from 'vitest'
import { headComplete, RequestParser } from '../src/request-parser.ts'
import { bytesOf } from './request-reading.ts'
import { chunkedPost } from './request-samples.ts'

const limits = { headerBytesMax: 2 ** 20, headerFieldsMax: 2 ** 16, bodyBytesMax: 2 ** 20 }
const line = 'GET / HTTP/1.1\r\nHost: a\r\n'

const worst: readonly (readonly [name: string, front: string, unit: string, end: string])[] = [
  ['empty lines', '', '\r\n', 'GET'],
  ['a target', 'GET /', 'a', ' '],
  ['an absolute-form target', 'GET http://', 'a', ' '],
  ['a name', line, 'a', ': b\r\n\r\n'],
  ['a value', `${line}X: `, 'a', '\r\n\r\n'],
  ['blanks before a value', `${line}X:`, ' ', '\r\n\r\n'],
  ['blanks inside a value', `${line}X: a`, '  b', '\r\n\r\n'],
  ['blanks behind a value', `${line}X: a`, '  ', '\r\n\r\n'],
  ['fields', line, 'A: 1  \r\n', '\r\n'],
  ['fields about the connection', line, 'Connection: a,,,b\r\n', '\r\n'],
  ['a list of options', `${line}Connection: `, ',', '\r\n\r\n'],
  ['a list of options and blanks', `${line}Connection: a`, ' \t ', '\r\n\r\n'],
  ['a length', `${line}Content-Length: `, '0', '\r\n\r\n'],
  ['chunks', chunkedPost(''), '1\r\na\r\n', '0\r\n\r\n'],
  ['extensions', chunkedPost('1'), ';a="\\b"', '\r\na\r\n0\r\n\r\n'],
  ['trailers', chunkedPost('0\r\n'), 'A: 1\r\n', '\r\n'],
  ['a trailer', chunkedPost('0\r\nA: '), 'x', '\r\n\r\n'],
]

/** Feeds the bytes in pieces of this size, as a server does that holds all of a head in one place. */
function feed(bytes: Uint8Array, pieceBytes: number): void {
  const parser = new RequestParser(limits)
  let at = -1
  for (let arrived = 0; arrived < bytes.length && parser.failure === undefined;) {
    arrived = Math.min(arrived + pieceBytes, bytes.length)
    if (at === -1 && parser.parseHead(bytes, 0, arrived) === headComplete) at = parser.headEnd
    if (at === -1) continue
    while (at < arrived && !parser.bodyComplete && parser.failure === undefined)
      at = parser.readBody(bytes, at, arrived)
  }
}

/** The bytes with a count of how often one is looked at or copied: exact where a clock is not. */
function counted(bytes: Uint8Array): { bytes: Uint8Array; looks: () => number } {
  let looks = 0
  const subarray = (start: number, end: number): Uint8Array => {
    looks += end - start
    return bytes.subarray(start, end)
  }
  const get = (_target: Uint8Array, key: string | symbol): unknown => {
    if (key === 'subarray') return subarray
    if (typeof key === 'string' && key >= '0' && key <= ':') looks++
    return Reflect.get(bytes, key, bytes)
  }
  return { bytes: new Proxy(bytes, { get }), looks: () => looks }
}

function looksOf(bytes: Uint8Array, read: (bytes: Uint8Array) => void): number {
  const subject = counted(bytes)
  read(subject.bytes)
  return subject.looks()
}

const filled = (bytes: number, front: string, unit: string, end: string): Uint8Array =>
  bytesOf(front + unit.repeat(Math.ceil(bytes / unit.length)) + end)

test.each(worst)(
  '%s: a byte is looked at a few times, however many there are and however they come',
  (_name, ...parts) => {
    for (const pieceBytes of [2 ** 20, 1000, 1]) {
      const once = filled(2 ** 13, ...parts)
      const twice = filled(2 ** 14, ...parts)
      const looks = looksOf(once, (bytes) => feed(bytes, pieceBytes))
      // Content is not looked at, only handed on.
      expect(looks).toBeGreaterThan(once.length / 2)
      expect(looks).toBeLessThan(6 * once.length)
      expect(looksOf(twice, (bytes) => feed(bytes, pieceBytes))).toBeLessThan(2.05 * looks)
    }
  },
)

test('a parser that began again with each piece would be noticed', () => {
  const again = (bytes: Uint8Array): void => {
    for (let end = 100; end < bytes.length; end += 100) new RequestParser(limits).parseHead(bytes, 0, end)
  }
  const [, ...parts] = worst[4]!
  expect(looksOf(filled(2 ** 13, ...parts), again)).toBeGreaterThan(6 * 2 ** 13)
})
