import { siblingModule } from '@qps/core'
import { startChild } from './child.ts'
import { startIdleServer } from './idle-server.ts'

/** How requests are made in {@link runCycles}. */
export type CyclesSubject =
  /** One client for all requests. */
  | 'client'
  /** Our connection pool over sockets of node:net. */
  | 'connection-pool'
  /** A pool of undici for each handful of requests, dropped without a close: what a pool of transports becomes (erratum E10). */
  | 'dropped-pools'

export interface CyclesOptions {
  subject: CyclesSubject
  /** Get, round trip, put. */
  cycles: number
  /** So many at a time. */
  concurrency: number
  connectionsMax: number
}

export interface CyclesResult {
  /** Descriptors that the process has more than before, after a forced collection: its sockets. */
  sockets: number
  /** Connections that the server still has open. */
  serverConnections: number
  /** Connections that it accepted in all. */
  accepted: number
  errors: number
}

/**
 * Runs cycles of get, round trip and put in a process of its own, forces a collection there, and counts what is left
 * (claim 2.4c). A bounded pool leaves its maximum, whatever the number of cycles; what was dropped instead of closed stays,
 * for the collector does not close a socket that the event loop still watches.
 */
export async function runCycles(options: CyclesOptions): Promise<CyclesResult> {
  await using server = await startIdleServer()
  await using child = startChild(siblingModule(import.meta.url, './cycles-entry'), ['--expose-gc'])
  const counted = await child.ask<Pick<CyclesResult, 'sockets' | 'errors'>>({ ...options, port: server.port })
  return { ...counted, serverConnections: server.open, accepted: server.accepted }
}
