import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { messageOf, QpsError } from '@qps/core'
import type { buildConnector } from 'undici'
import type { ClientPlan, Endpoint } from './options.ts'

/** Idle connections are probed by the kernel after so long, so that a peer that vanished is noticed. */
const tcpKeepAliveMs = 60_000
/** As undici's own connector has it: large enough for a body to arrive in few reads. */
const readBytes = 64 * 1024

/**
 * Opens sockets for undici. Its own connector rounds timeouts to half seconds and cannot go elsewhere than the origin; this
 * one asks `resolve` for every connection and holds lookup, TCP and TLS handshake together to `connectTimeoutMs`.
 *
 * TLS: HTTP/1.1 only (ALPN says so); the last session is resumed by the next connection.
 */
export function createConnector(plan: ClientPlan): buildConnector.connector {
  const { clock, connectTimeoutMs } = plan
  const secure = plan.origin.protocol === 'https:'
  let session: Buffer | undefined

  const openSocket = ({ host, port }: Endpoint, named: string | undefined): Socket => {
    const options = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepAliveMs }
    if (!secure) return connectTcp({ ...options, readableHighWaterMark: readBytes } as typeof options)
    const name = named ?? plan.origin.hostname
    return connectTls({
      ...plan.tls,
      ...options,
      ALPNProtocols: ['http/1.1'],
      ...(isIP(name) === 0 ? { servername: name } : {}),
      ...(session ? { session } : {}),
    }).on('session', (ticket) => (session = ticket))
  }

  return ({ servername }, callback) => {
    let socket: Socket | undefined
    let pending = true
    const settle = (error: Error | null): void => {
      if (!pending) return
      pending = false
      timer[Symbol.dispose]()
      if (!error) return callback(null, socket!)
      socket?.destroy()
      callback(error instanceof QpsError ? error : unreachable(plan, error), null)
    }
    const timer = clock.after(connectTimeoutMs, () => settle(tooSlow(plan)))
    const start = (endpoint: Endpoint): void => {
      if (!pending) return
      socket = openSocket(endpoint, servername)
      socket.once(secure ? 'secureConnect' : 'connect', () => settle(null))
      // Stays for the socket's life: one that is destroyed here may still report why.
      socket.on('error', settle)
    }
    try {
      const endpoint = plan.resolve()
      if (endpoint instanceof Promise) endpoint.then(start, settle)
      else start(endpoint)
    } catch (error) {
      settle(error as Error)
    }
  }
}

function tooSlow({ origin, connectTimeoutMs }: ClientPlan): QpsError {
  return new QpsError('QPS_CLIENT_CONNECT_TIMEOUT', `no connection to ${origin.host} within ${connectTimeoutMs} ms`, {
    retryable: true,
    hint: 'is the server accepting, and does it speak TLS where the origin says https?',
  })
}

function unreachable({ origin }: ClientPlan, cause: Error): QpsError {
  return new QpsError('QPS_CLIENT_CONNECT', `no connection to ${origin.host}: ${messageOf(cause)}`, {
    retryable: true,
    cause,
    hint: 'is the server listening there, and is its certificate trusted?',
  })
}
