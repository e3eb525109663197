import { STATUS_CODES } from 'node:http'

/** The reason phrase of a status; empty for one that has none, which is allowed (RFC 9112 section 4). */
export function reasonOf(status: number): string {
  return STATUS_CODES[status] ?? ''
}
