import { channel } from 'node:diagnostics_channel'
import type { Server, TLSSocket } from 'node:tls'
import { type HandshakeDone, handshakeDoneChannel } from '@qps/http-contract'

export interface HandshakeCounts {
  /** Handshakes that signed with the certificate's key. */
  full: number
  /** Handshakes that took a session up again, by ticket or by id. */
  resumed: number
  /** Handshakes that did not end well. */
  failed: number
  /** `resumed` of all that ended well, 0 to 1; 0 before the first. */
  resumedRatio: number
}

export interface HandshakeCounter extends Disposable {
  counts(): HandshakeCounts
}

/** Tells whoever subscribes of each handshake that ended well. */
const handshakeDone = channel(handshakeDoneChannel)

/** Counts a server's handshakes from now on until disposed of. Two additions per connection. */
export function countHandshakes(server: Server): HandshakeCounter {
  let [full, resumed, failed] = [0, 0, 0]
  const onSecure = (socket: TLSSocket): void => {
    const isResumed = socket.isSessionReused()
    if (isResumed) resumed++
    else full++
    if (handshakeDone.hasSubscribers) handshakeDone.publish({ resumed: isResumed } satisfies HandshakeDone)
  }
  const onFailed = (): void => {
    failed++
  }
  server.on('secureConnection', onSecure).on('tlsClientError', onFailed)
  return {
    counts: () => ({ full, resumed, failed, resumedRatio: resumed / Math.max(1, full + resumed) }),
    [Symbol.dispose]: () => void server.off('secureConnection', onSecure).off('tlsClientError', onFailed),
  }
}
