import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ResponseParser } from '../src/response-parser.ts'

interface Answer {
  status: number
  bodyBytes: number
  lengthUnknown: boolean
  keepAlive: boolean
}

interface Reading {
  answers: Answer[]
  failure: string | undefined
}

/** Feeds the pieces one after the other, then the close. */
function read(pieces: readonly Uint8Array[], method = 'GET'): Reading {
  const parser = new ResponseParser(method)
  const answers: Answer[] = []
  const take = (): void => {
    const { status, bodyBytes, lengthUnknown, keepAlive } = parser
    answers.push({ status, bodyBytes, lengthUnknown, keepAlive })
  }
  for (const piece of pieces) {
    for (let at = 0; at < piece.length && parser.failure === undefined;) {
      at = parser.feed(piece, at, piece.length)
      if (parser.complete) take()
    }
  }
  if (parser.finish()) take()
  return { answers, failure: parser.failure }
}

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1')
const readText = (text: string, method?: string): Reading => read([bytesOf(text)], method)

const good: Record<string, { text: string; method?: string; answers: Answer[] }> = {
  'a body of known length': {
    text: 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello',
    answers: [{ status: 200, bodyBytes: 5, lengthUnknown: false, keepAlive: true }],
  },
  'two pipelined answers': {
    text: 'HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\nabHTTP/1.1 404 Not Found\r\nCONTENT-LENGTH: \t3 \r\n\r\nabc',
    answers: [
      { status: 200, bodyBytes: 2, lengthUnknown: false, keepAlive: true },
      { status: 404, bodyBytes: 3, lengthUnknown: false, keepAlive: true },
    ],
  },
  'chunks with an extension and a trailer, then another answer': {
    text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
    answers: [
      { status: 200, bodyBytes: 15, lengthUnknown: true, keepAlive: true },
      { status: 204, bodyBytes: 0, lengthUnknown: false, keepAlive: true },
    ],
  },
  'answers to HEAD have no body': {
    text: 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    method: 'HEAD',
    answers: [
      { status: 200, bodyBytes: 0, lengthUnknown: false, keepAlive: true },
      { status: 200, bodyBytes: 0, lengthUnknown: false, keepAlive: true },
    ],
  },
  'interim answers are passed over': {
    text: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    answers: [{ status: 200, bodyBytes: 0, lengthUnknown: false, keepAlive: true }],
  },
  'not modified has no body': {
    text: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n',
    answers: [
      { status: 304, bodyBytes: 0, lengthUnknown: false, keepAlive: true },
      { status: 304, bodyBytes: 0, lengthUnknown: false, keepAlive: true },
    ],
  },
  'Connection: close, among other tokens': {
    text: 'HTTP/1.1 200 OK\r\nConnection: foo, CLOSE\r\nContent-Length: 1\r\n\r\na',
    answers: [{ status: 200, bodyBytes: 1, lengthUnknown: false, keepAlive: false }],
  },
  'HTTP/1.0 closes': {
    text: 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na',
    answers: [{ status: 200, bodyBytes: 1, lengthUnknown: false, keepAlive: false }],
  },
  'HTTP/1.0 with keep-alive does not': {
    text: 'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na',
    answers: [{ status: 200, bodyBytes: 1, lengthUnknown: false, keepAlive: true }],
  },
  'a body until the close': {
    text: 'HTTP/1.1 200 OK\r\n\r\nall of this',
    answers: [{ status: 200, bodyBytes: 11, lengthUnknown: true, keepAlive: false }],
  },
  'a status line without a reason, a field without a value': {
    text: 'HTTP/1.1 200\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n',
    answers: [{ status: 200, bodyBytes: 0, lengthUnknown: false, keepAlive: true }],
  },
  'two equal lengths': {
    text: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na',
    answers: [{ status: 200, bodyBytes: 1, lengthUnknown: false, keepAlive: true }],
  },
}

const bad: Record<string, string> = {
  'another protocol': 'SSH-2.0-OpenSSH_9.2\r\n',
  'HTTP/2': 'HTTP/2.0 200 OK\r\n\r\n',
  'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
  'a status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
  'a bare line feed': 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n',
  'a bare carriage return': 'HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n',
  'a control character': 'HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n',
  'a folded line': 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n',
  'a blank before the colon': 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n',
  'a line without a colon': 'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n',
  'a line without a name': 'HTTP/1.1 200 OK\r\n: value\r\n\r\n',
  'a length that is no number': 'HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n',
  'a negative length': 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
  'an empty length': 'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n',
  'a length beyond what a number holds': 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
  'a length and a coding': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
  'an unknown coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
  'a chunk size that is no number': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
  'a chunk size too large': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n',
  'a chunk longer than announced': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n',
  'a change of protocol': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
  'an endless header': `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(30_000)}`,
  'an endless line': `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(200_000)}`,
}

test.each(Object.entries(good))('reads %s', (_name, { text, method, answers }) => {
  expect(readText(text, method)).toEqual({ answers, failure: undefined })
})

test.each(Object.entries(bad))('refuses %s', (_name, text) => {
  const { answers, failure } = readText(text)
  expect(answers).toEqual([])
  expect(failure).toEqual(expect.any(String))
})

test.each(Object.entries(good))(
  'gives the same answer for %s, cut at every byte',
  (_name, { text, method, answers }) => {
    const bytes = bytesOf(text)
    for (let cut = 1; cut < bytes.length; cut++) {
      expect(read([bytes.subarray(0, cut), bytes.subarray(cut)], method)).toEqual({ answers, failure: undefined })
    }
    const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
    expect(read(single, method)).toEqual({ answers, failure: undefined })
  },
)

test('the answer never depends on the cuts, whatever the bytes', () => {
  const texts = [...Object.values(good).map(({ text }) => text), ...Object.values(bad)].filter(
    (text) => text.length < 1000,
  )
  const mutated = fc
    .tuple(fc.constantFrom(...texts), fc.nat(), fc.integer({ min: 0, max: 255 }))
    .map(([text, at, byte]) => {
      const bytes = bytesOf(text)
      bytes[at % bytes.length] = byte
      return bytes
    })
  fc.assert(
    fc.property(mutated, fc.array(fc.nat(), { maxLength: 8 }), (bytes, cuts) => {
      const points = [0, ...cuts.map((cut) => cut % bytes.length).toSorted((left, right) => left - right), bytes.length]
      const pieces = points.slice(1).map((end, index) => bytes.subarray(points[index]!, end))
      expect(read(pieces)).toEqual(read([bytes]))
    }),
    { numRuns: 2000 },
  )
})

test('random bytes never throw and never hang', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      const { failure, answers } = read([bytes])
      expect(failure !== undefined || answers.length >= 0).toBe(true)
    }),
  )
})

test('a line that arrives byte by byte takes time in proportion to its length', () => {
  const timeMs = (length: number): number => {
    const bytes = bytesOf(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(length)}`)
    const parser = new ResponseParser('GET')
    const beganMs = performance.now()
    for (let at = 0; at < bytes.length; at++) parser.feed(bytes, at, at + 1)
    return performance.now() - beganMs
  }
  const best = (length: number): number => Math.min(...Array.from({ length: 7 }, () => timeMs(length)))
  best(32_000)
  expect(best(100_000)).toBeLessThan(2.5 * 2 * Math.max(0.5, best(50_000)))
})

test('a head like the one before is read like it; one that differs in any byte is read anew', () => {
  const answer = 'HTTP/1.1 200 OK\r\nDate: today\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc'
  const [first] = readText(answer).answers
  const bytes = bytesOf(answer)
  for (let at = 0; at < bytes.length; at++) {
    for (const byte of [0x0d, 0x30, 0x31, 0x39, bytes[at]! ^ 0x20, bytes[at]!]) {
      const other = Buffer.from(bytes)
      other[at] = byte
      const alone = read([other])
      expect(read([Buffer.concat([bytes, other])])).toEqual({ ...alone, answers: [first, ...alone.answers] })
      const moved = Buffer.concat([Buffer.alloc(1 + (at % 7)), other]).subarray(1 + (at % 7))
      expect(read([bytes, moved])).toEqual({ ...alone, answers: [first, ...alone.answers] })
    }
  }
})
