import { Counter, Gauge, type Registry } from 'prom-client'
import { LatencyBuckets, type MetricRow, renderedHistogram, type TakenBuckets } from './latency-buckets.ts'

export interface RequestMetricsOptions {
  /** The routes that may appear as a label; anything else counts as `unmatched`. At most 8, which bounds the series. */
  routes: readonly string[]
  /** Read when scraped: requests that have begun and not ended. */
  inFlight: () => number
}

/** A method is a label only if it is one of these: a client can invent methods, and each would be a series for ever. */
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

const durationName = 'http_server_request_duration_seconds'

/** Prometheus keeps every series for ever; a metric here has at most this many. */
const seriesMax = 200

/**
 * The request metrics of a server: duration by route, count by method, route and status, refusals by reason, in flight.
 *
 * Performance contract: `record` does no allocation after the first request of a kind, builds no string and touches
 * no library: two map look-ups and a scan of 15 bounds. prom-client, whose labelled `observe` hashes its labels into a
 * string on every call, sees the numbers only when somebody scrapes. Scenario: `01-minimal-server`, `observed`.
 *
 * @example
 * const metrics = requestMetrics(registry, { routes: ['/'], inFlight: () => 0 })
 * metrics.record('GET', '/', 200, 0.0012)
 */
export interface RequestMetrics {
  /**
   * @param seconds from the first byte parsed to the last byte handed to the socket.
   * @param count of requests of which all of this is true. Default 1.
   */
  record(method: string, route: string, status: number, seconds: number, count?: number): void
  /** A request or connection that was turned away before it reached the router. `reason` is from a fixed list. */
  refused(reason: string): void
  /** Everything recorded since the previous call, as plain data: a worker thread sends it to where the port is. */
  take(): RequestTally
  /** Adds what another thread has taken. */
  add(tally: RequestTally): void
}

/** What was recorded in a while. Buckets are those of `latencyBoundsS` and one above; counts by method × 1000 + status. */
export interface RequestTally {
  routes: (TakenBuckets & { route: string; counts: [key: number, count: number][] })[]
  refusals: [reason: string, count: number][]
}

export function requestMetrics(registry: Registry, options: RequestMetricsOptions): RequestMetrics {
  const routes = new Map([...options.routes.slice(0, 8), 'unmatched'].map((route) => [route, new RouteTally()]))
  const unmatched = routes.get('unmatched')!
  const refusals = new Map<string, number>()

  registry.registerMetric(
    renderedHistogram({
      name: durationName,
      help: 'Time from the parsed header section to the last byte handed to the socket, by route.',
      rows: () => [...routes].flatMap(([route, tally]) => tally.histogramRows(route)),
    }),
  )

  new Counter({
    name: 'http_server_requests_total',
    help: 'Requests answered, by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
    collect() {
      this.reset()
      let series = 0
      for (const [route, tally] of routes) {
        for (const [key, count] of tally.counts) {
          const label =
            series++ < seriesMax - 1
              ? { method: methods[Math.floor(key / 1000)] ?? 'other', route, status: key % 1000 }
              : overflow
          this.inc(label, count)
        }
      }
    },
  })
  new Counter({
    name: 'http_server_refused_total',
    help: 'Requests and connections turned away before the router, by reason.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [reason, count] of refusals) this.inc({ reason }, count)
    },
  })
  new Gauge({
    name: 'http_server_requests_in_flight',
    help: 'Requests that have begun and not ended.',
    registers: [registry],
    collect() {
      this.set(options.inFlight())
    },
  })

  const refuse = (reason: string, count: number): void => {
    if (refusals.size < seriesMax || refusals.has(reason)) refusals.set(reason, (refusals.get(reason) ?? 0) + count)
  }

  return {
    record(method, route, status, seconds, count = 1) {
      const tally = routes.get(route) ?? unmatched
      tally.record(methodIndex.get(method) ?? methods.length, status, seconds, count)
    },
    refused: (reason) => refuse(reason, 1),
    take() {
      const tally: RequestTally = {
        routes: [...routes].filter(([, { counts }]) => counts.size > 0).map(([route, each]) => each.take(route)),
        refusals: [...refusals],
      }
      refusals.clear()
      return tally
    },
    add(tally) {
      for (const part of tally.routes) (routes.get(part.route) ?? unmatched).add(part)
      for (const [reason, count] of tally.refusals) refuse(reason, count)
    },
  }
}

const methodIndex: ReadonlyMap<string, number> = new Map(methods.map((method, index) => [method, index]))
const overflow = { method: 'other', route: 'other', status: 0 }

/** One route's numbers as plain memory: its durations, and a count per method and status. */
class RouteTally {
  /** Key: index of the method × 1000 + status. */
  readonly counts = new Map<number, number>()
  readonly #durations = new LatencyBuckets()

  record(method: number, status: number, seconds: number, count: number): void {
    this.#durations.record(seconds, count)
    const key = method * 1000 + status
    this.counts.set(key, (this.counts.get(key) ?? 0) + count)
  }

  /** Hands the numbers out and begins anew. */
  take(route: string): RequestTally['routes'][number] {
    const taken = { route, ...this.#durations.take(), counts: [...this.counts] }
    this.counts.clear()
    return taken
  }

  add(part: RequestTally['routes'][number]): void {
    this.#durations.add(part)
    for (const [key, count] of part.counts) this.counts.set(key, (this.counts.get(key) ?? 0) + count)
  }

  histogramRows(route: string): MetricRow[] {
    return this.counts.size === 0 ? [] : this.#durations.rows(durationName, { route })
  }
}
