import type { HostPort, QuichePathEvent } from '../binding/quiche.ts'

/**
 * A step of a connection's move from one address to another.
 *
 *   probed     a PATH_CHALLENGE goes out on this path: the client wants to move there, or the server saw it come from there
 *   validated  the PATH_RESPONSE has come back: whoever is there receives what is sent there
 *   failed     it has not come
 *   migrated   from now on the connection uses this path
 *   closed     the path is given up
 */
export interface PathEvent {
  kind: 'probed' | 'validated' | 'failed' | 'migrated' | 'closed'
  /** Our end of the path. */
  local: HostPort
  /** The other end. */
  peer: HostPort
  /** Of `migrated`: the path that was used until now. */
  before?: { local: HostPort; peer: HostPort }
}

const kinds: Readonly<Record<string, PathEvent['kind']>> = {
  New: 'probed',
  Validated: 'validated',
  FailedValidation: 'failed',
  Closed: 'closed',
}

/** @returns undefined for an event that is no step of a move. */
export function pathEventOf(event: QuichePathEvent): PathEvent | undefined {
  if (event.type === 'PeerMigrated') return { kind: 'migrated', local: event.old, peer: event.new }
  if (event.type === 'ReusedSourceConnectionId') return undefined
  const kind = kinds[event.type]
  return kind === undefined ? undefined : { kind, local: event.local, peer: event.peer }
}
