import { describe, QpsError } from '@qps/core'
import { pathsOf } from './path-range.ts'

/** RFC 9110, section 5.6.2: what a field's name is made of. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/
/** Visible characters, blanks and tabs: nothing that could end the line. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]{0,8192}$/

/** One request of HTTP/1.1, or several that take turns: made once, sent over and over. */
export interface Http1Message {
  protocol: 'h1'
  method: string
  /** All of them, one behind the other. */
  bytes: Uint8Array
  /** Where each begins. */
  starts: Uint32Array
}

/** All different requests of a load together: each thread keeps them. */
export const requestsBytesMax: number = 64 * 1024 * 1024

/** What belongs to the framing, which is ours. */
const reserved = ['content-length', 'transfer-encoding', 'upgrade']

/**
 * The requests that a URL stands for: one, or with a range in its path as many as it has numbers (see {@link pathsOf}).
 *
 * @param headers further fields, in this order; `Host` replaces the URL's.
 * @param body sent with a Content-Length unless it is empty and the method has no use for it.
 * @throws QpsError QPS_OPTION for a method, a name or a value that would not be one on the wire, and for a bad range.
 */
export function http1Message(
  url: URL,
  method: string,
  headers: Record<string, string>,
  body: Uint8Array,
): Http1Message {
  checkMethod(method)
  const fields = Object.entries(headers).map(([name, value]) => {
    checkField(name, value, reserved)
    return `${name}: ${value}\r\n`
  })
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()))
  if (!names.has('host')) fields.unshift(`Host: ${url.host}\r\n`)
  if (body.length > 0 || method === 'POST' || method === 'PUT' || method === 'PATCH') {
    fields.push(`Content-Length: ${body.length}\r\n`)
  }
  const rest = Buffer.concat([Buffer.from(` HTTP/1.1\r\n${fields.join('')}\r\n`, 'latin1'), body])
  return { protocol: 'h1', method, ...inTurns(method, pathsOf(url.pathname + url.search), rest) }
}

function inTurns(method: string, paths: readonly string[], rest: Uint8Array): Pick<Http1Message, 'bytes' | 'starts'> {
  if (paths.length * rest.length > requestsBytesMax) {
    throw new QpsError('QPS_OPTION', `${paths.length} requests of over ${rest.length} bytes are over 64 MiB`, {
      hint: 'shorten the range or the body',
    })
  }
  const requests = paths.map((path) => Buffer.concat([Buffer.from(`${method} ${path}`), rest]))
  let end = 0
  const starts = Uint32Array.from(requests, ({ length }) => (end += length) - length)
  return { bytes: Buffer.concat(requests), starts }
}

/** @throws QpsError QPS_OPTION for anything that is no method. */
export function checkMethod(method: string): void {
  if (typeof method === 'string' && /^[A-Z]{1,32}$/.test(method) && method !== 'CONNECT') return
  throw new QpsError(
    'QPS_OPTION',
    `method must be an HTTP method in capitals other than CONNECT, not ${describe(method)}`,
  )
}

/**
 * @param reserved names in lower case that are not the user's to give.
 * @throws QpsError QPS_OPTION for a name or a value that would not be one on the wire.
 */
export function checkField(name: string, value: string, reserved: readonly string[]): void {
  if (!token.test(name)) {
    throw new QpsError('QPS_OPTION', `headers must have names of letters, digits and hyphens, not ${describe(name)}`)
  }
  if (reserved.includes(name.toLowerCase())) {
    throw new QpsError('QPS_OPTION', `headers must not set ${name}: the load generator frames requests itself`)
  }
  if (typeof value !== 'string' || !fieldValue.test(value)) {
    throw new QpsError('QPS_OPTION', `header ${name} must be one line of Latin-1, not ${describe(value)}`)
  }
}
