import { checkInteger, type Clock, QpsError, systemClock } from '@qps/core'
import type { Poller } from '@qps/netpoll'

/** Where a dispatcher's requests go. Exactly one of `port` and `path`. */
export interface Origin {
  /** IPv4 or IPv6 address, never a name. Default `127.0.0.1`. */
  host?: string
  /** 1..65535 */
  port?: number
  /** A unix socket's path. */
  path?: string
  /** The Host field of requests that do not bring one. Default: `host:port`, or `localhost` for a unix socket. */
  authority?: string
}

export interface DispatcherOptions {
  origin: Origin
  /** The engine that moves the bytes; it stays the caller's. Default: one of the dispatcher's own, closed with it. */
  poller?: Poller
  /** Connections at most, 1..65,536; default 64. They are opened when they are needed. */
  connectionsMax?: number
  /**
   * Requests outstanding on one connection at most, 1..1024; default 1. Only methods that are idempotent, without a body that
   * is still being made, share a connection, and only after its first answer has shown that it stays open.
   */
  pipelining?: number
  /** Requests that wait for a connection at most, 0..1,048,576; default 65,536. One more gets QPS_QUEUE_FULL. */
  queueMax?: number
  /** Status line and header fields, with chunk extensions and trailers, in bytes; default 16 KiB. */
  headerBytesMax?: number
  /** Header and trailer fields; default 100. */
  headerFieldsMax?: number
  /** A response's content in bytes; default 16 MiB. */
  responseBytesMax?: number
  /** Interim responses (1xx) before one final; default 16. */
  interimMax?: number
  /** From asking for a connection until it stands, ms; default 10,000. */
  connectTimeoutMs?: number
  /** Waiting for a connection, ms; default 30,000. */
  queueTimeoutMs?: number
  /** From sending a request, or the answer before it on the same connection, to the whole head of its answer, ms; default 30,000. */
  headTimeoutMs?: number
  /** Without a byte of the body, whoever is at fault: a server that stalls or a reader that does not read, ms; default 30,000. */
  bodyTimeoutMs?: number
  /**
   * From sending a request to the end of its answer, ms; default 300,000. However steadily it comes, and while its reader
   * pauses: a server that drips cannot hold a connection for longer.
   */
  responseTimeoutMs?: number
  /** A connection without requests is closed after this, ms; default 4000: below the 5 s at which servers tend to do so. */
  idleTimeoutMs?: number
  /** One timer looks at all of these, so often, 5..10,000 ms; default 250. Timeouts are exact to one look. */
  sweepMs?: number
  /**
   * Sends an idempotent request once more, on another connection, where one that had served before was closed before any
   * byte of its answer: the server's idle timeout met the request on its way. Default false.
   */
  retryOnReset?: boolean
  clock?: Clock
}

export type CheckedOptions = Required<Omit<DispatcherOptions, 'origin' | 'poller'>>

/** The defaults that the dispatcher, the documentation and the tests use. */
export const dispatcherDefaults: Readonly<CheckedOptions> = Object.freeze({
  connectionsMax: 64,
  pipelining: 1,
  queueMax: 65_536,
  headerBytesMax: 16 * 1024,
  headerFieldsMax: 100,
  responseBytesMax: 16 * 1024 * 1024,
  interimMax: 16,
  connectTimeoutMs: 10_000,
  queueTimeoutMs: 30_000,
  headTimeoutMs: 30_000,
  bodyTimeoutMs: 30_000,
  responseTimeoutMs: 300_000,
  idleTimeoutMs: 4000,
  sweepMs: 250,
  retryOnReset: false,
  clock: systemClock,
})

const dayMs = 86_400_000
const ranges = {
  connectionsMax: { min: 1, max: 65_536 },
  pipelining: { min: 1, max: 1024 },
  queueMax: { min: 0, max: 1_048_576 },
  headerBytesMax: { min: 64, max: 2 ** 24 },
  headerFieldsMax: { min: 1, max: 10_000 },
  responseBytesMax: { min: 0 },
  interimMax: { min: 0, max: 1000 },
  connectTimeoutMs: { min: 1, max: dayMs },
  queueTimeoutMs: { min: 1, max: dayMs },
  headTimeoutMs: { min: 1, max: dayMs },
  bodyTimeoutMs: { min: 1, max: dayMs },
  responseTimeoutMs: { min: 1, max: dayMs },
  idleTimeoutMs: { min: 1, max: dayMs },
  sweepMs: { min: 5, max: 10_000 },
} as const

/** @throws QpsError QPS_OPTION naming the option, its value and its range. */
export function checkOptions(options: DispatcherOptions): CheckedOptions {
  const checked: CheckedOptions = {
    ...dispatcherDefaults,
    retryOnReset: options.retryOnReset ?? false,
    clock: options.clock ?? systemClock,
  }
  for (const name of Object.keys(ranges) as (keyof typeof ranges)[]) {
    const value = options[name]
    if (value !== undefined) checked[name] = checkInteger(name, value, ranges[name])
  }
  return checked
}

/** A host, and perhaps a port: what a Host field carries. */
const authorityAllowed = /^[\w.~!$&'()*+,;=%[\]:-]+$/

/** @throws QpsError QPS_OPTION for an authority that is none. */
export function authorityOf({ host = '127.0.0.1', port, path, authority }: Origin): string {
  if (authority !== undefined) {
    if (authorityAllowed.test(authority)) return authority
    throw new QpsError('QPS_OPTION', `authority must be a host and perhaps a port, not ${JSON.stringify(authority)}`)
  }
  if (path !== undefined) return 'localhost'
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
