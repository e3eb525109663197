import type { Server, TLSSocket } from 'node:tls'
import { systemErrorCode } from '@qps/core'

/**
 * Closes connections whose handshake takes longer than the server's `handshakeTimeout`, until disposed of. A server of
 * node:tls only tells of them, by `tlsClientError`, and leaves them open for as long as the client likes; those of node:https
 * and node:http2 close them. The front does this by itself.
 */
export function closeStalledHandshakes(server: Server): Disposable {
  const onFailed = (error: Error, socket: TLSSocket): void => {
    if (systemErrorCode(error) === 'ERR_TLS_HANDSHAKE_TIMEOUT') socket.destroy()
  }
  server.on('tlsClientError', onFailed)
  return { [Symbol.dispose]: () => void server.off('tlsClientError', onFailed) }
}
