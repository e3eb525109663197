import { constants } from 'node:http2'
import { acceptedEncodings } from '../compression.ts'
import { encodeStatusMessage } from '../percent.ts'
import { responseHeaders } from './call.ts'
import type { CallHead, CallStream } from './transport.ts'

/** `application/grpc` or `application/grpc+proto`, perhaps with parameters. */
const contentType = /^application\/grpc(?:\+proto)?(?:[ \t]*;|$)/i

/**
 * The HTTP status for a request that is no gRPC call at all: such a client would not understand a `grpc-status`.
 * Source: grpc/grpc, doc/PROTOCOL-HTTP2.md, "Requests": the method is POST, and 415 answers another content type.
 */
export function httpRefusal(head: CallHead): number | undefined {
  if (head.method !== 'POST') return constants.HTTP_STATUS_METHOD_NOT_ALLOWED
  return contentType.test(head.contentType ?? '') ? undefined : constants.HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE
}

export function refuseHttp(stream: CallStream, status: number): void {
  const allow = status === constants.HTTP_STATUS_METHOD_NOT_ALLOWED ? ['allow', 'POST'] : []
  stream.respond([':status', String(status), ...allow], true)
}

/** Answers with nothing but a status: headers that are trailers as well. */
export function refuse(stream: CallStream, code: number, details: string): void {
  const headers = [...responseHeaders, 'grpc-status', String(code), 'grpc-message', encodeStatusMessage(details)]
  stream.respond([...headers, 'grpc-accept-encoding', acceptedEncodings], true)
}
