import type { ConnectionContext } from '../connection.ts'
import { httpJudge, lengthCheck } from '../http-judge.ts'
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

/** The judge of a protocol's answers. */
export function judgeFor(context: ConnectionContext, { protocol, method }: Http2Message): AnswerJudge {
  if (protocol === 'grpc') return callJudge(context)
  const judge = httpJudge(context, method)
  return (stream, _grpcStatus, nowMs) => judge(stream, nowMs)
}

function callJudge(context: ConnectionContext): AnswerJudge {
  const { recorder } = context
  const isExpected = lengthCheck(context)
  return (stream, grpcStatus, nowMs) => {
    const { status, bodyBytes, messageBytes, messageHeadBytes, intendedMs } = stream
    if (status !== 200) return recorder.wrong('status', status)
    if (grpcStatus > 0) return recorder.callFailed(status, grpcStatus)
    const isOneMessage = messageHeadBytes === grpcHeadBytes && bodyBytes === grpcHeadBytes + messageBytes
    if (grpcStatus === -1 || !isOneMessage) return recorder.error('parse')
    if (!isExpected(bodyBytes)) return recorder.wrong('length', status)
    recorder.success(status, intendedMs, nowMs)
  }
}
