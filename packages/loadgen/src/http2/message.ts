import { describe, QpsError } from '@qps/core'
import { type HeaderField, headerListBytesMax } from '@qps/http2-frames'
import { checkField, checkMethod } from '../request.ts'

/** One request of HTTP/2: its header list, and its content. */
export interface Http2Message {
  protocol: 'h2' | 'grpc'
  method: string
  fields: readonly HeaderField[]
  body: Uint8Array
  /** Receive window that the server gets, for each stream and for the connection. */
  windowBytes: number
}

/** What belongs to HTTP/1.1's connections, or is made from the options: RFC 9113, section 8.2.2. */
const reserved = ['connection', 'content-length', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']
/** A message of gRPC: one byte that says whether it is compressed, four for its length. */
export const grpcHeadBytes = 5

/** What HTTP/2 and HTTP/3 say of a request alike. */
export interface RequestHead {
  method: string
  scheme: string
  authority: string
  path: string
  /** Further fields, names in lower case. */
  others: HeaderField[]
}

/**
 * @param headers further fields, in this order; `Host` replaces the URL's authority.
 * @throws QpsError QPS_OPTION for a method, a name or a value that would not be one on the wire.
 */
export function requestHead(url: URL, method: string, headers: Record<string, string>): RequestHead {
  checkMethod(method)
  const given = Object.entries(headers).map(([name, value]) => checkedField(name, value))
  return {
    method,
    scheme: url.protocol.slice(0, -1),
    authority: given.find(([name]) => name === 'host')?.[1] ?? url.host,
    path: url.pathname + url.search,
    others: given.filter(([name]) => name !== 'host'),
  }
}

/**
 * The header list of a request: RFC 9113, section 8.3.1.
 *
 * @throws QpsError QPS_OPTION as {@link requestHead}, and where the list is too long.
 */
export function http2Fields(
  url: URL,
  method: string,
  headers: Record<string, string>,
  bodyBytes: number,
): HeaderField[] {
  return fieldsOf(requestHead(url, method, headers), bodyBytes)
}

export function fieldsOf({ method, scheme, authority, path, others }: RequestHead, bodyBytes: number): HeaderField[] {
  const fields: HeaderField[] = [
    [':method', method],
    [':scheme', scheme],
    [':authority', authority],
    [':path', path],
    ...others,
  ]
  if (bodyBytes > 0) fields.push(['content-length', String(bodyBytes)])
  return checkList(fields)
}

/**
 * A unary call: a POST with the content type of gRPC, whose answer has trailers.
 *
 * @throws QpsError QPS_OPTION where the URL's path names no method, and as {@link http2Fields}.
 * Source: gRPC over HTTP2, in the documentation of grpc/grpc.
 */
export function grpcFields(url: URL, headers: Record<string, string>): HeaderField[] {
  if (!/^(\/[^/]+){2}$/.test(url.pathname)) {
    throw new QpsError('QPS_OPTION', `url must have the path /package.Service/Method, not ${describe(url.pathname)}`, {
      hint: 'for example http://127.0.0.1:50051/qps.v1.Workload/Echo',
    })
  }
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()))
  const own = Object.entries({ te: 'trailers', 'content-type': 'application/grpc' })
  return http2Fields(url, 'POST', { ...Object.fromEntries(own.filter(([name]) => !names.has(name))), ...headers }, 0)
}

/** The message behind its head, not compressed. */
export function grpcBody(message: Uint8Array): Uint8Array {
  const body = Buffer.alloc(grpcHeadBytes + message.length)
  body.writeUInt32BE(message.length, 1)
  body.set(message, grpcHeadBytes)
  return body
}

/**
 * A protobuf message whose field 1 is a byte string of so many bytes; 0 makes the empty message, as protobuf would.
 *
 * Source: protobuf's encoding: the field's tag (number 1, wire type 2), the length as a varint, the bytes.
 */
export function payloadMessage(payloadBytes: number): Uint8Array {
  if (payloadBytes === 0) return new Uint8Array(0)
  const head = [0x0a]
  let rest = payloadBytes
  for (; rest >= 0x80; rest >>>= 7) head.push((rest & 0x7f) | 0x80)
  head.push(rest)
  return Buffer.concat([Buffer.from(head), Buffer.alloc(payloadBytes, 'payload ')])
}

function checkedField(name: string, value: string): HeaderField {
  checkField(name, value, reserved)
  const lower = name.toLowerCase()
  if (lower === 'te' && value.trim() !== 'trailers') {
    throw new QpsError('QPS_OPTION', `header te must be trailers from HTTP/2 on, not ${describe(value)}`)
  }
  return [lower, value.trim()]
}

function checkList(fields: HeaderField[]): HeaderField[] {
  const bytes = fields.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0)
  if (bytes <= headerListBytesMax) return fields
  throw new QpsError('QPS_OPTION', `headers must make a list of at most ${headerListBytesMax} bytes, not ${bytes}`, {
    hint: 'names, values and 32 bytes for each field count: shorten the headers or the path',
  })
}
