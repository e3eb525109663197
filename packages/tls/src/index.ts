// Certificates for local use
export type {
  Authority,
  AuthorityOptions,
  CertificateFiles,
  IssueOptions,
  KeyAndCertificate,
} from './authority/authority.ts'
export { createAuthority } from './authority/create-authority.ts'
