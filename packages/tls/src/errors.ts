import { messageOf, QpsError } from '@qps/core'

/** What can be wrong with certificates, keys and secrets, and the next step for each. */
const table = {
  QPS_TLS_FILE: 'name a file in PEM form that this process may read',
  QPS_TLS_CERTIFICATE: 'give the certificate in PEM form, from BEGIN CERTIFICATE to END CERTIFICATE',
  QPS_TLS_KEY: 'give the private key in PEM form, without a passphrase',
  QPS_TLS_PAIR: 'give the key that the certificate was issued for; is one of the two files still the old one?',
  QPS_TLS_VALIDITY: 'renew the certificate, and see whether the clock of this machine is right',
  QPS_TLS_KEY_MODE: 'let its owner alone read it: chmod 600',
  QPS_TLS_HANDSHAKE: 'see that it speaks TLS 1.2 or 1.3 there, and that the client trusts its certificate',
} as const

export type TlsErrorCode = keyof typeof table

/** @param cause what Node or OpenSSL said, where it said something; its message ends ours. */
export function tlsError(code: TlsErrorCode, what: string, cause?: unknown): QpsError {
  const message = cause === undefined ? what : `${what}: ${messageOf(cause)}`
  return new QpsError(code, message, { hint: table[code], cause })
}
