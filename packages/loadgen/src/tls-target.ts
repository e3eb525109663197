import { isIP } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { QpsError } from '@qps/core'
import type { TransportTarget } from './transport.ts'

/** What a connection over TLS asks for and takes. */
export interface TlsTarget {
  /** The name that the certificate must have; undefined where the address is what it must have. */
  servername: string | undefined
  /** The one protocol that is offered by ALPN; h3 over QUIC, the others over TCP. */
  alpn: 'h3' | 'h2' | 'http/1.1'
  /** Authorities to trust instead of the usual ones, PEM. */
  ca: string | undefined
  /** Any certificate is taken. */
  insecure: boolean
}

/** @param host of the URL. */
export function tlsTarget(host: string, alpn: TlsTarget['alpn'], ca: unknown, insecure: unknown): TlsTarget {
  if (ca !== undefined && !(typeof ca === 'string' && ca.includes('-----BEGIN CERTIFICATE-----'))) {
    throw new QpsError('QPS_OPTION', 'ca must be certificates in PEM', {
      hint: 'give the text of the file, which begins with -----BEGIN CERTIFICATE-----',
    })
  }
  return { servername: isIP(host) === 0 ? host : undefined, alpn, ca, insecure: insecure === true }
}

/**
 * Begins a connection. `secureConnect` says that the handshake is over; `error` that it failed.
 *
 * @param tls what is asked for. @param buffer where everything that arrives is read into, for `onBytes`; absent: `data` events.
 */
export function connectTls(
  { address, port }: Pick<TransportTarget, 'address' | 'port'>,
  { servername, alpn, ca, insecure }: TlsTarget,
  reading?: { buffer: Uint8Array; onBytes: (bytes: Uint8Array, length: number) => void },
): TLSSocket {
  const socket = connect({
    host: address,
    port,
    ALPNProtocols: [alpn],
    rejectUnauthorized: !insecure,
    ...(servername !== undefined && { servername }),
    ...(ca !== undefined && { ca }),
    ...(reading && {
      onread: {
        buffer: reading.buffer,
        callback: (length: number, bytes: Uint8Array) => {
          reading.onBytes(bytes, length)
          return true
        },
      },
    }),
  })
  return socket.setNoDelay(true)
}

/** Whether the server took the protocol. One without ALPN speaks HTTP/1.1 (RFC 9110, section 4.2.2). */
export function isAgreed({ alpn }: TlsTarget, { alpnProtocol }: TLSSocket): boolean {
  return alpnProtocol === alpn || (alpn === 'http/1.1' && alpnProtocol === false)
}
