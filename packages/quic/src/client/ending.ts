import type { ConnectionFault, QuicheConnection } from '../binding/quiche.ts'

/** How a connection is over. */
export interface Http3Ending {
  /**
   * Who has said so: `us` also where the server broke the rules and was told; `nobody` where nothing came any more, or
   * connecting took too long.
   */
  by: 'us' | 'server' | 'nobody'
  /** True for a code of HTTP/3, see `errorCode`; false for one of QUIC (RFC 9000, section 20.1): from 256 on TLS's alerts. */
  isApp: boolean
  /** -1 where nobody has said so. */
  code: number
}

export function endingOf(raw: QuicheConnection): Http3Ending {
  const theirs = raw.peerError()
  if (theirs !== null) return saidBy('server', theirs)
  const ours = raw.localError()
  return ours === null ? { by: 'nobody', isApp: false, code: -1 } : saidBy('us', ours)
}

function saidBy(by: Http3Ending['by'], { isApp, errorCode }: ConnectionFault): Http3Ending {
  return { by, isApp, code: errorCode }
}
