/*
 * Errors with the codes of `node:http`, which is what code written for it looks at.
 */

const table = {
  ERR_HTTP_HEADERS_SENT: 'the head of the response is written already: set it before the first write',
  ERR_HTTP_INVALID_STATUS_CODE: 'a status is a whole number from 100 to 999',
  ERR_HTTP_INVALID_HEADER_VALUE: 'a header field needs a value: remove it where there is none',
  ERR_HTTP_TRAILER_INVALID: 'trailers need a chunked response: leave content-length out',
  ERR_HTTP_CONTENT_LENGTH_MISMATCH: 'content-length and the bytes written differ; the connection was cut',
  ERR_STREAM_WRITE_AFTER_END: 'write after end',
  ERR_STREAM_DESTROYED: 'the response was destroyed, or its client left',
  ERR_STREAM_ALREADY_FINISHED: 'the response has finished already',
  ERR_STREAM_NULL_VALUES: 'null is no content: call end() to end the response',
  ERR_STREAM_CANNOT_PIPE: 'a response cannot be read',
  ERR_INVALID_ARG_TYPE: 'content is a string or a Uint8Array',
  ERR_INVALID_ARG_VALUE: 'header fields in an array are names and values by turns, or pairs of them',
  ERR_INVALID_CHAR: 'a header field, or the reason phrase, has a character that it cannot carry: encode it',
  ERR_SERVER_NOT_RUNNING: 'the server does not listen',
  ERR_SERVER_ALREADY_LISTEN: 'the server listens already, or is about to',
  ERR_METHOD_NOT_IMPLEMENTED: 'a request gives no access to the bytes of its socket here: use the response',
  ECONNRESET: 'aborted',
} as const

export type NodeErrorCode = keyof typeof table

/** @param about what was wrong with what, in front of the explanation. */
export function nodeError(code: NodeErrorCode, about = ''): NodeJS.ErrnoException {
  const kind = code.startsWith('ERR_INVALID_ARG') || code === 'ERR_INVALID_CHAR' ? TypeError : Error
  const error: NodeJS.ErrnoException = new kind(`${about === '' ? '' : `${about}: `}${table[code]}`)
  error.code = code
  return error
}
