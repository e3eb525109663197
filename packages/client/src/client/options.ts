import type { ConnectionOptions } from 'node:tls'
import { checkInteger, checkNumber, type Clock, describe, QpsError, type Random, systemClock } from '@qps/core'

/** Where one connection goes. */
export interface Endpoint {
  host: string
  /** 1 to 65,535. */
  port: number
}

/** Limits of a {@link PooledClient}: each has a default, and nothing is unlimited. */
export interface ClientOptions {
  /** `http://host:port` or `https://host:port`; a path is refused. */
  origin: string | URL
  /** Connections, 1 to 65,536. Default 64. */
  connectionsMax?: number
  /** Requests that wait for a connection, 0 to 1,048,576; further ones fail with QPS_CLIENT_BUSY. Default 1024. */
  queueMax?: number
  /**
   * An unused connection is closed after so long, in milliseconds, at least 1. Must be shorter than the server's idle time
   * by more than a round trip, see `idleMarginMs`. Default 30,000.
   */
  idleTimeoutMs?: number
  /**
   * Where the server announces its idle time (`Keep-Alive: timeout=…`), a connection is closed so many milliseconds before
   * that, if `idleTimeoutMs` is not sooner. A server that announces less than this gets a new connection for each request.
   * At least 0, default 1000.
   */
  idleMarginMs?: number
  /** A connection of this age carries no further request, in milliseconds, at least 1. Default 300,000. */
  lifetimeMs?: number
  /** Share of the lifetime, 0..1, by which each connection's may be shorter, at random. Default 0.1. */
  lifetimeJitterRatio?: number
  /** Name lookup, TCP and TLS handshake together, in milliseconds, at least 1. Default 5000. */
  connectTimeoutMs?: number
  /** From the request sent to the header section complete, in milliseconds; undici rounds by up to half a second. Default 10,000. */
  headersTimeoutMs?: number
  /** Between two chunks of the body, in milliseconds; undici rounds by up to half a second. Default 10,000. */
  bodyTimeoutMs?: number
  /** Requests outstanding on one connection, 1 to 1024. More than 1 lets a slow answer hold up others. Default 1. */
  pipelining?: number
  /** Default 16,384. */
  headerBytesMax?: number
  /** Bytes of an answer's body. Default 10 MiB. */
  responseBytesMax?: number
  /** Attempts of one idempotent request, 1 to 10; 1 turns retries off. Default 3. */
  attemptsMax?: number
  /** Retries per request, 0..1, over all requests. Default 0.1. */
  retryRatio?: number
  /** Retries that may precede the first requests' share, 0 to 100. Default 10. */
  retryReserve?: number
  /**
   * Where the next connection goes. Asked once per connection, so that an instance rotation is picked up within the
   * lifetime. Default: the origin's host, looked up by the system.
   */
  resolve?: () => Endpoint | Promise<Endpoint>
  /** For `https:` origins, for example `{ ca }`. */
  tls?: ConnectionOptions
  clock?: Clock
  random?: Random
}

/** What applies where an option of {@link ClientOptions} is left out. */
export const clientDefaults = {
  connectionsMax: 64,
  queueMax: 1024,
  idleTimeoutMs: 30_000,
  idleMarginMs: 1000,
  lifetimeMs: 300_000,
  lifetimeJitterRatio: 0.1,
  connectTimeoutMs: 5000,
  headersTimeoutMs: 10_000,
  bodyTimeoutMs: 10_000,
  pipelining: 1,
  headerBytesMax: 16_384,
  responseBytesMax: 10_485_760,
  attemptsMax: 3,
  retryRatio: 0.1,
  retryReserve: 10,
} as const

type LimitName = keyof typeof clientDefaults

/** Options checked and completed. */
export type ClientPlan = Record<LimitName, number> &
  Required<Pick<ClientOptions, 'resolve' | 'tls' | 'clock' | 'random'>> & { origin: URL }

/** Minimum and maximum; durations and the two ratios of time need no whole number. */
const ranges: Record<LimitName, readonly [min: number, max: number, whole?: 'whole']> = {
  connectionsMax: [1, 65_536, 'whole'],
  queueMax: [0, 1_048_576, 'whole'],
  idleTimeoutMs: [1, 86_400_000],
  idleMarginMs: [0, 86_400_000],
  lifetimeMs: [1, 2_147_483_647],
  lifetimeJitterRatio: [0, 1],
  connectTimeoutMs: [1, 3_600_000],
  headersTimeoutMs: [1, 86_400_000],
  bodyTimeoutMs: [1, 86_400_000],
  pipelining: [1, 1024, 'whole'],
  headerBytesMax: [256, 1_048_576, 'whole'],
  responseBytesMax: [1, Number.MAX_SAFE_INTEGER, 'whole'],
  attemptsMax: [1, 10, 'whole'],
  retryRatio: [0, 1],
  retryReserve: [0, 100, 'whole'],
}

/** @throws QpsError QPS_OPTION naming the option, its value and its range. */
export function planClient(options: ClientOptions): ClientPlan {
  const origin = originOf(options.origin)
  const limits = Object.entries(ranges).map(([name, [min, max, whole]]) => {
    const value = options[name as LimitName] ?? clientDefaults[name as LimitName]
    return [name, (whole ? checkInteger : checkNumber)(name, value, { min, max })]
  })
  return {
    ...(Object.fromEntries(limits) as Record<LimitName, number>),
    origin,
    resolve: options.resolve ?? (() => endpointOf(origin)),
    tls: options.tls ?? {},
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  }
}

function originOf(given: string | URL): URL {
  const url = URL.canParse(String(given)) ? new URL(given) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.search && !url.username) return url
  throw new QpsError(
    'QPS_OPTION',
    `origin must be http://host:port or https://host:port, not ${describe(String(given))}`,
    {
      hint: 'a path belongs to the request',
    },
  )
}

function endpointOf({ hostname, port, protocol }: URL): Endpoint {
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return { host, port: Number(port) || (protocol === 'https:' ? 443 : 80) }
}
