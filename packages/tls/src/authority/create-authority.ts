import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { checkNumber, type Clock, describe, QpsError, systemClock } from '@qps/core'
import { checkPair } from '../certificate/check-pair.ts'
import { tlsError } from '../errors.ts'
import { type AuthorityFolder, openFolder } from './folder.ts'
import type { Authority, AuthorityOptions, CertificateFiles, IssueOptions, KeyAndCertificate } from './authority.ts'
import { subjectNames } from './hosts.ts'
import { pemOf, writeCertificate } from './x509.ts'

/** P-256, as OpenSSL calls it. */
const curve = 'prime256v1'
const dayMs = 86_400_000
/** Clocks of two machines that keep time differ by less. */
const lagMs = 5 * 60_000
/** What a new authority may be called. Nothing in it is ever escaped, so that the name which Node reads is the one to write. */
const commonName = /^[\w .-]{1,64}$/
/** The longest that platforms accept of a leaf (Apple, since 2019). */
const leafDaysMax = 825

/**
 * Makes or opens an authority with an ECDSA P-256 key. Blocks: a key is generated or read.
 *
 * @throws QpsError QPS_OPTION; QPS_TLS_FILE, QPS_TLS_CERTIFICATE, QPS_TLS_KEY, QPS_TLS_PAIR, QPS_TLS_VALIDITY or
 * QPS_TLS_KEY_MODE where the folder has an authority that cannot be used.
 * @example
 * const authority = createAuthority()
 * const server = createServer(authority.issue({ hosts: ['localhost', '127.0.0.1'] }))
 */
export function createAuthority(options: AuthorityOptions = {}): Authority {
  const { directory, name = 'Local authority', clock = systemClock } = options
  const days = checkNumber('validDays', options.validDays ?? 365, { min: 1, max: 3650 })
  if (typeof name !== 'string' || !commonName.test(name)) {
    throw new QpsError(
      'QPS_OPTION',
      `name must be 1 to 64 letters, digits, spaces, dots, - and _, not ${describe(name)}`,
    )
  }
  const make = (): KeyAndCertificate => selfSigned(name, clock.wallMs(), days)
  if (directory === undefined) return new LocalAuthority(make(), clock, undefined)
  const folder = openFolder(directory)
  return new LocalAuthority(folder.authority(make), clock, folder)
}

function selfSigned(name: string, nowMs: number, days: number): KeyAndCertificate {
  const { publicKey, privateKey } = newKeys()
  const der = writeCertificate({
    subject: name,
    issuer: name,
    publicKey,
    issuerKey: privateKey,
    notBeforeMs: nowMs - lagMs,
    notAfterMs: nowMs + days * dayMs,
    role: 'authority',
    hosts: [],
  })
  return { key: pemOfKey(privateKey), cert: pemOf(der) }
}

class LocalAuthority implements Authority {
  readonly cert: string
  readonly #key: KeyObject
  readonly #name: string
  readonly #endsMs: number
  readonly #clock: Clock
  readonly #folder: AuthorityFolder | undefined

  constructor(pair: KeyAndCertificate, clock: Clock, folder: AuthorityFolder | undefined) {
    const certificate = checkPair(pair.cert, pair.key, clock.wallMs())
    this.cert = pair.cert
    this.#key = createPrivateKey(pair.key)
    this.#name = certificate.subject.slice('CN='.length)
    const ours = certificate.ca && this.#key.asymmetricKeyDetails?.namedCurve === curve && commonName.test(this.#name)
    if (!ours || !certificate.subject.startsWith('CN=')) {
      throw tlsError('QPS_TLS_CERTIFICATE', 'the certificate is not one of an authority that was made here')
    }
    this.#endsMs = certificate.validToDate.getTime()
    this.#clock = clock
    this.#folder = folder
  }

  issue({ hosts, validFromMs = this.#clock.wallMs() - lagMs, validDays = 30 }: IssueOptions): KeyAndCertificate {
    const names = subjectNames(hosts)
    checkNumber('validFromMs', validFromMs, { min: 0, max: this.#endsMs })
    checkNumber('validDays', validDays, { min: 1 / dayMs, max: leafDaysMax })
    const { publicKey, privateKey } = newKeys()
    const der = writeCertificate({
      // A common name has at most 64 letters (RFC 5280, appendix A.1); what counts are the hosts below.
      subject: hosts[0]!.slice(0, 64),
      issuer: this.#name,
      publicKey,
      issuerKey: this.#key,
      notBeforeMs: validFromMs,
      notAfterMs: Math.min(validFromMs + validDays * dayMs, this.#endsMs),
      role: 'leaf',
      hosts: names,
    })
    return { key: pemOfKey(privateKey), cert: pemOf(der) }
  }

  issueFiles(file: string, options: IssueOptions): CertificateFiles {
    if (this.#folder === undefined) {
      throw new QpsError('QPS_OPTION', 'this authority has no folder to write to', {
        hint: 'give createAuthority a directory',
      })
    }
    if (typeof file !== 'string' || !/^[\w-]{1,64}$/.test(file) || file === 'authority') {
      throw new QpsError(
        'QPS_OPTION',
        `file must be letters, digits, - and _, and not authority; not ${describe(file)}`,
      )
    }
    return this.#folder.write(file, this.issue(options))
  }
}

function newKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: curve })
}

function pemOfKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string
}
