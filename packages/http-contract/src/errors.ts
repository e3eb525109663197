/** An answer that says no. `code` is for programs, `message` for people; both reach the client. */
export interface HttpProblem {
  status: number
  code: string
  message: string
}

/** Answers of the router: the connection stays. */
export const problems: Readonly<Record<'notFound' | 'methodNotAllowed' | 'internal', HttpProblem>> = {
  notFound: { status: 404, code: 'not_found', message: 'no such path; try /, /echo or /plaintext' },
  methodNotAllowed: { status: 405, code: 'method_not_allowed', message: 'this path does not take this method' },
  internal: { status: 500, code: 'internal', message: 'the server failed; the cause is in its log' },
}

/** The fixed list of reasons to turn a request or a connection away; a metric's label has these values. */
export type RefusalReason =
  | 'malformed'
  | 'host'
  | 'transfer-encoding'
  | 'header-bytes'
  | 'header-fields'
  | 'body'
  | 'expectation'
  | 'connect'
  | 'timeout'
  | 'slow-body'
  | 'slow-reader'
  | 'crowded-idle'
  | 'connections'
  | 'address-connections'

/**
 * What is said when a request or a connection is turned away; the connection then closes. `lingers`: the client may still be sending, so its input is discarded for a while to let
 * it read the answer. Without a status the client is past answering and is only cut.
 */
export const refusals: Readonly<Record<RefusalReason, Readonly<HttpProblem & { lingers: boolean }>>> = {
  malformed: { status: 400, code: 'bad_request', message: 'the request is not valid HTTP/1.1', lingers: true },
  host: { status: 400, code: 'bad_host', message: 'exactly one valid Host header field is needed', lingers: true },
  'transfer-encoding': {
    status: 400,
    code: 'bad_transfer_encoding',
    message: 'the only transfer coding is chunked, once, in HTTP/1.1',
    lingers: true,
  },
  'header-bytes': { status: 431, code: 'headers_too_large', message: 'the header section is too large', lingers: true },
  'header-fields': {
    status: 431,
    code: 'too_many_headers',
    message: 'there are too many header fields',
    lingers: true,
  },
  body: { status: 413, code: 'body_too_large', message: 'the body is too large', lingers: true },
  expectation: {
    status: 417,
    code: 'expectation_failed',
    message: 'the only expectation is 100-continue',
    lingers: true,
  },
  connect: { status: 405, code: 'method_not_allowed', message: 'this server is no proxy', lingers: true },
  timeout: { status: 408, code: 'request_timeout', message: 'the request took too long to arrive', lingers: false },
  'slow-body': { status: 408, code: 'body_too_slow', message: 'the body arrives too slowly', lingers: false },
  'slow-reader': { status: 0, code: 'slow_reader', message: 'the answer was not taken', lingers: false },
  'crowded-idle': { status: 0, code: 'idle', message: 'idle while connections are scarce', lingers: false },
  connections: {
    status: 503,
    code: 'too_many_connections',
    message: 'the server holds as many connections as it may',
    lingers: true,
  },
  'address-connections': {
    status: 503,
    code: 'too_many_connections',
    message: 'your address holds as many connections as it may',
    lingers: true,
  },
}

/** The one shape of an error body: `{"error":{"code":…,"message":…}}`. */
export function errorBody(problem: Pick<HttpProblem, 'code' | 'message'>): string {
  return JSON.stringify({ error: { code: problem.code, message: problem.message } })
}
