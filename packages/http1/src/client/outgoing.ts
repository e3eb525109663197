import { QpsError } from '@qps/core'
import { checkField, type FieldValues, linesOf } from '../server/fields.ts'

/** What a request carries: all of it, or pieces as they are made, which are sent in chunks. */
export type OutgoingBody = string | Uint8Array | AsyncIterable<Uint8Array | string>

export interface OutgoingRequest {
  /** Default GET. */
  method?: string
  /** Path and query, from the first slash, encoded as it is to be sent. */
  path: string
  headers?: FieldValues
  /** Bytes are lent until the request is over. */
  body?: OutgoingBody
}

/** A token in capitals: methods are case-sensitive, and the registered ones are written so. */
const methodAllowed = /^[A-Z][A-Z-]{0,31}$/
/** What stands in a request target: visible ASCII without the fragment's mark, which is never sent. */
const pathAllowed = /^(?:\/[\x21\x22\x24-\x7e]*|\*)$/
/** May be sent twice with the effect of once (RFC 9110 section 9.2.2). */
const idempotentMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])
/** A body is expected with these: without one they say so. */
const bodyMethods: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])
/** What frames a request or governs its connection is the client's own. */
const ours: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'expect',
  'te',
  'trailer',
])
const nothing = new Uint8Array(0)

/**
 * A request checked and encoded once, to be sent any number of times: what `dispatch` makes of an {@link OutgoingRequest} for
 * itself. Where the same request goes out over and over, make it once.
 *
 * @example const home = new PreparedRequest({ path: '/' }, 'example.org')
 */
export class PreparedRequest {
  readonly method: string
  readonly idempotent: boolean
  readonly headOnly: boolean
  /** Everything but the content: request line, fields, empty line. A short content stands behind it. */
  readonly bytes: Uint8Array
  /** Content that is written behind it. */
  readonly content: Uint8Array
  /** Content that is still being made; such a request can be sent once only. */
  readonly pieces: AsyncIterable<Uint8Array | string> | undefined

  /** May the same be sent twice, with the effect of once? */
  get repeatable(): boolean {
    return this.idempotent && this.pieces === undefined
  }

  /**
   * @param authority the Host field, unless the headers bring one.
   * @throws QpsError QPS_REQUEST for a method or path that is none; QPS_HEADER for a field that would end its line, or that
   * the client writes itself (row S25).
   */
  constructor({ method = 'GET', path, headers, body }: OutgoingRequest, authority: string) {
    checkTarget(method, path)
    this.method = method
    this.idempotent = idempotentMethods.has(method)
    this.headOnly = method === 'HEAD'
    const content = typeof body === 'string' ? Buffer.from(body) : body instanceof Uint8Array ? body : nothing
    this.pieces = body === undefined || typeof body === 'string' || body instanceof Uint8Array ? undefined : body
    const fields = headers === undefined ? `host: ${authority}\r\n` : fieldsOf(headers, authority)
    const framing = framingOf(method, content.length, this.pieces !== undefined)
    const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${fields}${framing}\r\n`, 'latin1')
    const isShort = content.length > 0 && head.length + content.length <= shortBytesMax
    this.bytes = isShort ? Buffer.concat([head, content]) : head
    this.content = isShort ? nothing : content
  }
}

/** Up to this, head and content are one piece of memory. */
const shortBytesMax = 4096

function checkTarget(method: string, path: string): void {
  if (!methodAllowed.test(method) || method === 'CONNECT') {
    throw new QpsError('QPS_REQUEST', `${JSON.stringify(method)} is no method that can be sent`, {
      hint: 'a method has capitals and hyphens; CONNECT is for proxies',
    })
  }
  if (!pathAllowed.test(path) || (path === '*' && method !== 'OPTIONS')) {
    throw new QpsError('QPS_REQUEST', `${JSON.stringify(path)} is no path that can be sent`, {
      hint: 'it begins with a slash and has visible ASCII only: encode the rest, with encodeURI for instance',
    })
  }
}

function fieldsOf(headers: FieldValues, authority: string): string {
  let lines = ''
  let hosts = 0
  for (const name of Object.keys(headers)) {
    const lower = name.toLowerCase()
    if (ours.has(lower)) {
      throw new QpsError('QPS_HEADER', `${name} is written by the client`, { hint: 'leave it out' })
    }
    const value = headers[name]!
    if (lower === 'host') {
      checkField(name, String(value))
      if (++hosts > 1 || typeof value === 'object') throw new QpsError('QPS_HEADER', 'a request has one Host')
    }
    lines += linesOf(name, value)
  }
  return hosts > 0 ? lines : `host: ${authority}\r\n${lines}`
}

function framingOf(method: string, bytes: number, inChunks: boolean): string {
  if (inChunks) return 'transfer-encoding: chunked\r\n'
  return bytes > 0 || bodyMethods.has(method) ? `content-length: ${bytes}\r\n` : ''
}
