import { httpLimits, isValidHost, methods } from '@qps/http-contract'
import { ambiguousRequests } from '@qps/testkit'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isHost } from '../src/header-bytes.ts'
import { headComplete, headFailed, headIncomplete, RequestParser } from '../src/request-parser.ts'
import { bytesOf, readRequests, type Reading, type RequestRead } from './request-reading.ts'

const readText = (text: string, cuts?: number[]): Reading => readRequests(bytesOf(text), cuts)
const failureOf = (text: string): string | undefined => readText(text).failure
const post = (fields: string, body = ''): string => `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`
const chunkedPost = (body: string): string => post('Transfer-Encoding: chunked\r\n', body)

const plain: RequestRead = {
  method: 'GET',
  target: '/',
  path: '/',
  versionMinor: 1,
  fields: [['Host', 'a']],
  contentLength: -1,
  chunked: false,
  keepAlive: true,
  expectsContinue: false,
  host: 'a',
  body: '',
  trailers: [],
}

const good: Record<string, [text: string, ...requests: Partial<RequestRead>[]]> = {
  'the least request': ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', {}],
  'HTTP/1.0 without Host': [
    'GET / HTTP/1.0\r\n\r\n',
    { versionMinor: 0, fields: [], keepAlive: false, host: undefined },
  ],
  'HTTP/1.0 that stays': [
    'GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n',
    { versionMinor: 0, fields: [['Connection', 'Keep-Alive']], keepAlive: true, host: undefined },
  ],
  'HTTP/1.0 that expects, which is ignored': [
    'GET / HTTP/1.0\r\nExpect: 100-continue\r\nexpect: x\r\n\r\n',
    { versionMinor: 0, keepAlive: false, host: undefined, fields: [['Expect', '100-continue'], ['expect', 'x']] }, // prettier-ignore
  ],
  'a connection that closes, and what is behind it': [
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: x ,\t CLOSE\r\n\r\nGET / HTTP/1.1',
    { fields: [['Host', 'a'], ['Connection', 'x ,\t CLOSE']], keepAlive: false }, // prettier-ignore
  ],
  'options of a connection that only look like close': [
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: closed, clos, close x,, xclose\r\n\r\n',
    { fields: [['Host', 'a'], ['Connection', 'closed, clos, close x,, xclose']] }, // prettier-ignore
  ],
  'close and keep-alive in two fields: close': [
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n',
    { fields: [['Host', 'a'], ['Connection', 'close'], ['Connection', 'keep-alive']], keepAlive: false }, // prettier-ignore
  ],
  'a query, which ends the path': [
    'GET /a/b?c=/d?e#f HTTP/1.1\r\nHost: a\r\n\r\n',
    { target: '/a/b?c=/d?e#f', path: '/a/b' },
  ],
  'a fragment, which ends it as well': ['GET /a#b?c HTTP/1.1\r\nHost: a\r\n\r\n', { target: '/a#b?c', path: '/a' }],
  'an absolute-form target': [
    'GET HTTP://b:80/c?d HTTP/1.1\r\nHost: a\r\n\r\n',
    { target: 'HTTP://b:80/c?d', path: 'HTTP://b:80/c' },
  ],
  'an absolute-form target without a path': [
    'GET x://[::1]?y HTTP/1.1\r\nHost: a\r\n\r\n',
    { target: 'x://[::1]?y', path: 'x://[::1]' },
  ],
  'an asterisk-form target': ['OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', { method: 'OPTIONS', target: '*', path: '*' }],
  'empty lines before the request': ['\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', {}],
  'values with blanks around, empty values, bytes beyond ASCII, no blank': [
    'GET / HTTP/1.1\r\nhOST:a\r\nA: \t b c\t \r\nB:\r\nC: \t \r\nD: \xe9\xff\x80\r\n\r\n',
    { fields: [['hOST', 'a'], ['A', 'b c'], ['B', ''], ['C', ''], ['D', '\xe9\xff\x80']] }, // prettier-ignore
  ],
  'every byte of a token in a name': [
    "GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~09azAZ: 1\r\n\r\n",
    { fields: [['Host', 'a'], ["!#$%&'*+-.^_`|~09azAZ", '1']] }, // prettier-ignore
  ],
  'names that would be properties': [
    'GET /__proto__ HTTP/1.1\r\nHost: a\r\n__proto__: 1\r\nconstructor: 2\r\n\r\n',
    { target: '/__proto__', path: '/__proto__', fields: [['Host', 'a'], ['__proto__', '1'], ['constructor', '2']] }, // prettier-ignore
  ],
  'a body of known length, then another request': [
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\n\r\nhe\r\n\0\xffoGET /2 HTTP/1.1\r\nHost: b\r\n\r\n',
    { method: 'POST', fields: [['Host', 'a'], ['Content-Length', '007']], contentLength: 7, body: 'he\r\n\0\xffo' }, // prettier-ignore
    { target: '/2', path: '/2', fields: [['Host', 'b']], host: 'b' },
  ],
  'a body of length 0': [
    post('Content-Length: 0\r\n'),
    { method: 'POST', fields: [['Host', 'a'], ['Content-Length', '0']], contentLength: 0 }, // prettier-ignore
  ],
  'a client that waits': [
    post('Content-Length: 1\r\nExpect: 100-Continue\r\n', 'x'),
    { method: 'POST', contentLength: 1, expectsContinue: true, body: 'x', fields: [['Host', 'a'], ['Content-Length', '1'], ['Expect', '100-Continue']] }, // prettier-ignore
  ],
  'chunks with extensions and trailers, then another request': [
    'POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\n\r\n' +
      '3\r\nabc\r\n00B;note;x=1;y="a;\\"\t\xff"\r\n\r\n0\r\n\r\n1\r\n\r\r\n0;last\r\nX-Sum: \t1 \r\n__proto__:\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    {
      method: 'POST',
      fields: [['Host', 'a'], ['transfer-encoding', 'CHUNKED']], // prettier-ignore
      chunked: true,
      body: 'abc\r\n0\r\n\r\n1\r\n\r',
      trailers: [['X-Sum', '1'], ['__proto__', '']], // prettier-ignore
    },
    {},
  ],
  'no chunk but the last': [
    chunkedPost('0\r\n\r\n'),
    { method: 'POST', fields: [['Host', 'a'], ['Transfer-Encoding', 'chunked']], chunked: true }, // prettier-ignore
  ],
}

describe('reads', () => {
  test.each(Object.entries(good))('%s', (_name, [text, ...requests]) => {
    const reading = readText(text)
    expect(reading.failure).toBeUndefined()
    expect(reading.incomplete).toBe(false)
    expect(reading.requests).toEqual(requests.map((request) => ({ ...plain, ...request })))
  })

  test.each(methods.filter((method) => method !== 'CONNECT'))('the method %s', (method) => {
    expect(readText(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`).requests).toMatchObject([{ method }])
  })
})

const refused: readonly (readonly [name: string, failure: string, text: string])[] = [
  ...ambiguousRequests.map(([name, text]) => [name, expect.any(String), text] as const),
  ['a method in lower case', 'malformed', 'get / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a method that begins like another', 'malformed', 'GETS / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a method without end', 'malformed', 'UNSUBSCRIBEX'],
  ['no method', 'malformed', ' / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['TLS', 'malformed', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\xaa\xbb'],
  ['two blanks before the target', 'malformed', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['two blanks behind the target', 'malformed', 'GET /  HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a blank behind the version', 'malformed', 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n'],
  ['a tab for a blank', 'malformed', 'GET /\tHTTP/1.1\r\nHost: a\r\n\r\n'],
  ['no target', 'malformed', 'GET HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a target without a slash', 'malformed', 'GET a/b HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a target beyond ASCII', 'malformed', 'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a control character in a query', 'malformed', 'GET /?\x01 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an absolute-form target without host', 'malformed', 'GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an absolute-form target with a user', 'malformed', 'GET http://a@b/ HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an absolute-form target with a fragment at its host', 'malformed', 'GET http://a#/ HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an absolute-form target with one slash', 'malformed', 'GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['HTTP in lower case', 'malformed', 'GET / http/1.1\r\nHost: a\r\n\r\n'],
  ['HTTP/1', 'malformed', 'GET / HTTP/1\r\nHost: a\r\n\r\n'],
  ['HTTP/1.10', 'malformed', 'GET / HTTP/1.10\r\nHost: a\r\n\r\n'],
  ['an empty line without CR', 'malformed', '\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an empty line without LF', 'malformed', '\rGET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a blank before the first field', 'malformed', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'],
  ['a field without colon', 'malformed', post('abc\r\n')],
  ['a field without name', 'malformed', post(': a\r\n')],
  ['DEL in a value', 'malformed', post('X: \x7f\r\n')],
  ['a name beyond ASCII', 'malformed', post('\xe9: 1\r\n')],
  ['a tab before the colon', 'malformed', post('X\t: 1\r\n')],
  ['two CR', 'malformed', post('X: 1\r\r\n')],
  ['an end of fields without LF', 'malformed', 'GET / HTTP/1.1\r\nHost: a\r\n\rX'],
  ['a field folded from an empty value', 'malformed', post('X:\r\n y\r\n')],
  ['Content-Length beyond 2^53', 'malformed', post('Content-Length: 9007199254740992\r\n')],
  ['Content-Length beyond every limit', 'malformed', post(`Content-Length: ${'9'.repeat(400)}\r\n`)],
  ['Content-Length of two numbers', 'malformed', post('Content-Length: 5 5\r\n', 'hello')],
  ['an empty Transfer-Encoding', 'transfer-encoding', post('Transfer-Encoding:\r\n', '0\r\n\r\n')],
  ['chunked and more', 'transfer-encoding', post('Transfer-Encoding: chunked;a=b\r\n', '0\r\n\r\n')],
  ['an empty Host in HTTP/1.0', 'host', 'GET / HTTP/1.0\r\nHost:\r\n\r\n'],
  ['Host twice in HTTP/1.0', 'host', 'GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n'],
  ['another expectation', 'expectation', post('Expect: 200-ok\r\n')],
  ['an empty expectation', 'expectation', post('Expect:\r\n')],
  ['CONNECT', 'connect', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n'],
  ['no chunk size', 'malformed', chunkedPost('\r\n')],
  ['a blank before a chunk size', 'malformed', chunkedPost(' 1\r\na\r\n0\r\n\r\n')],
  ['a blank behind a chunk size', 'malformed', chunkedPost('1 \r\na\r\n0\r\n\r\n')],
  ['a chunk size of 17 digits', 'malformed', chunkedPost(`${'0'.repeat(16)}1\r\na\r\n0\r\n\r\n`)],
  ['CR without LF behind a chunk size', 'malformed', chunkedPost('1\ra\r\n0\r\n\r\n')],
  ['no line end behind a chunk', 'malformed', chunkedPost('1\r\na0\r\n\r\n')],
  ['LF alone behind a chunk', 'malformed', chunkedPost('1\r\na\n0\r\n\r\n')],
  ['CR alone behind a chunk', 'malformed', chunkedPost('1\r\na\r0\r\n\r\n')],
  ['an extension without name', 'malformed', chunkedPost('1;\r\na\r\n0\r\n\r\n')],
  ['an extension that lacks its value', 'malformed', chunkedPost('1;a=\r\na\r\n0\r\n\r\n')],
  ['an extension with a blank', 'malformed', chunkedPost('1; a\r\na\r\n0\r\n\r\n')],
  ['an extension with LF in quotes', 'malformed', chunkedPost('1;a="\n"\r\na\r\n0\r\n\r\n')],
  ['an extension with CR behind a backslash', 'malformed', chunkedPost('1;a="\\\r\n"\r\na\r\n0\r\n\r\n')],
  ['an extension that goes on behind its quotes', 'malformed', chunkedPost('1;a="b"c\r\na\r\n0\r\n\r\n')],
  ['a trailer without colon', 'malformed', chunkedPost('0\r\nabc\r\n\r\n')],
  ['a folded trailer', 'malformed', chunkedPost('0\r\na: b\r\n c\r\n\r\n')],
  ...['Transfer-Encoding: chunked', 'content-length: 5', 'HOST: b', 'Connection: close'].map(
    (trailer) => ['a trailer that is not one: ' + trailer, 'malformed', chunkedPost(`0\r\nX: 1\r\n${trailer}\r\n\r\n`)] as const, // prettier-ignore
  ),
]

describe('refuses', () => {
  test.each(refused)('%s', (_name, failure, text) => {
    const reading = readText(`${text}GET / HTTP/1.1\r\nHost: a\r\n\r\n`)
    expect(reading.failure).toEqual(failure)
    expect(reading.requests).toEqual([])
  })

  test('each control character in a name, a value, a target, a trailer', () => {
    for (let byte = 0; byte < 0x20; byte++) {
      const character = String.fromCharCode(byte)
      expect(failureOf(`GET /${character} HTTP/1.1\r\nHost: a\r\n\r\n`), `target ${byte}`).toBe('malformed')
      expect(failureOf(post(`X${character}: 1\r\n`)), `name ${byte}`).toBe('malformed')
      if (character === '\t') continue
      expect(failureOf(post(`X: a${character}b\r\n`)), `value ${byte}`).toBe('malformed')
      expect(failureOf(chunkedPost(`0\r\nX: a${character}b\r\n\r\n`)), `trailer ${byte}`).toBe('malformed')
    }
  })

  test('the same hosts as the string check of the contract', () => {
    const character = fc.constantFrom(...'aZ09-._~!@/?#[]:%\\ \xe9"<>', '', '[::1]', ':80')
    fc.assert(
      fc.property(fc.array(character, { maxLength: 8 }), (characters) => {
        const host = characters.join('')
        expect(isHost(bytesOf(host), 0, host.length)).toBe(isValidHost(host))
      }),
      { numRuns: 2_000 },
    )
  })

  test('nothing is read behind a failure until the parser is reset', () => {
    const parser = new RequestParser(httpLimits)
    const bad = bytesOf('GET / HTTP/1.1\r\n\r\n')
    const fine = bytesOf('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(parser.parseHead(bad, 0, bad.length)).toBe(headFailed)
    expect(parser.parseHead(fine, 0, fine.length)).toBe(headFailed)
    expect(parser.readBody(fine, 3, fine.length)).toBe(3)
    expect(parser.failure).toBe('host')
    parser.reset()
    expect(parser.failure).toBeUndefined()
    expect(parser.parseHead(fine, 0, fine.length)).toBe(headComplete)
    expect(parser.parseHead(fine, 0, fine.length)).toBe(headComplete)
  })
})

describe('limits', () => {
  const limits = { headerBytesMax: 200, headerFieldsMax: 5, bodyBytesMax: 10 }
  const read = (text: string): string => {
    const { requests, failure, incomplete } = readRequests(bytesOf(text), [], limits)
    return failure ?? (incomplete ? 'incomplete' : `${requests.length} read`)
  }
  const padded = (bytes: number, fields = ''): string => {
    const head = `GET / HTTP/1.1\r\nHost: a\r\n${fields}X: `
    return `${head}${'x'.repeat(bytes - head.length - 4)}\r\n\r\n`
  }
  const fields = (count: number): string => 'X: 1\r\n'.repeat(count)
  const chunked = (body: string): string => chunkedPost(body)
  const headBytes = chunked('').length

  test('a head of exactly the limit passes, one byte more does not, wherever it is', () => {
    expect(read(padded(200))).toBe('1 read')
    expect(read(padded(201))).toBe('header-bytes')
    expect(read(`\r\n${padded(198)}`)).toBe('1 read')
    expect(read(`\r\n${padded(199)}`)).toBe('header-bytes')
    expect(read('\r\n'.repeat(101))).toBe('header-bytes')
    expect(read(`GET /${'x'.repeat(200)}`)).toBe('header-bytes')
    expect(read(padded(200).slice(0, -1))).toBe('incomplete')
  })

  test('fields, counted with trailers', () => {
    expect(read(post(fields(4)))).toBe('1 read')
    expect(read(post(fields(5)))).toBe('header-fields')
    expect(read(post(`${fields(4)}Y`))).toBe('header-fields')
    expect(read(post(`Transfer-Encoding: chunked\r\n${fields(1)}`, `0\r\n${fields(2)}\r\n`))).toBe('1 read')
    expect(read(post(`Transfer-Encoding: chunked\r\n${fields(1)}`, `0\r\n${fields(3)}\r\n`))).toBe('header-fields')
  })

  test('chunk extensions and trailers share the bytes of the header section', () => {
    const room = limits.headerBytesMax - headBytes
    const extension = (bytes: number): string => `;${'e'.repeat(bytes - 1)}`
    expect(read(chunked(`1${extension(room - 2)}\r\na\r\n0\r\n\r\n`))).toBe('1 read')
    expect(read(chunked(`1${extension(room - 1)}\r\na\r\n0\r\n\r\n`))).toBe('header-bytes')
    expect(read(chunked(`1${extension(room + 1)}`))).toBe('header-bytes')
    expect(read(chunked(`1;a\r\na\r\n1;b\r\nb\r\n0\r\nX: ${'x'.repeat(room - 11)}\r\n\r\n`))).toBe('1 read')
    expect(read(chunked(`1;a\r\na\r\n1;b\r\nb\r\n0\r\nX: ${'x'.repeat(room - 10)}\r\n\r\n`))).toBe('header-bytes')
    expect(read(chunked(`0\r\nX: ${'x'.repeat(room)}`))).toBe('header-bytes')
  })

  test('content', () => {
    expect(read(post('Content-Length: 10\r\n', 'x'.repeat(10)))).toBe('1 read')
    expect(read(post('Content-Length: 11\r\n'))).toBe('body')
    expect(read(post('Content-Length: 9007199254740991\r\n'))).toBe('body')
    expect(read(chunked(`a\r\n${'x'.repeat(10)}\r\n0\r\n\r\n`))).toBe('1 read')
    expect(read(chunked('b\r\n'))).toBe('body')
    expect(read(chunked(`9\r\n${'x'.repeat(9)}\r\n2\r\n`))).toBe('body')
    expect(read(chunked(`${'f'.repeat(16)}\r\n`))).toBe('body')
  })

  test('the defaults are those of node:http where it has any', () => {
    const ask = (fields: string): string | undefined => failureOf(post(fields))
    expect(ask(fields(99))).toBeUndefined()
    expect(ask(fields(100))).toBe('header-fields')
    expect(ask(`X: ${'x'.repeat(15_000)}\r\n`)).toBeUndefined()
    expect(ask(`X: ${'x'.repeat(16_500)}\r\n`)).toBe('header-bytes')
    expect(ask(`${'x'.repeat(16_500)}: 1\r\n`)).toBe('header-bytes')
    expect(failureOf(`GET /${'x'.repeat(16_500)} HTTP/1.1\r\nHost: a\r\n\r\n`)).toBe('header-bytes')
  })

  test.each([{ headerBytesMax: 0 }, { headerFieldsMax: 1.5 }, { bodyBytesMax: Infinity }, { headerBytesMax: 2 ** 31 }])(
    '%o is no limit',
    (wrong) => {
      expect(() => new RequestParser({ ...httpLimits, ...wrong })).toThrow(
        expect.objectContaining({ code: 'QPS_OPTION' }),
      )
    },
  )
})

describe('however the input is cut', () => {
  const inputs = [...Object.values(good).map(([text]) => text), ...refused.map(([, , text]) => text)]

  test('in two, at every position', () => {
    for (const text of inputs) {
      const whole = readText(text)
      for (let cut = 0; cut <= text.length; cut++) expect(readText(text, [cut]), `${cut} of ${text}`).toEqual(whole)
    }
  })

  test('into bytes', () => {
    for (const text of inputs) {
      expect(readText(text, [...Array(text.length).keys()]), text).toEqual(readText(text))
    }
  })

  test('at random, several requests in a row', () => {
    const stream = fc.array(fc.constantFrom(...inputs), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(stream, fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (texts, fractions) => {
        const text = texts.join('')
        const cuts = fractions.map((fraction) => Math.round(fraction * text.length)).sort((a, b) => a - b)
        expect(readText(text, cuts)).toEqual(readText(text))
      }),
      { numRuns: 1_000 },
    )
  })

  test('at the limits', () => {
    const limits = { headerBytesMax: 90, headerFieldsMax: 3, bodyBytesMax: 10 }
    for (const text of inputs) {
      const whole = readRequests(bytesOf(text), [], limits)
      for (let cut = 0; cut <= text.length; cut++) {
        expect(readRequests(bytesOf(text), [cut], limits), `${cut} of ${text}`).toEqual(whole)
      }
    }
  })
})

describe('what was generated is what is read', () => {
  const token = fc.string({
    unit: fc.constantFrom(..."abcXYZ019!#$%&'*+-.^_`|~"),
    minLength: 1,
    maxLength: 12,
  })
  const inner = fc.constantFrom(...'abc 019\t:;,="\\\xe9\xff')
  const value = fc.string({ unit: inner, maxLength: 20 }).map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''))
  const blanks = fc.string({ unit: fc.constantFrom(' ', '\t'), maxLength: 3 })
  const special = /^(?:host|expect|connection|content-length|transfer-encoding)$/i
  const field = fc.tuple(
    token.filter((name) => !special.test(name)),
    value,
    blanks,
    blanks,
  )
  const text = fc.string({ unit: fc.constantFrom(...'ab/.%20~!$&\'()*+,;=:@"<>[]^`{|}'), maxLength: 20 })
  const chunk = fc.string({ unit: fc.constantFrom(...'abc\r\n0;'), minLength: 1, maxLength: 30 })
  const request = fc.record({
    method: fc.constantFrom(...methods.filter((method) => method !== 'CONNECT')),
    path: text,
    query: fc.option(text),
    fields: fc.array(field, { maxLength: 40 }),
    trailers: fc.array(field, { maxLength: 5 }),
    chunks: fc.array(chunk, { maxLength: 4 }),
    chunked: fc.boolean(),
    hostAt: fc.nat(40),
  })
  type Generated = typeof request extends fc.Arbitrary<infer T> ? T : never

  const lines = (fields: Generated['fields']): string =>
    fields.map(([name, of, before, behind]) => `${name}:${before}${of}${behind}\r\n`).join('')
  const targetOf = ({ path, query }: Generated): string => `/${path}${query === null ? '' : `?${query}`}`

  function fieldsOf({ fields, hostAt, chunked, chunks }: Generated): Generated['fields'] {
    const framing: [string, string, string, string] = chunked
      ? ['Transfer-Encoding', 'chunked', ' ', '']
      : ['Content-Length', String(chunks.join('').length), '', ' ']
    const all = [...fields, framing]
    return all.toSpliced(hostAt, 0, ['hOsT', 'example.org:80', ' ', '\t'])
  }

  function write(generated: Generated): string {
    const { method, chunked, chunks, trailers } = generated
    const body = chunked
      ? `${chunks.map((of) => `${of.length.toString(16)}\r\n${of}\r\n`).join('')}0\r\n${lines(trailers)}\r\n`
      : chunks.join('')
    return `${method} ${targetOf(generated)} HTTP/1.1\r\n${lines(fieldsOf(generated))}\r\n${body}`
  }

  const pairs = (fields: Generated['fields']): [string, string][] => fields.map(([name, of]) => [name, of])

  test('one after the other, cut at random', () => {
    const requests = fc.array(request, { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(requests, fc.array(fc.nat(2_000), { maxLength: 6 }), (generated, wild) => {
        const input = generated.map(write).join('')
        const cuts = wild.filter((cut) => cut < input.length).sort((a, b) => a - b)
        const reading = readText(input, cuts)
        expect(reading.failure).toBeUndefined()
        expect(
          reading.requests.map(({ method, target, path, fields, body, trailers }) => [
            method,
            target,
            path,
            fields,
            body,
            trailers,
          ]),
        ).toEqual(
          generated.map((one) => [one.method, targetOf(one), `/${one.path}`, pairs(fieldsOf(one)), one.chunks.join(''), one.chunked ? pairs(one.trailers) : []]), // prettier-ignore
        )
      }),
      { numRuns: 500 },
    )
  })
})

describe('time is linear in the bytes', () => {
  const generous = { headerBytesMax: 2 ** 20, headerFieldsMax: 2 ** 16, bodyBytesMax: 2 ** 20 }
  const filled = (size: number, front: string, unit: string): Uint8Array =>
    bytesOf(front + unit.repeat(Math.ceil((size - front.length) / unit.length)))
  const line = 'GET / HTTP/1.1\r\nHost: a\r\n'
  const worst: readonly (readonly [name: string, front: string, unit: string])[] = [
    ['empty lines', '', '\r\n'],
    ['a target', 'GET /', 'a'],
    ['an absolute-form target', 'GET http://', 'a'],
    ['a name', line, 'a'],
    ['a value', `${line}X: `, 'a'],
    ['blanks before a value', `${line}X:`, ' '],
    ['blanks inside a value', `${line}X: a`, '  b'],
    ['fields', line, 'A: 1  \r\n'],
    ['fields about the connection', line, 'Connection: a,,,b\r\n'],
    ['a list of options', `${line}Connection: `, ','],
    ['chunks', chunkedPost(''), '1\r\na\r\n'],
    ['extensions', chunkedPost('1'), ';a="\\b"'],
    ['trailers', chunkedPost('0\r\n'), 'A: 1\r\n'],
    ['a trailer', chunkedPost('0\r\nA: '), 'x'],
  ]

  /** Feeds the bytes in pieces of this size, as a server would that holds all of a head in one place. */
  function feed(bytes: Uint8Array, pieceBytes: number): void {
    const parser = new RequestParser(generous)
    let at = -1
    for (
      let arrived = pieceBytes;
      parser.failure === undefined;
      arrived = Math.min(arrived + pieceBytes, bytes.length)
    ) {
      if (at === -1 && parser.parseHead(bytes, 0, arrived) === headComplete) at = parser.headEnd
      if (at !== -1) while (at < arrived && parser.failure === undefined) at = parser.readBody(bytes, at, arrived)
      if (arrived === bytes.length) return
    }
  }

  function bestMs(run: () => void): number {
    let best = Infinity
    for (let round = 0; round < 7; round++) {
      const startMs = performance.now()
      for (let repeat = 0; repeat < 4; repeat++) run()
      best = Math.min(best, performance.now() - startMs)
    }
    return best
  }

  /** How much longer twice the input takes, by the least times of several tries: others may use the machine as well. */
  function growth(once: () => void, twice: () => void): number {
    let onceMs = Infinity
    let twiceMs = Infinity
    for (let attempt = 0; attempt < 2 || (attempt < 12 && twiceMs >= 2.5 * onceMs); attempt++) {
      onceMs = Math.min(onceMs, bestMs(once))
      twiceMs = Math.min(twiceMs, bestMs(twice))
    }
    return twiceMs / Math.max(onceMs, 0.02)
  }

  test.each(worst)(
    '%s: twice as much takes less than 2.5 times as long, whole and byte by byte',
    (_name, front, unit) => {
      const once = filled(2 ** 16, front, unit)
      const twice = filled(2 ** 17, front, unit)
      for (const pieceBytes of [2 ** 20, 1]) {
        const size = (bytes: Uint8Array): number => Math.min(pieceBytes, bytes.length)
        expect(growth(() => feed(once, size(once)), () => feed(twice, size(twice)))).toBeLessThan(2.5) // prettier-ignore
      }
    },
  )

  test('a head that comes byte by byte is incomplete until its last byte', () => {
    const parser = new RequestParser(httpLimits)
    const bytes = bytesOf(post(`X: ${'x'.repeat(10_000)}\r\n`))
    for (let end = 0; end < bytes.length; end++) expect(parser.parseHead(bytes, 0, end)).toBe(headIncomplete)
    expect(parser.parseHead(bytes, 0, bytes.length)).toBe(headComplete)
  })
})
