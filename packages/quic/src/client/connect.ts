import { isIP } from 'node:net'
import { type Clock, QpsError, systemClock } from '@qps/core'
import { quicError } from '../errors.ts'
import { type QuicLimits, quicLimits } from '../limits.ts'
import { addressOf } from '../transport/resolve.ts'
import { ClientPost } from './client-post.ts'
import type { Http3Ending } from './ending.ts'
import { Http3Client } from './http3-client.ts'

export interface ConnectHttp3Options {
  /** An address, or a name that is looked up. */
  host: string
  port: number
  /** PEM of the authorities that are trusted: none is, unless it is named here. Not needed where `insecure`. */
  ca?: string
  /** True takes any certificate, from anybody: for a server of one's own, on loopback. Default false. */
  insecure?: boolean
  /** What the certificate must be for. Default the host. */
  serverName?: string
  /** What requests call the server. Default the server's name with the port. */
  authority?: string
  /**
   * What {@link Http3Client.session} gave of an earlier connection to this server. The handshake then needs no certificate, and
   * where the server takes early data, requests that may be repeated leave with the first datagram.
   */
  session?: Uint8Array
  /** Limits that differ from `quicLimits`; of those, the client uses what bounds an answer, a window and an idle connection. */
  limits?: Partial<QuicLimits>
  /** For connecting, and for a move. Default 5 s. */
  timeoutMs?: number
  /** Gives up connecting. Once connected, `close` is what ends it. */
  signal?: AbortSignal
  /** The server's SETTINGS have come: it has finished the handshake too, which its certificate alone does not show. */
  onSettings?: () => void
  /** The server leaves, and takes no further request on this connection; those that it has not begun fail. Once. */
  onGoaway?: () => void
  /** The connection is over, whoever has ended it, and what was under way has failed. Once, also where there never was one. */
  onEnded?: (ending: Http3Ending) => void
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
  const { host, port, serverName = host, signal, timeoutMs = 5_000, clock = systemClock } = options
  const ca = trustedBy(options)
  const limits: QuicLimits = { ...quicLimits, ...options.limits }
  const peer = { host: await resolved(host), port }
  const name = isIP(serverName) === 0 ? serverName : null
  const post = await ClientPost.open({ peer, ca, serverName: name, session: options.session, limits, clock })
  const client = new Http3Client(post, options, limits)
  const giveUp = (): void => post.giveUp()
  const timer = clock.after(timeoutMs, giveUp)
  signal?.addEventListener('abort', giveUp)
  if (signal?.aborted) giveUp()
  try {
    await client.connected()
    return client
  } catch (error) {
    post[Symbol.dispose]()
    if (signal?.aborted) throw quicError('QPS_QUIC_HANDSHAKE', 'connecting was given up', signal.reason)
    throw post.isGivenUp ? quicError('QPS_QUIC_TIMEOUT', `no answer from ${host}:${port} in ${timeoutMs} ms`) : error
  } finally {
    timer[Symbol.dispose]()
    signal?.removeEventListener('abort', giveUp)
  }
}

/** @returns undefined where any certificate is taken. */
function trustedBy({ ca, insecure = false }: ConnectHttp3Options): string | undefined {
  if (insecure) return undefined
  if (ca !== undefined) return ca
  throw new QpsError('QPS_OPTION', 'ca must name the authorities that are trusted, and is undefined', {
    hint: 'give certificates in PEM; for a server of your own on loopback insecure takes any',
  })
}

async function resolved(host: string): Promise<string> {
  try {
    return await addressOf(host)
  } catch (cause) {
    throw quicError('QPS_QUIC_HANDSHAKE', `${host} is not known here`, cause)
  }
}
