import type { SpanRecord } from '@qps/tracing'

/** The parts of the system that have a process of their own. The gateway is the process that all others are started by. */
export type RoleName = 'client' | 'auth' | 'order' | 'payment'

/** What a process has counted, by name. */
export type Counts = Readonly<Record<string, number>>

/** What a process is started with. */
export interface ProcessSetup {
  role: RoleName
  /** Where the others are: `http://…`, `tcp://…`. */
  addresses: Readonly<Record<string, string>>
  /** Ports that its predecessor had, by protocol; without one, a free one is picked. */
  ports?: Readonly<Record<string, number>>
}

/** Where all but the gateway listen: nobody outside of this machine has business with them. */
export const ownHost = '127.0.0.1'

/** The address in a URL, as sockets want it. */
export function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }
}

/** A role that serves. */
export interface Role {
  /** Where it serves, by protocol. */
  addresses: Readonly<Record<string, string>>
  counts(): Counts
  /** Answers what the gateway's process asks. */
  answer?(question: unknown): Promise<unknown>
  /** Ends what is under way, and then everything. */
  drain(limitMs: number): Promise<void>
}

/** What the module of a role exports. */
export interface RoleModule {
  start(setup: ProcessSetup): Promise<Role>
}

/** To a process. */
export type Order = { order: 'drain'; limitMs: number } | { order: 'answer'; id: number; question: unknown }

/** From a process. */
export type News =
  | { news: 'serving'; addresses: Readonly<Record<string, string>> }
  | { news: 'failed'; code: `QPS_${string}`; message: string; hint: string | undefined }
  | { news: 'state'; counts: Counts; spans: readonly SpanRecord[] }
  | { news: 'answer'; id: number; answer: unknown }
