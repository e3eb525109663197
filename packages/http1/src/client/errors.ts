import { messageOf, QpsError } from '@qps/core'
import type { ResponseFailure } from './response-parser.ts'

/*
 * What becomes of a request that gets no answer. All are QpsErrors; `retryable` says whether the same request may be sent
 * again without a second thought.
 *
 *   QPS_CONNECT              no connection came to be
 *   QPS_CLOSED               the connection ended before the answer was complete
 *   QPS_TIMEOUT              connecting, waiting, the head, the body or all of an answer took too long
 *   QPS_RESPONSE_MALFORMED   what came is not HTTP/1.1, or could be read in two ways
 *   QPS_RESPONSE_TOO_LARGE   a limit for the head or the body was passed
 *   QPS_QUEUE_FULL           too many requests wait already
 *   QPS_CLIENT_CLOSED        the dispatcher is closed
 *   QPS_ABORTED              the caller gave it up
 *   QPS_BODY                 the request's own body failed
 */

export const connectError = (where: string, cause: unknown): QpsError =>
  new QpsError('QPS_CONNECT', `no connection to ${where}: ${messageOf(cause)}`, {
    cause,
    retryable: true,
    hint: 'is the server listening there?',
  })

/** @param untouched no byte of the answer had come, and the request may be repeated. */
export const closedError = (where: string, untouched: boolean, cause?: unknown): QpsError => {
  const why = cause === undefined ? 'the server closed the connection' : messageOf(cause)
  return new QpsError('QPS_CLOSED', `${where} did not answer in full: ${why}`, {
    retryable: untouched,
    hint: 'an idle connection that the server closes at the same instant looks like this: see retryOnReset and idleTimeoutMs',
    ...(cause === undefined ? {} : { cause }),
  })
}

/** @param repeatable nothing was sent, or what was may be sent again. */
export const timeoutError = (what: string, timeoutMs: number, option: string, repeatable: boolean): QpsError =>
  new QpsError('QPS_TIMEOUT', `${what} took longer than ${timeoutMs} ms`, {
    retryable: repeatable,
    hint: `raise ${option} if that is to be expected`,
  })

export const queueFullError = (queueMax: number): QpsError =>
  new QpsError('QPS_QUEUE_FULL', `${queueMax} requests wait for a connection already`, {
    retryable: true,
    hint: 'send less, or raise connectionsMax, pipelining or queueMax',
  })

export const clientClosedError = (): QpsError =>
  new QpsError('QPS_CLIENT_CLOSED', 'the dispatcher is closed', { hint: 'send before close, or create another one' })

export const abortedError = (cause?: unknown): QpsError =>
  new QpsError('QPS_ABORTED', 'the request was given up', cause === undefined ? {} : { cause })

export const bodyError = (cause: unknown): QpsError =>
  new QpsError('QPS_BODY', `the request's body failed: ${messageOf(cause)}`, { cause, hint: 'see the cause' })

const failures: Readonly<Record<ResponseFailure, { code: `QPS_${string}`; what: string; hint: string }>> = {
  malformed: {
    code: 'QPS_RESPONSE_MALFORMED',
    what: 'the answer is not HTTP/1.1, or could be read in two ways',
    hint: 'look at the raw answer, for example with curl --raw -i',
  },
  upgrade: {
    code: 'QPS_RESPONSE_MALFORMED',
    what: 'the server changed the protocol, which nobody asked for',
    hint: 'is this an HTTP server?',
  },
  'header-bytes': {
    code: 'QPS_RESPONSE_TOO_LARGE',
    what: 'the head is longer than headerBytesMax',
    hint: 'raise headerBytesMax if the server is trusted',
  },
  'header-fields': {
    code: 'QPS_RESPONSE_TOO_LARGE',
    what: 'the head has more fields than headerFieldsMax',
    hint: 'raise headerFieldsMax if the server is trusted',
  },
  body: {
    code: 'QPS_RESPONSE_TOO_LARGE',
    what: 'the body is longer than responseBytesMax',
    hint: 'raise responseBytesMax, or ask for less',
  },
}

export function responseError(failure: ResponseFailure): QpsError {
  const { code, what, hint } = failures[failure]
  return new QpsError(code, what, { hint })
}
