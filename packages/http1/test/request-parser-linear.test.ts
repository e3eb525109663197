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

/** The least time of several runs: what the code costs when nothing disturbs it. */
function bestMs(run: () => void): number {
  let best = Infinity
  for (let round = 0; round < 8; round++) {
    const startMs = performance.now()
    run()
    run()
    best = Math.min(best, performance.now() - startMs)
  }
  return best
}

/** How much longer twice the input takes, by the least times of several tries: others may use the machine as well. */
function growth(once: () => void, twice: () => void): number {
  let onceMs = Infinity
  let twiceMs = Infinity
  for (let attempt = 0; attempt < 3 || (attempt < 15 && twiceMs >= 2.5 * onceMs); attempt++) {
    onceMs = Math.min(onceMs, bestMs(once))
    twiceMs = Math.min(twiceMs, bestMs(twice))
  }
  // Below this a clock reading is a good part of what is measured.
  return twiceMs / Math.max(onceMs, 0.02)
}

const filled = (bytes: number, front: string, unit: string, end: string): Uint8Array =>
  bytesOf(front + unit.repeat(Math.ceil(bytes / unit.length)) + end)

test.each(worst)('%s: twice as much takes less than 2.5 times as long', (_name, ...parts) => {
  const once = filled(60_000, ...parts)
  const twice = filled(120_000, ...parts)
  const whole = 2 ** 20
  expect(growth(() => feed(once, whole), () => feed(twice, whole))).toBeLessThan(2.5) // prettier-ignore
})

test.each(worst)('%s: byte by byte as well', (_name, ...parts) => {
  const once = filled(2 ** 14, ...parts)
  const twice = filled(2 ** 15, ...parts)
  expect(growth(() => feed(once, 1), () => feed(twice, 1))).toBeLessThan(2.5) // prettier-ignore
})

test('a parser that begins again with each byte would be noticed', () => {
  const again = (bytes: Uint8Array) => (): void => {
    for (let end = 1; end < bytes.length; end += 8) new RequestParser(limits).parseHead(bytes, 0, end)
  }
  const parts = worst[4]!.slice(1) as [string, string, string]
  expect(growth(again(filled(2 ** 12, ...parts)), again(filled(2 ** 13, ...parts)))).toBeGreaterThan(2.5)
})
