import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { acceptedEncodings } from '../compression.ts'
import { encodeStatusMessage } from '../percent.ts'

/** `application/grpc` or `application/grpc+proto`, perhaps with parameters. */
const contentType = /^application\/grpc(?:\+proto)?(?:[ \t]*;|$)/i

/**
 * The HTTP status for a request that is no gRPC call at all: such a client would not understand a `grpc-status`.
 * Source: grpc/grpc, doc/PROTOCOL-HTTP2.md, "Requests": the method is POST, and 415 answers another content type.
 */
export function httpRefusal(headers: IncomingHttpHeaders): number | undefined {
  if (headers[':method'] !== 'POST') return constants.HTTP_STATUS_METHOD_NOT_ALLOWED
  return contentType.test(headers['content-type'] ?? '') ? undefined : constants.HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE
}

/** A Date header tells a gRPC client nothing. */
export const withoutBody = { endStream: true, sendDate: false } as const

export function refuseHttp(stream: ServerHttp2Stream, status: number): void {
  const allow = status === constants.HTTP_STATUS_METHOD_NOT_ALLOWED ? ['allow', 'POST'] : []
  answer(stream, [':status', String(status), ...allow])
}

/** Answers with nothing but a status: headers that are trailers as well. */
export function refuse(stream: ServerHttp2Stream, code: number, details: string): void {
  answer(stream, [
    ':status',
    '200',
    'content-type',
    'application/grpc+proto',
    'grpc-status',
    String(code),
    'grpc-message',
    encodeStatusMessage(details),
    'grpc-accept-encoding',
    acceptedEncodings,
  ])
}

function answer(stream: ServerHttp2Stream, headers: string[]): void {
  stream.respond(headers, withoutBody)
}
