import { getCACertificates } from 'node:tls'
import { invariant } from '@qps/core'
import type { ConnectHttp3Options } from '@qps/quic'
import type { TransportTarget } from '../transport.ts'
import type { Http3Message } from './message.ts'

/** Silence ends a connection when the server says so: how long an answer may be owed is the run's own affair. */
const idleMs = 3_600_000
/** For connecting: whoever connects gives up sooner, by its signal. */
const timeoutMs = 3_600_000

/** How connections to a target are made. Parse it once: the list of authorities that Node trusts is long. */
export function clientOptions(
  { address, port, tls }: TransportTarget,
  { authority, windowBytes }: Pick<Http3Message, 'authority' | 'windowBytes'>,
): ConnectHttp3Options {
  invariant(tls, 'a target of HTTP/3 is one of TLS')
  const { servername, ca, insecure } = tls
  return {
    host: address,
    port,
    authority,
    timeoutMs,
    limits: { idleMs, streamWindowBytes: windowBytes, connectionWindowBytes: windowBytes },
    ...(servername !== undefined && { serverName: servername }),
    ...(insecure ? { insecure } : { ca: ca ?? getCACertificates().join('\n') }),
  }
}
