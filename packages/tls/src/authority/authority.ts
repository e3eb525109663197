import type { Clock } from '@qps/core'

export interface AuthorityOptions {
  /**
   * Where the authority lives. One that is there is opened, else one is made. Readable by its owner alone; created if
   * needed. Without a folder keys are in memory only and end with the process.
   */
  directory?: string
  /** Common name of a new authority, 1 to 64 letters. Default `Local authority`. */
  name?: string
  /** How long a new authority is valid, in days, 1 to 3650. Default 365. */
  validDays?: number
  /** Default the system's; only its wall time is read. */
  clock?: Clock
}

export interface IssueOptions {
  /** 1 to 100 names and addresses that the leaf is for. */
  hosts: readonly string[]
  /** When the leaf begins to be valid, in Unix milliseconds. Default five minutes ago, for clocks that lag. */
  validFromMs?: number
  /** How long from then on, in days, more than 0, at most 825. Default 30. Never beyond the authority's own end. */
  validDays?: number
}

/** A certificate and its key, both PEM: what `tls.createServer` takes. */
export interface KeyAndCertificate {
  key: string
  cert: string
}

export interface CertificateFiles {
  keyFile: string
  certFile: string
}

/** A certificate authority for local use. Only who is given its certificate trusts it. */
export interface Authority {
  /** Its own certificate, PEM: for `ca` of a client, or for `--cacert`. */
  readonly cert: string
  /** Makes a key and a certificate for it. Blocks for the generation of one key. @throws QpsError QPS_OPTION. */
  issue(options: IssueOptions): KeyAndCertificate
  /**
   * As `issue`, and writes `<file>.key` and `<file>.pem` into the folder, mode 0600; each replaces an older one in one step,
   * the key first.
   *
   * @param file a name without folders. @throws QpsError QPS_OPTION, also where the authority has no folder.
   */
  issueFiles(file: string, options: IssueOptions): CertificateFiles
}
