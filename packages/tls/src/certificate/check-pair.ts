import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { tlsError } from '../errors.ts'

/**
 * Whether a server could serve with these two: a certificate that is valid now, and the key that it was issued for. Of a
 * chain the first one counts. The trust of clients is not asked for.
 *
 * @param cert PEM. @param key PEM. @param nowMs Unix milliseconds.
 * @throws QpsError QPS_TLS_CERTIFICATE, QPS_TLS_KEY, QPS_TLS_PAIR or QPS_TLS_VALIDITY.
 */
export function checkPair(cert: string | Buffer, key: string | Buffer, nowMs: number): X509Certificate {
  const certificate = certificateOf(cert)
  const privateKey = privateKeyOf(key)
  if (!certificate.checkPrivateKey(privateKey)) {
    throw tlsError('QPS_TLS_PAIR', `the key does not belong to the certificate of ${subjectOf(certificate)}`)
  }
  const [fromMs, toMs] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()]
  if (nowMs < fromMs || nowMs > toMs) {
    const period = `from ${certificate.validFromDate.toISOString()} to ${certificate.validToDate.toISOString()}`
    throw tlsError('QPS_TLS_VALIDITY', `the certificate of ${subjectOf(certificate)} is valid ${period} only`)
  }
  try {
    // The rest of the chain, and what OpenSSL finds too weak to serve with.
    createSecureContext({ cert, key })
  } catch (cause) {
    throw tlsError(
      'QPS_TLS_CERTIFICATE',
      `OpenSSL does not serve with the certificate of ${subjectOf(certificate)}`,
      cause,
    )
  }
  return certificate
}

function certificateOf(cert: string | Buffer): X509Certificate {
  try {
    return new X509Certificate(cert)
  } catch (cause) {
    throw tlsError('QPS_TLS_CERTIFICATE', 'the certificate cannot be read', cause)
  }
}

function privateKeyOf(key: string | Buffer): KeyObject {
  try {
    return createPrivateKey(key)
  } catch (cause) {
    throw tlsError('QPS_TLS_KEY', 'the private key cannot be read', cause)
  }
}

/** Its names on one line: a file that somebody else wrote must not write our log. */
function subjectOf({ subject, subjectAltName }: X509Certificate): string {
  return JSON.stringify(subject || (subjectAltName ?? '')).slice(0, 120)
}
