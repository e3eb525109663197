import { QpsError } from '@qps/core'
import { Http3Failure } from '@qps/quic'
import type { ErrorKind } from '../recorder.ts'

/**
 * Why a request has no answer although its connection goes on: `parse` where what came is none, `stream` where the server reset
 * the stream, `goaway` where it leaves without having begun.
 *
 * @param error what the client failed it with. @throws it, where it is none of these.
 */
export function kindOf(error: unknown): ErrorKind {
  if (!(error instanceof QpsError)) throw error
  const { code, cause } = error
  if (code === 'QPS_QUIC_STREAM') {
    if (cause instanceof Http3Failure) return 'parse'
    return cause === undefined ? 'goaway' : 'stream'
  }
  if (code === 'QPS_QUIC_CLOSED') return 'goaway'
  throw error
}
