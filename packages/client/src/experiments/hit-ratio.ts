import { pathToFileURL } from 'node:url'
import { exponential, seededRandom } from '@qps/core'
import { createClient } from '../client/create-client.ts'
import type { ClientOptions } from '../client/options.ts'
import { paceArrivals } from './arrivals.ts'
import { startIdleServer } from './idle-server.ts'
import { countTimeWait, type TimeWait } from './sockets.ts'

export interface HitRatioOptions {
  /** Mean arrivals per second, Poisson. Default 200, the article's. */
  rateQps?: number
  /** Default 10. */
  durationS?: number
  /** Connections of the pool. Default 32, the article's. */
  connectionsMax?: number
  /** Idle time of the client, in milliseconds. Default the client's. */
  idleTimeoutMs?: number
  /** Lifetime of a connection, in milliseconds. Default the client's. */
  lifetimeMs?: number
  /** Idle time of the server, in milliseconds. Default 60,000. */
  serverIdleMs?: number
  /** Mean service time, in milliseconds. Default 20. */
  serviceMs?: number
  /** Law of the service times. Default `exponential`. */
  service?: 'constant' | 'exponential'
  /** Of arrivals and service times. Default 1. */
  seed?: number
}

export interface HitRatioResult {
  requests: number
  errors: number
  /** 0..1: requests that found a connection which had served before. */
  hitRatio: number
  connectionsOpened: number
  /** The most that were open at once. */
  connectionsPeak: number
  connectionsOpen: number
  /** Connections opened in place of others: beyond the peak, per second. */
  reconnectsPerS: number
  resets: number
  retries: number
  /** Added during the run; undefined where the system does not say. */
  timeWait: TimeWait | undefined
}

/**
 * The hit ratio of a pool under a load whose shape is stated (claim 2.2c): a ratio without rate, service time, idle times and
 * duration says nothing. Server and client share this process; no timing is measured.
 *
 * @example await measureHitRatio({ rateQps: 200, connectionsMax: 32, durationS: 60 })
 */
export async function measureHitRatio(options: HitRatioOptions = {}): Promise<HitRatioResult> {
  const { rateQps = 200, durationS = 10, connectionsMax = 32, serverIdleMs = 60_000 } = options
  const { serviceMs = 20, service = 'exponential', seed = 1 } = options
  const random = seededRandom(seed)
  const drawServiceMs = service === 'constant' ? () => serviceMs : () => exponential(random, serviceMs)
  await using server = await startIdleServer({ idleTimeoutMs: serverIdleMs, drawServiceMs })
  const before = countTimeWait(server.port)
  await using client = createClient({ origin: server.origin, connectionsMax, ...idleAndLifetime(options) })
  const outcomes: Promise<boolean>[] = []
  let connectionsPeak = 0
  const requests = await paceArrivals(rateQps, durationS, random, () => {
    connectionsPeak = Math.max(connectionsPeak, client.stats.connectionsOpen)
    outcomes.push(succeeds(client))
  })
  const errors = (await Promise.all(outcomes)).filter((answered) => !answered).length
  const { hitRatio, connectionsOpened, connectionsOpen, resets, retries } = client.stats
  connectionsPeak = Math.max(connectionsPeak, connectionsOpen)
  const after = countTimeWait(server.port)
  return {
    requests,
    errors,
    hitRatio,
    connectionsOpened,
    connectionsPeak,
    connectionsOpen,
    reconnectsPerS: Math.max(0, connectionsOpened - connectionsPeak) / durationS,
    resets,
    retries,
    timeWait: before && after && { total: after.total - before.total, own: after.own - before.own },
  }
}

function idleAndLifetime({ idleTimeoutMs, lifetimeMs }: HitRatioOptions): Partial<ClientOptions> {
  return {
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    ...(lifetimeMs === undefined ? {} : { lifetimeMs }),
  }
}

async function succeeds(client: ReturnType<typeof createClient>): Promise<boolean> {
  try {
    const { statusCode, body } = await client.request({ path: '/' })
    await body.dump()
    return statusCode === 200
  } catch {
    return false
  }
}

// Run by itself: `node --conditions=@qps/source packages/client/src/experiments/hit-ratio.ts 60`, the duration in seconds.
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const result = await measureHitRatio({ durationS: Number(process.argv[2] ?? 10) })
  process.stdout.write(`${JSON.stringify(result)}\n`)
}
