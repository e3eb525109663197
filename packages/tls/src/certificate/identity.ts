import { type Clock, QpsError, systemClock } from '@qps/core'
import type { KeyAndCertificate } from '../authority/authority.ts'
import { createAuthority } from '../authority/create-authority.ts'
import { watchCertificate } from './watch-certificate.ts'

export interface IdentityOptions {
  /** PEM files, both or none. None: a leaf of an authority that is made here, in memory, and ends with the process. */
  certFile?: string | undefined
  keyFile?: string | undefined
  /** Names and addresses that a leaf made here is for. Default `localhost`, `127.0.0.1`, `::1`. */
  hosts?: readonly string[]
  /** Called once for each change of the files that cannot be used; what was in use stays in use. */
  onError: (error: QpsError) => void
  /** How often the files are looked at, in milliseconds, at least 100. Default 5000. */
  periodMs?: number
  /** Default the system's. */
  clock?: Clock
}

/** The key and certificate that a process serves with, on any number of listeners. */
export interface Identity extends Disposable {
  readonly current: KeyAndCertificate
  /** The certificate to trust, PEM, where the authority was made here; undefined for files. */
  readonly authority: string | undefined
  /** Calls `use` with each new pair until disposed of, in the order of the calls. What it throws is an error of the change. */
  onChange(use: (pair: KeyAndCertificate) => void): Disposable
}

/** A year: no process is meant to serve with an authority of its own for as long. */
const ownDays = 365

/**
 * Opens the files that were named and watches them, or makes an authority and a leaf of it.
 *
 * @throws QpsError QPS_OPTION where one file is named without the other; what `watchCertificate` throws of files that cannot be used.
 * @example
 * using identity = openIdentity({ certFile, keyFile, onError: (error) => console.error(error.message) })
 */
export function openIdentity(options: IdentityOptions): Identity {
  const { certFile, keyFile, hosts = ['localhost', '127.0.0.1', '::1'], clock = systemClock } = options
  if (certFile === undefined && keyFile === undefined) return ownIdentity(hosts, clock)
  if (certFile === undefined || keyFile === undefined) {
    const [given, missing] = certFile === undefined ? ['a key', 'certificate'] : ['a certificate', 'key']
    throw new QpsError('QPS_OPTION', `${given} was given without its ${missing}`, {
      hint: 'name both files, or none for a certificate that is made at the start',
    })
  }
  const users = new Set<(pair: KeyAndCertificate) => void>()
  const watch = watchCertificate({
    certFile,
    keyFile,
    clock,
    onError: options.onError,
    ...(options.periodMs !== undefined && { periodMs: options.periodMs }),
    onChange: (pair) => {
      for (const use of users) use(pair)
    },
  })
  return {
    get current() {
      return watch.current
    },
    authority: undefined,
    onChange(use) {
      users.add(use)
      return { [Symbol.dispose]: () => void users.delete(use) }
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  }
}

function ownIdentity(hosts: readonly string[], clock: Clock): Identity {
  const authority = createAuthority({ validDays: ownDays, clock })
  return {
    current: authority.issue({ hosts, validDays: ownDays }),
    authority: authority.cert,
    onChange: () => ({ [Symbol.dispose]: () => {} }),
    [Symbol.dispose]: () => {},
  }
}
