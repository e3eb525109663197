import type { ResponseFailure } from '@qps/http1'
import type { ResponseRead } from './response-parser-reading.ts'

type Expected = Partial<ResponseRead>

/** Connections' bytes that are right, and what they say. */
export const goodResponses: Readonly<Record<string, readonly [text: string, ...responses: Expected[]]>> = {
  'a body of known length': [
    'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello',
    { status: 200, reason: 'OK', body: 'hello', keepAlive: true },
  ],
  'two pipelined': [
    'HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\nabHTTP/1.1 404 Not Found\r\nCONTENT-LENGTH: \t3 \r\n\r\nabc',
    { status: 200, body: 'ab' },
    { status: 404, reason: 'Not Found', body: 'abc', fields: [['CONTENT-LENGTH', '3']] },
  ],
  'chunks, an extension and a trailer, then another': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
    { body: 'hello0123456789', trailers: [['X-Sum', '1']], keepAlive: true },
    { status: 204, body: '', keepAlive: true },
  ],
  'a body until the close': ['HTTP/1.1 200 OK\r\n\r\nall of this', { body: 'all of this', keepAlive: false }],
  'an empty body until the close': ['HTTP/1.1 200 OK\r\n\r\n', { body: '', keepAlive: false }],
  'interim responses before the final one': [
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    { status: 100 },
    { status: 103 },
    { status: 200 },
  ],
  '304 with the length that its content would have': [
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    { status: 304, body: '', keepAlive: true },
    { status: 200 },
  ],
  '204 that announces content ends the connection': [
    'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello',
    { status: 204, body: '', keepAlive: false },
  ],
  'no reason, no blank': ['HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', { status: 200, reason: '' }],
  'no reason': ['HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', { status: 200, reason: '' }],
  close: ['HTTP/1.1 200 OK\r\nConnection: Foo, Close\r\nContent-Length: 1\r\n\r\na', { keepAlive: false }],
  'HTTP/1.0': ['HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na', { versionMinor: 0, keepAlive: false }],
  'HTTP/1.0 that stays': [
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na',
    { versionMinor: 0, keepAlive: true },
  ],
  'a status of no class': ['HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n', { status: 799 }],
  'bytes beyond ASCII': ['HTTP/1.1 200 \xe4\r\nX: \xff\r\nContent-Length: 0\r\n\r\n', { reason: '\xe4' }],
}

/** What is refused, and why. */
export const refusedResponses: readonly (readonly [why: string, failure: ResponseFailure, text: string])[] = [
  ['another protocol', 'malformed', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['HTTP/2', 'malformed', 'HTTP/2.0 200 OK\r\n\r\n'],
  ['HTTP/1.2', 'malformed', 'HTTP/1.2 200 OK\r\n\r\n'],
  ['an empty line before', 'malformed', '\r\nHTTP/1.1 200 OK\r\n\r\n'],
  ['two blanks', 'malformed', 'HTTP/1.1  200 OK\r\n\r\n'],
  ['a status of two digits', 'malformed', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['a status of four digits', 'malformed', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['a status below 100', 'malformed', 'HTTP/1.1 099 OK\r\n\r\n'],
  ['a control character in the reason', 'malformed', 'HTTP/1.1 200 O\0K\r\n\r\n'],
  ['a bare line feed', 'malformed', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'],
  ['a bare carriage return', 'malformed', 'HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n'],
  ['a control character', 'malformed', 'HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n'],
  ['a folded line', 'malformed', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n'],
  ['a blank before the colon', 'malformed', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
  ['a line without a name', 'malformed', 'HTTP/1.1 200 OK\r\n: value\r\n\r\n'],
  ['a length that is no number', 'malformed', 'HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n'],
  ['a signed length', 'malformed', 'HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n'],
  ['an empty length', 'malformed', 'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n'],
  ['a list of lengths', 'malformed', 'HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na'],
  [
    'a length beyond what a number holds',
    'malformed',
    'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n',
  ],
  ['a length that no number holds exactly', 'malformed', 'HTTP/1.1 200 OK\r\nContent-Length: 9007199254740993\r\n\r\n'],
  ['two lengths', 'malformed', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na'],
  ['a length and a coding', 'malformed', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['a coding and a length', 'malformed', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n'],
  ['another coding', 'malformed', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n'],
  ['a list of codings', 'malformed', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
  ['a coding with a tab behind', 'malformed', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n'],
  [
    'a coding twice',
    'malformed',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
  ['a coding in HTTP/1.0', 'malformed', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['an interim response with a length', 'malformed', 'HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n'],
  ['a change of protocol', 'upgrade', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
  ['a chunk size that is no number', 'malformed', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
  [
    'a chunk longer than announced',
    'malformed',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n',
  ],
  [
    'a chunk size in bare lines',
    'malformed',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nab\r\n0\r\n\r\n',
  ],
  [
    'a trailer that frames',
    'malformed',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n',
  ],
  [
    'a chunk size of 17 digits',
    'malformed',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000001\r\na\r\n0\r\n\r\n',
  ],
  [
    'an extension without a value',
    'malformed',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=;b\r\na\r\n0\r\n\r\n',
  ],
  ['a head too long', 'header-bytes', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(2000)}`],
  ['too many fields', 'header-fields', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(13)}\r\n`],
  ['a body too long', 'body', 'HTTP/1.1 200 OK\r\nContent-Length: 4097\r\n\r\n'],
  ['chunks too long', 'body', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1001\r\n'],
  ['a body too long, until the close', 'body', `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(4097)}`],
]
