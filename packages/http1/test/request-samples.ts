import { ambiguousRequests } from '@qps/testkit'
import type { HeadFailure } from '../src/request-parser.ts'
import type { RequestRead } from './request-reading.ts'

/** A POST with these lines behind Host. */
export const post = (fields: string, body = ''): string => `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`
/** A POST with a chunked body. */
export const chunkedPost = (body: string): string => post('Transfer-Encoding: chunked\r\n', body)

/** What the least request comes to; a table below says what differs. */
export const plain: RequestRead = {
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

/** By name: a connection's bytes, and the requests in them. */
export const goodRequests: Record<string, [text: string, ...requests: Partial<RequestRead>[]]> = {
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
    'POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding:\t CHUNKED  \r\n\r\n' +
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

/** By name: why, and a connection's bytes. */
export const refusedRequests: readonly (readonly [name: string, failure: HeadFailure | undefined, text: string])[] = [
  ...ambiguousRequests.map(([name, text]) => [name, undefined, text] as const),
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
  ['a tab behind chunked', 'transfer-encoding', post('Transfer-Encoding: chunked\t\r\n', '0\r\n\r\n')],
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
