const host = 'Host: a\r\n'
const chunkedPost = `POST /echo HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`

/**
 * Requests that two HTTP parsers may read in two ways, by name: what request smuggling is made of. Each must be answered
 * with 400 and nothing else, and the connection must close (RFC 9112 sections 5.2, 6.3, 7.1 and 11.2).
 */
export const ambiguousRequests: readonly (readonly [name: string, bytes: string])[] = [
  [
    'Transfer-Encoding with Content-Length',
    `POST /echo HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    'Content-Length with Transfer-Encoding',
    `POST /echo HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
  ],
  ['an unknown Transfer-Encoding', `POST /echo HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['a list of Transfer-Encodings', `POST /echo HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  [
    'chunked twice',
    `POST /echo HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['chunked not last', `POST /echo HTTP/1.1\r\n${host}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
  ['Transfer-Encoding in HTTP/1.0', 'POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a folded header line', `GET / HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n`],
  ['a bare LF after the request line', `GET / HTTP/1.1\n${host}\r\n`],
  ['a bare LF after a field', `GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n`],
  ['a bare CR in a field', `GET / HTTP/1.1\r\n${host}X: a\rb\r\n\r\n`],
  ['a space before the colon', `GET / HTTP/1.1\r\n${host}X : a\r\n\r\n`],
  ['a NUL in a field', `GET / HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`],
  ['a wrong chunk size', `${chunkedPost}ZZ\r\nabc\r\n0\r\n\r\n`],
  ['a negative chunk size', `${chunkedPost}-1\r\nabc\r\n0\r\n\r\n`],
  ['a chunk size with a prefix', `${chunkedPost}0x3\r\nabc\r\n0\r\n\r\n`],
  ['an overflowing chunk size', `${chunkedPost}${'f'.repeat(17)}\r\nabc\r\n0\r\n\r\n`],
  ['a chunk longer than its size', `${chunkedPost}3\r\nabcdef\r\n0\r\n\r\n`],
  ['a chunk size ended by a bare LF', `${chunkedPost}3\nabc\r\n0\r\n\r\n`],
  ['a signed Content-Length', `POST /echo HTTP/1.1\r\n${host}Content-Length: +5\r\n\r\nhello`],
  ['a negative Content-Length', `POST /echo HTTP/1.1\r\n${host}Content-Length: -5\r\n\r\nhello`],
  ['a hexadecimal Content-Length', `POST /echo HTTP/1.1\r\n${host}Content-Length: 0x5\r\n\r\nhello`],
  ['a list as Content-Length', `POST /echo HTTP/1.1\r\n${host}Content-Length: 5, 5\r\n\r\nhello`],
  ['Content-Length twice', `POST /echo HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`],
  [
    'Content-Length twice, different',
    `POST /echo HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
  ],
  ['an empty Content-Length', `POST /echo HTTP/1.1\r\n${host}Content-Length: \r\n\r\n`],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
  ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
  ['Host twice', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['Host twice, the same', 'GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n'],
  ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  ['a Host with user information', 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n'],
  ['a Host with a space', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n'],
  ['a Host that is a list', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n'],
  ['a wrong version', `GET / HTTP/1.9\r\n${host}\r\n`],
  ['no version', `GET /\r\n${host}\r\n`],
  ['HTTP/2.0 over HTTP/1', `GET / HTTP/2.0\r\n${host}\r\n`],
  ['a wrong method', `GOT / HTTP/1.1\r\n${host}\r\n`],
]
