import type { Random } from '@qps/core'
import { errorBody, type RefusalReason, refusals } from './errors.ts'
import { statusText } from './status.ts'

/** A refusal as it goes onto the wire, complete with its header section. */
export interface RefusalBytes {
  bytes: string
  status: number
  /** Whether the client may still be sending. */
  lingers: boolean
}

/**
 * The raw answer of a refusal. Raw, because the message it answers may not even have become a request, and because Node
 * closes a socket as soon as its last response ends, too early for a client that is still sending.
 *
 * A 503 carries Retry-After with jitter, 1 to 5 s: clients that were refused together must not return together.
 */
export function refusalBytes(reason: RefusalReason, wallMs: number, random: Random): RefusalBytes {
  const refusal = refusals[reason]
  const body = errorBody(refusal)
  const retryAfter = refusal.status === 503 ? `retry-after: ${1 + Math.floor(random() * 5)}\r\n` : ''
  const allow = refusal.status === 405 ? 'allow: GET, HEAD, POST, PUT, PATCH, DELETE\r\n' : ''
  const bytes =
    `HTTP/1.1 ${refusal.status} ${statusText(refusal.status)}\r\n` +
    `content-type: application/json\r\ncontent-length: ${body.length}\r\n${retryAfter}${allow}` +
    `Date: ${new Date(wallMs).toUTCString()}\r\nConnection: close\r\n\r\n${body}`
  return { bytes, status: refusal.status, lingers: refusal.lingers }
}
