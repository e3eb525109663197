import { isIP } from 'node:net'
import { type Clock, systemClock } from '@qps/core'
import { quicError } from '../errors.ts'
import { type QuicLimits, quicLimits } from '../limits.ts'
import { addressOf } from '../transport/resolve.ts'
import { ClientPost } from './client-post.ts'
import { Http3Client } from './http3-client.ts'

export interface ConnectHttp3Options {
  /** An address, or a name that is looked up. */
  host: string
  port: number
  /** PEM of the authorities that are trusted: none is, unless it is named here. */
  ca: string
  /** What the certificate must be for. Default the host. */
  serverName?: string
  /**
   * What {@link Http3Client.session} gave of an earlier connection to this server. The handshake then needs no certificate, and
   * where the server takes early data, requests that may be repeated leave with the first datagram.
   */
  session?: Uint8Array
  /** Limits that differ from `quicLimits`; of those, the client uses what bounds an answer, a window and an idle connection. */
  limits?: Partial<QuicLimits>
  /** For connecting, and for a move. Default 5 s. */
  timeoutMs?: number
  clock?: Clock
}

/**
 * Connects to an HTTP/3 server.
 *
 * @throws QpsError QPS_QUIC_HANDSHAKE, QPS_QUIC_TIMEOUT; QPS_PART_MISSING where quiche is not installed; QPS_OPTION.
 * @example
 * await using client = await connectHttp3({ host: 'localhost', port, ca: authority.cert })
 * const { status, body } = await client.request({ path: '/' })
 */
export async function connectHttp3(options: ConnectHttp3Options): Promise<Http3Client> {
  const { host, port, ca, serverName = host, timeoutMs = 5_000, clock = systemClock } = options
  const limits: QuicLimits = { ...quicLimits, ...options.limits }
  const peer = { host: await resolved(host), port }
  const name = isIP(serverName) === 0 ? serverName : null
  const post = await ClientPost.open({ peer, ca, serverName: name, session: options.session, limits, clock })
  const client = new Http3Client(post, options, limits)
  const timer = clock.after(timeoutMs, () => post.giveUp())
  try {
    await client.connected()
    return client
  } catch (error) {
    post[Symbol.dispose]()
    throw post.isGivenUp ? quicError('QPS_QUIC_TIMEOUT', `no answer from ${host}:${port} in ${timeoutMs} ms`) : error
  } finally {
    timer[Symbol.dispose]()
  }
}

async function resolved(host: string): Promise<string> {
  try {
    return await addressOf(host)
  } catch (cause) {
    throw quicError('QPS_QUIC_HANDSHAKE', `${host} is not known here`, cause)
  }
}
