import { constants } from 'node:crypto'
import { createSecureContext, type TlsOptions } from 'node:tls'
import { checkInteger, describe, QpsError } from '@qps/core'
import type { TicketKeys } from './sessions/ticket-keys.ts'

export interface SecureContextOptions {
  /** PEM. */
  key: string | Buffer
  /** PEM; the leaf first, then those between it and the root. */
  cert: string | Buffer
  /**
   * Protocols by ALPN, the server's favorite first, each 1 to 255 letters. A client that offers some, none of them these, is
   * refused with `no_application_protocol`; one that offers none at all is served. Default: ALPN is not spoken.
   */
  alpn?: readonly string[]
  /**
   * Keys of session tickets. `none` writes no tickets, so that TLS 1.2 resumes by session id alone and TLS 1.3 not at all.
   * Default: random keys of this context, which no other worker and no later context has.
   */
  tickets?: TicketKeys | 'none'
  /**
   * Sessions of one name resume at every server that has it, at most 32 letters. Node's own default is a hash of
   * `process.argv`, by which two programs that share their keys would still refuse each other's sessions. Default `qps`.
   */
  sessionContext?: string
  /** Groups for the key exchange, the favorite first. Default {@link contextDefaults}. */
  groups?: readonly string[]
  /** A handshake that takes longer ends the connection, in milliseconds, 100 to 120,000. Default 5000. */
  handshakeTimeoutMs?: number
}

export const contextDefaults = {
  sessionContext: 'qps',
  /** Node's default is 120 s. */
  handshakeTimeoutMs: 5000,
  /**
   * The hybrid with ML-KEM first, which a later quantum computer does not break (draft-ietf-tls-ecdhe-mlkem), then the two
   * that everybody has (RFC 8446, 9.1).
   */
  groups: ['X25519MLKEM768', 'X25519', 'P-256'],
} as const

/**
 * The suites that are offered: authenticated encryption, keys by ECDHE, in this order (RFC 9325, 4.2). AES-128 first: it is
 * the fastest where the processor has AES.
 */
export const suites = [
  // TLS 1.3 (RFC 8446, B.4)
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  // TLS 1.2 (RFC 5289, RFC 7905)
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
] as const

/**
 * Options of `tls.createServer`, `https.createServer` and `http2.createSecureServer`, and of `setSecureContext` of each: TLS
 * 1.2 and 1.3, {@link suites} in the server's order, no renegotiation. 0-RTT is not possible in Node, hence off.
 *
 * @throws QpsError QPS_OPTION naming the option. Key and certificate are not looked at: `checkPair` does that.
 */
export function secureContextOptions(options: SecureContextOptions): TlsOptions {
  const { key, cert, alpn = [], tickets, groups = contextDefaults.groups } = options
  const { sessionContext = contextDefaults.sessionContext, handshakeTimeoutMs } = options
  checkAlpn(alpn)
  checkGroups(groups)
  if (typeof sessionContext !== 'string' || !/^[!-~]{1,32}$/.test(sessionContext)) {
    throw new QpsError('QPS_OPTION', `sessionContext must be 1 to 32 ASCII letters, not ${describe(sessionContext)}`)
  }
  const noTickets = tickets === 'none' ? constants.SSL_OP_NO_TICKET : 0
  return {
    key,
    cert,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: suites.join(':'),
    honorCipherOrder: true,
    ecdhCurve: groups.join(':'),
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | noTickets,
    sessionIdContext: sessionContext,
    handshakeTimeout: checkInteger('handshakeTimeoutMs', handshakeTimeoutMs ?? contextDefaults.handshakeTimeoutMs, {
      min: 100,
      max: 120_000,
    }),
    ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
    ...(typeof tickets === 'object' && { ticketKeys: tickets.current(), sessionTimeout: tickets.slotMs / 1000 }),
  }
}

function checkAlpn(alpn: readonly string[]): void {
  for (const protocol of alpn) {
    if (typeof protocol !== 'string' || !/^[!-~]{1,255}$/.test(protocol)) {
      throw new QpsError('QPS_OPTION', `alpn must be names of 1 to 255 ASCII letters, not ${describe(protocol)}`, {
        hint: 'HTTP has h2 and http/1.1',
      })
    }
  }
}

function checkGroups(groups: readonly string[]): void {
  try {
    createSecureContext({ ecdhCurve: groups.join(':') })
  } catch (cause) {
    throw new QpsError(
      'QPS_OPTION',
      `groups has one that OpenSSL ${process.versions.openssl} does not know: ${describe(groups.join(':'))}`,
      {
        cause,
        hint: 'leave out what `openssl list -tls-groups` does not name',
      },
    )
  }
}
