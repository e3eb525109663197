import { type Random, systemErrorCode } from '@qps/core'
import type { Dispatcher } from 'undici'
import { parseRetryAfter, retryAfterMsMax } from './retry-after.ts'

/** Repeating one of these has the effect of doing it once. Source: RFC 9110, section 9.2.2. */
const idempotentMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])
/** The server says that it did nothing and that later is better. Sources: RFC 9110 15.6.4, RFC 6585 4. */
const laterStatuses = new Set([429, 503])
/** How a connection ends that its peer closed while a request was on its way. */
const endedCodes = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

const backoffFirstMs = 100
const backoffMaxMs = 2000

/** Whether the request can be sent again: its method (or its sender) says so, and its body is still there. */
export function isRepeatable({ method, body, idempotent }: Dispatcher.DispatchOptions): boolean {
  const replayable = body === undefined || body === null || typeof body === 'string' || body instanceof Uint8Array
  return replayable && (idempotent ?? idempotentMethods.has(method))
}

/** Whether the connection ended under the request. Timeouts and malformed answers are not that. */
export function isConnectionEnd(error: Error): boolean {
  const code = systemErrorCode(error)
  return code !== undefined && endedCodes.has(code)
}

/**
 * How long to wait before an answer's request is repeated, in milliseconds, or undefined where it is not to be. A server's
 * `Retry-After` is a minimum, stretched by up to a tenth so that its clients do not all come back together; more than 60 s
 * is not waited for, and coming back earlier would be what it asked not to. Without it, or with nonsense in it: a random
 * time below a limit that doubles with each attempt.
 *
 * @param attempt 1 for the first.
 */
export function retryDelayMs(
  status: number,
  retryAfter: string | string[] | undefined,
  attempt: number,
  wallMs: number,
  random: Random,
): number | undefined {
  if (!laterStatuses.has(status)) return undefined
  const askedMs = parseRetryAfter(retryAfter, wallMs)
  if (askedMs === undefined) return random() * Math.min(backoffMaxMs, backoffFirstMs * 2 ** (attempt - 1))
  return askedMs > retryAfterMsMax ? undefined : askedMs * (1 + 0.1 * random())
}
