import { createPrivateKey, X509Certificate } from 'node:crypto'
import { QpsError } from '@qps/core'
import type { QuicLimits } from '../limits.ts'
import { loadQuiche } from './load.ts'
import type { QuicheConfig } from './quiche.ts'

/** The name of HTTP/3 in ALPN: RFC 9114, section 3.1. */
export const protocolName = 'h3'

export interface Credentials {
  /** PEM. */
  key: string
  /** PEM, the leaf first. */
  cert: string
}

/**
 * TLS 1.3 with a certificate.
 *
 * @param takesEarlyData whether clients that come again may ask in their first datagram. @throws QpsError QPS_OPTION where key or certificate are no PEM, or not a pair; QPS_PART_MISSING.
 */
export function serverConfig({ key, cert }: Credentials, limits: QuicLimits, takesEarlyData: boolean): QuicheConfig {
  const quiche = loadQuiche()
  check('key and cert must be PEM, and a pair', () => new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
  const config = quiche.Config.withBoringSslCtx(false, false, null, [Buffer.from(key)], [Buffer.from(cert)], null)
  if (takesEarlyData) config.enableEarlyData()
  return withLimits(config, limits, limits.streamsMax)
}

/**
 * @param ca PEM of the authorities that are trusted; undefined takes any certificate. @param sendsEarlyData where there is a session
 *   for it.
 * @throws QpsError QPS_OPTION where it is no PEM; QPS_PART_MISSING.
 */
export function clientConfig(ca: string | undefined, limits: QuicLimits, sendsEarlyData: boolean): QuicheConfig {
  const quiche = loadQuiche()
  if (ca !== undefined) check('ca must be PEM', () => new X509Certificate(ca).raw.length > 0)
  const trusted = ca === undefined ? null : Buffer.from(ca)
  const config = quiche.Config.withBoringSslCtx(trusted !== null, false, trusted, null, null, null)
  if (sendsEarlyData) config.enableEarlyData()
  // A client's requests are its own: a server opens none.
  return withLimits(config, limits, 0)
}

/** Asked of Node, because BoringSSL takes text that is none and fails when the first client comes. */
function check(what: string, isRight: () => boolean): void {
  const hint = 'give the text from BEGIN to END; createAuthority of @qps/tls makes a pair for local use'
  let isSo = false
  try {
    isSo = isRight()
  } catch (cause) {
    throw new QpsError('QPS_OPTION', what, { cause, hint })
  }
  if (!isSo) throw new QpsError('QPS_OPTION', what, { hint })
}

function withLimits(config: QuicheConfig, limits: QuicLimits, streamsMax: number): QuicheConfig {
  config.setApplicationProtos([protocolName])
  config.setMaxIdleTimeout(limits.idleMs)
  config.setMaxSendUdpPayloadSize(limits.datagramBytesMax)
  config.setInitialMaxData(limits.connectionWindowBytes)
  config.setMaxConnectionWindow(limits.connectionWindowBytes)
  config.setInitialMaxStreamDataBidiLocal(limits.streamWindowBytes)
  config.setInitialMaxStreamDataBidiRemote(limits.streamWindowBytes)
  config.setInitialMaxStreamDataUni(limits.streamWindowBytes)
  config.setMaxStreamWindow(limits.streamWindowBytes)
  config.setInitialMaxStreamsBidi(streamsMax)
  config.setInitialMaxStreamsUni(limits.streamsUniMax)
  config.setActiveConnectionIdLimit(limits.idsMax)
  config.setDisableActiveMigration(false)
  return config
}
