import type { ConnectionContext } from '../connection.ts'
import { grpcHeadBytes, type Http2Message } from './message.ts'
import type { Stream } from './streams.ts'

/**
 * Tells the recorder what a whole answer is worth.
 *
 * @param grpcStatus of the trailers; -1 where they have none.
 */
export type AnswerJudge = (stream: Stream, grpcStatus: number, nowMs: number) => void

/** Counts content, and reads the head of the first message of gRPC in it, however it is cut. */
export function takeContent(stream: Stream, bytes: Uint8Array, start: number, end: number): void {
  stream.bodyBytes += end - start
  for (let at = start; at < end && stream.messageHeadBytes < grpcHeadBytes; at++) {
    if (stream.messageHeadBytes > 0) stream.messageBytes = stream.messageBytes * 256 + bytes[at]!
    stream.messageHeadBytes++
  }
}

/** The judge of a protocol's answers, which looks at what RFC 9113, section 8.1.1, calls malformed as well. */
export function judgeFor(context: ConnectionContext, { protocol, method }: Http2Message): AnswerJudge {
  const { recorder, expected, lengthVaries } = context
  const hasContent = method !== 'HEAD'

  /** All correct answers are equally long. */
  const isExpected = (bodyBytes: number): boolean => {
    if (expected.bodyBytes === -1) expected.bodyBytes = bodyBytes
    return lengthVaries || bodyBytes === expected.bodyBytes
  }

  const judgeHttp: AnswerJudge = ({ status, contentLength, bodyBytes, intendedMs }, _grpcStatus, nowMs) => {
    if (hasContent && status !== 304 && contentLength !== -1 && contentLength !== bodyBytes) {
      return recorder.error('parse')
    }
    if (status < 200 || status > 299) return recorder.wrong('status', status)
    // As with chunks in HTTP/1.1: where no length is announced, none is expected.
    if ((contentLength !== -1 || !hasContent) && !isExpected(bodyBytes)) return recorder.wrong('length', status)
    recorder.success(status, intendedMs, nowMs)
  }

  const judgeCall: AnswerJudge = (stream, grpcStatus, nowMs) => {
    const { status, bodyBytes, messageBytes, messageHeadBytes, intendedMs } = stream
    if (status !== 200) return recorder.wrong('status', status)
    if (grpcStatus > 0) return recorder.callFailed(status, grpcStatus)
    const isOneMessage = messageHeadBytes === grpcHeadBytes && bodyBytes === grpcHeadBytes + messageBytes
    if (grpcStatus === -1 || !isOneMessage) return recorder.error('parse')
    if (!isExpected(bodyBytes)) return recorder.wrong('length', status)
    recorder.success(status, intendedMs, nowMs)
  }

  return protocol === 'grpc' ? judgeCall : judgeHttp
}
