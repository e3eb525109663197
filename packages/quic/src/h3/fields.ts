import { isValidHost } from '@qps/http-contract'
import type { Field } from '../qpack/static-table.ts'
import { errorCode } from './codes.ts'
import { Http3Failure } from './failure.ts'

/** What a request says of itself, checked. */
export interface RequestHead {
  method: string
  scheme: string
  /** Empty where there is neither `:authority` nor Host. */
  authority: string
  /** Path and query as sent; empty for CONNECT. */
  path: string
  /** All that are no pseudo-header fields, in their order. */
  fields: readonly Field[]
  /** Undefined where it is not said. */
  contentLength: number | undefined
}

/** What an answer says of itself, checked. */
export interface ResponseHead {
  status: number
  fields: readonly Field[]
  contentLength: number | undefined
}

const fieldName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/
/** No NUL, no line ends, no blank at either end. */
const brokenValue = /[\0\r\n]|^[\t ]|[\t ]$/
const methodToken = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/
const lengthDigits = /^\d{1,15}$/
const statusDigits = /^[1-9]\d\d$/
/** Fields of HTTP/1.1's connections: RFC 9114, section 4.2. */
const ofConnections = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])
const requestPseudo = new Set([':method', ':scheme', ':authority', ':path'])
const responsePseudo = new Set([':status'])

/**
 * Checks a request's field section: RFC 9114, sections 4.1.2, 4.2 and 4.3.1.
 *
 * @throws Http3Failure H3_MESSAGE_ERROR, of the stream.
 */
export function readRequestHead(section: readonly Field[]): RequestHead {
  const { pseudo, fields, contentLength } = split(section, requestPseudo)
  const method = pseudo.get(':method')
  if (method === undefined || !methodToken.test(method)) throw malformed('there is no valid :method')
  const scheme = pseudo.get(':scheme') ?? ''
  const path = pseudo.get(':path') ?? ''
  const host = onlyValue(fields, 'host')
  const authority = pseudo.get(':authority') ?? host ?? ''
  if (host !== undefined && host !== authority) throw malformed(':authority and Host differ')
  const isOfHttp = scheme === 'https' || scheme === 'http'
  if ((isOfHttp || authority !== '') && !isValidHost(authority)) throw malformed('the authority is not valid')
  if (method === 'CONNECT') {
    if (scheme !== '' || path !== '' || authority === '') throw malformed('CONNECT has an :authority and nothing else')
  } else {
    if (scheme === '') throw malformed('there is no :scheme')
    if (!path.startsWith('/') && !(path === '*' && method === 'OPTIONS'))
      throw malformed('the :path does not begin with /')
  }
  return { method, scheme, authority, path, fields, contentLength }
}

/** Checks an answer's field section: RFC 9114, sections 4.3.2 and 4.5. @throws Http3Failure H3_MESSAGE_ERROR, of the stream. */
export function readResponseHead(section: readonly Field[]): ResponseHead {
  const { pseudo, fields, contentLength } = split(section, responsePseudo)
  const status = pseudo.get(':status') ?? ''
  if (!statusDigits.test(status)) throw malformed('there is no valid :status')
  if (status === '101') throw malformed('HTTP/3 knows no change of protocol')
  return { status: Number(status), fields, contentLength }
}

/** Checks trailers: no pseudo-header fields. @throws Http3Failure H3_MESSAGE_ERROR, of the stream. */
export function checkTrailers(section: readonly Field[]): void {
  split(section, new Set())
}

interface Split {
  pseudo: Map<string, string>
  fields: readonly Field[]
  contentLength: number | undefined
}

function split(section: readonly Field[], known: ReadonlySet<string>): Split {
  const pseudo = new Map<string, string>()
  let count = 0
  for (const [index, [name, value]] of section.entries()) {
    if (brokenValue.test(value)) throw malformed('a value that HTTP does not allow')
    if (!name.startsWith(':')) {
      checkName(name, value)
      continue
    }
    if (index !== count) throw malformed('a pseudo-header field behind others')
    if (!known.has(name) || pseudo.has(name))
      throw malformed('a pseudo-header field that is unknown here, or there twice')
    pseudo.set(name, value)
    count++
  }
  const fields = section.slice(count)
  const length = onlyValue(fields, 'content-length')
  if (length !== undefined && !lengthDigits.test(length)) throw malformed('Content-Length is no number')
  return { pseudo, fields, contentLength: length === undefined ? undefined : Number(length) }
}

function checkName(name: string, value: string): void {
  if (!fieldName.test(name)) throw malformed('a name that HTTP/3 does not allow')
  if (ofConnections.has(name)) throw malformed(`${name} belongs to HTTP/1.1`)
  if (name === 'te' && value !== 'trailers') throw malformed('TE may only say trailers')
}

/** @throws Http3Failure where it is there with two values. */
function onlyValue(fields: readonly Field[], wanted: string): string | undefined {
  let found: string | undefined
  for (const [name, value] of fields) {
    if (name !== wanted) continue
    if (found !== undefined && found !== value) throw malformed(`${wanted} has two values`)
    found = value
  }
  return found
}

function malformed(what: string): Http3Failure {
  return new Http3Failure(errorCode.messageError, what, 'stream')
}
