import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { checkNumber, type Clock, QpsError, systemClock } from '@qps/core'
import type { KeyAndCertificate } from '../authority/authority.ts'
import { tlsError } from '../errors.ts'
import { checkPair } from './check-pair.ts'

export interface WatchCertificateOptions {
  /** PEM; the leaf first. */
  certFile: string
  /** PEM, without a passphrase. */
  keyFile: string
  /**
   * Called with each new pair that is good, never with the first: give it to `setSecureContext`. What it throws goes to
   * `onError`, and the pair before stays the current one.
   */
  onChange: (pair: KeyAndCertificate) => void
  /** Called once for each change of the files that cannot be used. What was in use stays in use. */
  onError: (error: QpsError) => void
  /** How often the files are looked at, in milliseconds, at least 100. Default 5000. */
  periodMs?: number
  /** Default the system's. */
  clock?: Clock
}

export interface CertificateWatch extends Disposable {
  /** The pair in use: what the files held when they were last good. */
  readonly current: KeyAndCertificate
  /** Looks at the files now, as on SIGHUP. @returns true where they had changed and the new pair is in use. */
  check(): boolean
}

/** A chain of a few certificates has some thousand bytes; a file that is larger is the wrong file. */
const fileBytesMax = 1_048_576

/**
 * Reads a certificate and its key, and again whenever the files change, until disposed of. New connections get the new
 * certificate once `onChange` has set it; open ones go on with theirs.
 *
 * The files are compared by inode, size and time of change, not watched: that also sees what is replaced by a rename or a
 * changed symbolic link. Where one file is new and the other is not yet, the pair does not fit: that is reported, the old pair
 * serves on, and the next look finds both. Blocks for two reads of small files, where something changed.
 *
 * @throws QpsError where the first pair cannot be used: QPS_TLS_FILE, QPS_TLS_CERTIFICATE, QPS_TLS_KEY, QPS_TLS_PAIR,
 * QPS_TLS_VALIDITY; QPS_OPTION.
 * @example
 * const options = (pair) => secureContextOptions({ ...pair, tickets })
 * using watch = watchCertificate({ certFile, keyFile, onError, onChange: (pair) => server.setSecureContext(options(pair)) })
 * const server = createServer(options(watch.current))
 */
export function watchCertificate(options: WatchCertificateOptions): CertificateWatch {
  const { onChange, onError, clock = systemClock } = options
  const files = [resolve(options.certFile), resolve(options.keyFile)] as const
  const periodMs = checkNumber('periodMs', options.periodMs ?? 5000, { min: 100 })
  const load = (): KeyAndCertificate => {
    const [cert, key] = [readText(files[0]), readText(files[1])]
    checkPair(cert, key, clock.wallMs())
    return { cert, key }
  }

  let seen = files.map(stateOf).join()
  let current = load()
  function check(): boolean {
    const state = files.map(stateOf).join()
    if (state === seen) return false
    seen = state
    try {
      const pair = load()
      onChange(pair)
      current = pair
      return true
    } catch (error) {
      onError(reloadError(error, files))
      return false
    }
  }
  const timer = clock.every(periodMs, check)
  return {
    get current() {
      return current
    },
    check,
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  }
}

function readText(file: string): string {
  try {
    const { size } = statSync(file)
    if (size > fileBytesMax)
      throw tlsError('QPS_TLS_FILE', `${file} has ${size} bytes, at most ${fileBytesMax} are read`)
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if (cause instanceof QpsError) throw cause
    throw tlsError('QPS_TLS_FILE', `${file} cannot be read`, cause)
  }
}

/** Another text for another content, also where a file is not there. */
function stateOf(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? 'none' : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`
}

function reloadError(error: unknown, [certFile, keyFile]: readonly [string, string]): QpsError {
  const known = error instanceof QpsError ? error : tlsError('QPS_TLS_CERTIFICATE', 'the server refused it', error)
  const message = `${certFile} and ${keyFile} are not taken, the certificate before stays in use: ${known.message}`
  return new QpsError(known.code, message, { cause: known, ...(known.hint !== undefined && { hint: known.hint }) })
}
