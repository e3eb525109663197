import { errorName } from './codes.ts'

/**
 * What the other side got wrong, and the code by which it is told. The only thing that the parsers of this package throw:
 * it unwinds to the one place that knows whether a stream or the connection is to end.
 */
export class Http3Failure extends Error {
  override readonly name = 'Http3Failure'
  readonly code: number
  /** True where only the stream is lost: a malformed message. Everything else ends the connection. */
  readonly isOfStream: boolean

  /** @param code of `errorCode`. */
  constructor(code: number, message: string, scope: 'connection' | 'stream' = 'connection') {
    super(`${errorName(code)}: ${message}`)
    this.code = code
    this.isOfStream = scope === 'stream'
  }
}
