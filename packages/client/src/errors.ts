import { errors } from 'undici'
import { messageOf, QpsError, type QpsErrorCode, systemErrorCode } from '@qps/core'

interface Row {
  code: QpsErrorCode
  retryable: boolean
  what: string
  hint: string
}

const reset: Row = {
  code: 'QPS_CLIENT_RESET',
  retryable: true,
  what: 'the connection ended before the answer was complete',
  hint: 'the server closed it: keep idleTimeoutMs below its idle time, and see that requests may be repeated',
}
const connect: Row = {
  code: 'QPS_CLIENT_CONNECT',
  retryable: true,
  what: 'no connection',
  hint: 'is the server listening there, and is its certificate trusted?',
}
const protocol: Row = {
  code: 'QPS_CLIENT_PROTOCOL',
  retryable: false,
  what: 'the answer is not HTTP/1.1',
  hint: 'look at the raw answer, for example with curl --raw -i',
}
const closed: Row = {
  code: 'QPS_CLIENT_CLOSED',
  retryable: false,
  what: 'the client is closed',
  hint: 'send before close, or create another client',
}
const request: Row = {
  code: 'QPS_CLIENT_REQUEST',
  retryable: false,
  what: 'the request cannot be sent',
  hint: 'correct its path, method, headers or body',
}

/** What an error of undici or of a socket is to a caller, by its `code`. */
const table: Readonly<Record<string, Row>> = {
  ECONNRESET: reset,
  EPIPE: reset,
  UND_ERR_SOCKET: reset,
  ECONNREFUSED: connect,
  EHOSTUNREACH: connect,
  ENETUNREACH: connect,
  ENOTFOUND: connect,
  EAI_AGAIN: connect,
  UND_ERR_CONNECT_TIMEOUT: {
    code: 'QPS_CLIENT_CONNECT_TIMEOUT',
    retryable: true,
    what: 'no connection in time',
    hint: 'is the server accepting, and does it speak TLS where the origin says https?',
  },
  UND_ERR_HEADERS_TIMEOUT: {
    code: 'QPS_CLIENT_HEADERS_TIMEOUT',
    retryable: true,
    what: 'no complete header section in time',
    hint: 'raise headersTimeoutMs if the server needs so long',
  },
  UND_ERR_BODY_TIMEOUT: {
    code: 'QPS_CLIENT_BODY_TIMEOUT',
    retryable: true,
    what: 'the body stopped coming',
    hint: 'raise bodyTimeoutMs if the server pauses for so long',
  },
  UND_ERR_RES_EXCEEDED_MAX_SIZE: {
    code: 'QPS_CLIENT_RESPONSE_SIZE',
    retryable: false,
    what: 'the body is larger than responseBytesMax',
    hint: 'raise responseBytesMax, or ask for less',
  },
  UND_ERR_HEADERS_OVERFLOW: {
    code: 'QPS_CLIENT_HEADER_SIZE',
    retryable: false,
    what: 'the header section is larger than headerBytesMax',
    hint: 'raise headerBytesMax if the server is trusted',
  },
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: protocol,
  UND_ERR_DESTROYED: closed,
  UND_ERR_CLOSED: closed,
  UND_ERR_INVALID_ARG: request,
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: request,
  UND_ERR_NOT_SUPPORTED: request,
}

/** What an error of @qps/http1's client is, as a key of the table above; one code stands for several limits there. */
const engineTable: Readonly<Record<string, (hint: string) => string>> = {
  QPS_CONNECT: () => 'ECONNREFUSED',
  QPS_CLOSED: () => 'ECONNRESET',
  QPS_CLIENT_CLOSED: () => 'UND_ERR_CLOSED',
  QPS_RESPONSE_MALFORMED: () => 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  QPS_RESPONSE_TOO_LARGE: (hint) =>
    hint.includes('responseBytesMax') ? 'UND_ERR_RES_EXCEEDED_MAX_SIZE' : 'UND_ERR_HEADERS_OVERFLOW',
  QPS_TIMEOUT: (hint) => {
    if (hint.includes('connectTimeoutMs')) return 'UND_ERR_CONNECT_TIMEOUT'
    return /bodyTimeoutMs|responseTimeoutMs/.test(hint) ? 'UND_ERR_BODY_TIMEOUT' : 'UND_ERR_HEADERS_TIMEOUT'
  },
}

/** An error of @qps/http1's client with the code that every dispatcher gives for it; one that it does not have comes back. */
export function engineError(error: QpsError): QpsError {
  const row = table[engineTable[error.code]?.(error.hint ?? '') ?? '']
  if (row === undefined) return error
  const { code, retryable, hint, what } = row
  return new QpsError(code, `${what}: ${error.message}`, { retryable, hint, cause: error })
}

/** Any error of an exchange as a QpsError; one that is the caller's own, such as a signal's reason, comes back unchanged. */
export function clientError(error: unknown): Error {
  if (error instanceof QpsError) return error
  const code = systemErrorCode(error)
  // The parser's errors do not all have a code.
  const row = error instanceof errors.HTTPParserError ? protocol : code === undefined ? undefined : table[code]
  if (row) {
    const { retryable, hint } = row
    return new QpsError(row.code, `${row.what}: ${messageOf(error)}`, { retryable, hint, cause: error })
  }
  return error instanceof Error ? error : new Error(messageOf(error), { cause: error })
}
