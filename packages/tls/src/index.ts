// Certificates for local use
export type {
  Authority,
  AuthorityOptions,
  CertificateFiles,
  IssueOptions,
  KeyAndCertificate,
} from './authority/authority.ts'
export { createAuthority } from './authority/create-authority.ts'

// What a listener offers
export { contextDefaults, type SecureContextOptions, secureContextOptions, suites } from './context.ts'

// Sessions that are taken up again
export { TicketKeys, type TicketKeySet, type TicketKeysOptions } from './sessions/ticket-keys.ts'
export { readTicketSecret } from './sessions/read-secret.ts'
export { rotateTicketKeys } from './sessions/rotate.ts'
export { SessionStore, type SessionStoreOptions, type SessionStoreStats } from './sessions/session-store.ts'
export { countHandshakes, type HandshakeCounter, type HandshakeCounts } from './sessions/count-handshakes.ts'

// The listener in front
export { closeStalledHandshakes } from './front/close-stalled.ts'
export {
  createFront,
  frontDefaults,
  type TlsFront,
  type TlsFrontOptions,
  type TlsFrontStats,
} from './front/tls-front.ts'
export {
  gateDefaults,
  type GatePass,
  type GateRefusal,
  type GateStats,
  type GateVisitor,
  HandshakeGate,
  type HandshakeGateOptions,
} from './front/handshake-gate.ts'
export {
  listenSecure,
  type ListenSecureOptions,
  type SecureListener,
  type SecureListenerStats,
} from './front/listen-secure.ts'

// Certificates that change while the server runs
export { type Identity, type IdentityOptions, openIdentity } from './certificate/identity.ts'
export { checkPair } from './certificate/check-pair.ts'
export {
  type CertificateWatch,
  watchCertificate,
  type WatchCertificateOptions,
} from './certificate/watch-certificate.ts'

// What a handshake costs on the way
export { type HandshakeTrace, traceHandshake, traceHandshakes, type TraceOptions } from './trace/trace-handshake.ts'
export type { Flight } from './trace/relay.ts'
export type { TlsRecord } from './trace/record-reader.ts'
