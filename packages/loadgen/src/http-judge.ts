import type { ConnectionContext } from './connection.ts'

/** A whole answer of HTTP, whatever version carried it. */
export interface HttpAnswer {
  intendedMs: number
  status: number
  /** -1 where it was not announced. */
  contentLength: number
  bodyBytes: number
}

/** Tells the recorder what a whole answer is worth. */
export type HttpJudge = (answer: HttpAnswer, nowMs: number) => void

/** @returns true of the first correct answer's length and of all that are as long, or of any where lengths vary. */
export function lengthCheck({ expected, lengthVaries }: ConnectionContext): (bodyBytes: number) => boolean {
  return (bodyBytes) => {
    if (expected.bodyBytes === -1) expected.bodyBytes = bodyBytes
    return lengthVaries || bodyBytes === expected.bodyBytes
  }
}

/** The judge of answers that come in frames, which looks at what RFC 9113, section 8.1.1, calls malformed as well. */
export function httpJudge(context: ConnectionContext, method: string): HttpJudge {
  const { recorder } = context
  const hasContent = method !== 'HEAD'
  const isExpected = lengthCheck(context)
  return ({ status, contentLength, bodyBytes, intendedMs }, nowMs) => {
    if (hasContent && status !== 304 && contentLength !== -1 && contentLength !== bodyBytes) {
      return recorder.error('parse')
    }
    if (status < 200 || status > 299) return recorder.wrong('status', status)
    // As with chunks in HTTP/1.1: where no length is announced, none is expected.
    if ((contentLength !== -1 || !hasContent) && !isExpected(bodyBytes)) return recorder.wrong('length', status)
    recorder.success(status, intendedMs, nowMs)
  }
}
