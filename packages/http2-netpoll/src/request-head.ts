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
  /** Empty where there is none. */
  readonly authority: string
  /** -1 where it was not announced. */
  readonly contentLength: number
  /** It is more than a list may be: answer 431. Only a part of it is here. */
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
    const length = this.get('content-length')
    this.contentLength = length === undefined ? -1 : Number(length)
  }

  /** The first value of a field. @param name in lower case. */
  get(name: string): string | undefined {
    const { fields } = this
    for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return fields[at + 1]
    return undefined
  }
}

/**
 * Checks what a request's section must be beyond well-formed fields: pseudo-header fields known, first, once each, and the
 * three that a request needs; nothing that belongs to HTTP/1.1's connections; one length at most.
 *
 * Sources: RFC 9113, sections 8.2.2, 8.3 and 8.3.1; RFC 9110, section 8.6.
 */
export function isValidRequest(fields: readonly string[]): boolean {
  const seen = new Set<string>()
  let regular = false
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!
    const value = fields[at + 1]!
    if (name.startsWith(':')) {
      if (regular || seen.has(name) || !requestPseudo.has(name)) return false
      seen.add(name)
      continue
    }
    regular = true
    if (forbidden.has(name) || (name === 'te' && value !== 'trailers')) return false
    if (name !== 'content-length') continue
    if (seen.has(name) || !/^\d{1,15}$/.test(value)) return false
    seen.add(name)
  }
  if (!seen.has(':method')) return false
  const path = fields[fields.indexOf(':path') + 1]
  // A CONNECT, which has neither, is refused by whoever routes: no server here is a tunnel.
  return seen.has(':scheme') && seen.has(':path') && path !== ''
}

const requestPseudo = new Set([':method', ':scheme', ':path', ':authority'])
