import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { join, resolve } from 'node:path'
import { systemErrorCode } from '@qps/core'
import { tlsError } from '../errors.ts'
import type { CertificateFiles, KeyAndCertificate } from './authority.ts'

/** The folder of an authority: the only place that its keys are written to. */
export interface AuthorityFolder {
  /** The authority that is there, or the one that `make` makes, kept from now on. */
  authority(make: () => KeyAndCertificate): KeyAndCertificate
  write(file: string, pair: KeyAndCertificate): CertificateFiles
}

/** Only the owner, and only files that begin their life this way: no moment at which others may read. */
const mode = { file: 0o600, folder: 0o700 } as const

/** @throws QpsError QPS_TLS_FILE where the folder can be neither found nor made. */
export function openFolder(directory: string): AuthorityFolder {
  const folder = resolve(directory)
  try {
    mkdirSync(folder, { recursive: true, mode: mode.folder })
  } catch (cause) {
    throw tlsError('QPS_TLS_FILE', `${folder} cannot be made`, cause)
  }
  return {
    authority: (make) => findOrKeep(folder, make),
    write(file, { key, cert }) {
      const files = { keyFile: join(folder, `${file}.key`), certFile: join(folder, `${file}.pem`) }
      replace(files.keyFile, key)
      replace(files.certFile, cert)
      return files
    },
  }
}

/**
 * The key's file holds the certificate too: one file appears in one step, so that of two processes that begin at once both
 * end up with the same authority. `authority.pem` beside it is the copy that may be handed out.
 */
function findOrKeep(folder: string, make: () => KeyAndCertificate): KeyAndCertificate {
  const file = join(folder, 'authority.key')
  const found = read(file)
  if (found !== undefined) return split(file, found)
  const made = make()
  const draft = `${file}.${randomUUID()}`
  try {
    writeFileSync(draft, made.key + made.cert, { mode: mode.file, flag: 'wx' })
    linkSync(draft, file)
  } catch (cause) {
    if (systemErrorCode(cause) !== 'EEXIST') throw tlsError('QPS_TLS_FILE', `${file} cannot be written`, cause)
  } finally {
    rmSync(draft, { force: true })
  }
  const kept = split(file, read(file) ?? '')
  replace(join(folder, 'authority.pem'), kept.cert)
  return kept
}

function read(file: string): string | undefined {
  try {
    // Windows has no such bits.
    if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) {
      throw tlsError('QPS_TLS_KEY_MODE', `${file} can be read by others`)
    }
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return undefined
    if (systemErrorCode(cause)?.startsWith('QPS_')) throw cause
    throw tlsError('QPS_TLS_FILE', `${file} cannot be read`, cause)
  }
}

function split(file: string, text: string): KeyAndCertificate {
  const at = text.indexOf('-----BEGIN CERTIFICATE-----')
  if (at === -1) throw tlsError('QPS_TLS_CERTIFICATE', `${file} has no certificate behind its key`)
  return { key: text.slice(0, at), cert: text.slice(at) }
}

/** A reader sees the old content or the new one, never half of it. */
function replace(file: string, text: string): void {
  const draft = `${file}.${randomUUID()}`
  try {
    writeFileSync(draft, text, { mode: mode.file, flag: 'wx' })
    renameSync(draft, file)
  } catch (cause) {
    rmSync(draft, { force: true })
    throw tlsError('QPS_TLS_FILE', `${file} cannot be written`, cause)
  }
}
