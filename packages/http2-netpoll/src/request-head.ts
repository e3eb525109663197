import { isValidHost } from '@qps/http-contract'

/** Field names that HTTP/2 does not have: RFC 9113, section 8.2.2. */
const forbidden = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

/**
 * The header section of a request. Never changed once it was read: clients that send the same section again and again get
 * the same object, so a handler may keep in `memo` what it has worked out from it.
 */
export class RequestHead {
  /** Names and values in turns, in the order of the wire, pseudo-header fields included. */
  readonly fields: readonly string[]
  readonly method: string
  readonly scheme: string
  readonly path: string
  /** Of `:authority`, else of `host`; empty where there is none. */
  readonly authority: string
  /** -1 where it was not announced. */
  readonly contentLength: number
  /** It is more than a section may be, and was answered 431. Only a part of it is here, unchecked. */
  readonly isTooLarge: boolean
  /** Whatever the handler likes. */
  memo: unknown

  constructor(fields: readonly string[], isTooLarge: boolean) {
    this.fields = fields
    this.isTooLarge = isTooLarge
    this.method = this.get(':method') ?? ''
    this.scheme = this.get(':scheme') ?? ''
    this.path = this.get(':path') ?? ''
    this.authority = this.get(':authority') ?? this.get('host') ?? ''
    const length = isTooLarge ? undefined : this.get('content-length')
    this.contentLength = length === undefined ? -1 : Number(length)
  }

  /** The first value of a field. @param name in lower case. */
  get(name: string): string | undefined {
    const { fields } = this
    for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return fields[at + 1]
    return undefined
  }
}

/** Fields of which a section has one at most. */
const single = new Set([':method', ':scheme', ':path', ':authority', 'host', 'content-length'])

/**
 * Checks what a request's section must be beyond well-formed fields: pseudo-header fields known, first, once each, and the
 * three that a request needs; nothing that belongs to HTTP/1.1's connections; one length and one host at most.
 *
 * A CONNECT, which has no path, is none of these: no server here is a tunnel.
 *
 * Sources: RFC 9113, sections 8.2.2, 8.3 and 8.3.1; RFC 9110, sections 5.6.2, 7.2 and 8.6.
 */
export function isValidRequest(fields: readonly string[]): boolean {
  const seen = new Map<string, string>()
  let isRegular = false
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!
    const value = fields[at + 1]!
    const isPseudo = name.startsWith(':')
    if (isPseudo && isRegular) return false
    isRegular = !isPseudo
    if (single.has(name)) {
      if (seen.has(name)) return false
      seen.set(name, value)
    } else if (isPseudo || forbidden.has(name) || (name === 'te' && value !== 'trailers')) return false
  }
  return isTarget(seen) && /^\d{1,15}$/.test(seen.get('content-length') ?? '0')
}

/** Method, path and host are such as HTTP has them, and do not contradict each other. */
function isTarget(seen: ReadonlyMap<string, string>): boolean {
  const method = seen.get(':method') ?? ''
  const path = seen.get(':path') ?? ''
  const host = seen.get('host')
  const authority = seen.get(':authority') ?? host
  if (!isToken.test(method) || !seen.get(':scheme')) return false
  if (!isPath.test(path) && !(path === '*' && method === 'OPTIONS')) return false
  if (authority === undefined) return true
  return isValidHost(authority) && (host === undefined || host.toLowerCase() === authority.toLowerCase())
}

const isToken = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/
/** No blanks and no control characters. */
const isPath = /^\/[!-~\x80-\xff]*$/
