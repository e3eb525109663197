import { Counter, Gauge, type Metric, type Registry } from 'prom-client'

/**
 * Upper bounds of the latency buckets, in seconds: 100 µs to 10 s in steps of 2 to 2.5, so that a quantile read off
 * them is within a factor of 2.5, and a share over a limit of 5, 50 or 500 ms is exact.
 */
export const latencyBoundsS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
]

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
  routes: { route: string; buckets: number[]; sumS: number; counts: [key: number, count: number][] }[]
  refusals: [reason: string, count: number][]
}

export function requestMetrics(registry: Registry, options: RequestMetricsOptions): RequestMetrics {
  const routes = new Map([...options.routes.slice(0, 8), 'unmatched'].map((route) => [route, new RouteTally()]))
  const unmatched = routes.get('unmatched')!
  const refusals = new Map<string, number>()

  registry.registerMetric(
    rendered({
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

/** One route's numbers as plain memory: a count per bucket, and a count per method and status. */
class RouteTally {
  /** Key: index of the method × 1000 + status. */
  readonly counts = new Map<number, number>()
  readonly #buckets = new Float64Array(latencyBoundsS.length + 1)
  #sumS = 0

  record(method: number, status: number, seconds: number, count: number): void {
    let bucket = 0
    while (bucket < latencyBoundsS.length && seconds > latencyBoundsS[bucket]!) bucket++
    this.#buckets[bucket]! += count
    this.#sumS += seconds * count
    const key = method * 1000 + status
    this.counts.set(key, (this.counts.get(key) ?? 0) + count)
  }

  /** Hands the numbers out and begins anew. */
  take(route: string): RequestTally['routes'][number] {
    const taken = { route, buckets: [...this.#buckets], sumS: this.#sumS, counts: [...this.counts] }
    this.#buckets.fill(0)
    this.#sumS = 0
    this.counts.clear()
    return taken
  }

  add({ buckets, sumS, counts }: RequestTally['routes'][number]): void {
    for (const [index, count] of buckets.entries()) this.#buckets[index]! += count
    this.#sumS += sumS
    for (const [key, count] of counts) this.counts.set(key, (this.counts.get(key) ?? 0) + count)
  }

  /** Prometheus' rows of one histogram: cumulative buckets, the last one `+Inf`, then sum and count. */
  histogramRows(route: string): MetricRow[] {
    if (this.counts.size === 0) return []
    let cumulative = 0
    const rows: MetricRow[] = [...latencyBoundsS, '+Inf'].map((le, index) => {
      cumulative += this.#buckets[index]!
      return { metricName: `${durationName}_bucket`, labels: { le, route }, value: cumulative, exemplar: null }
    })
    return [
      ...rows,
      { metricName: `${durationName}_sum`, labels: { route }, value: this.#sumS, exemplar: null },
      { metricName: `${durationName}_count`, labels: { route }, value: cumulative, exemplar: null },
    ]
  }
}

interface MetricRow {
  metricName: string
  labels: Record<string, string | number>
  value: number
  exemplar: null
}

/**
 * A histogram that is ours to count and prom-client's to render: it renders whatever has a name and answers `get`.
 * Its own Histogram would want to be told of every observation.
 */
function rendered({ name, help, rows }: { name: string; help: string; rows: () => MetricRow[] }): Metric {
  const metric = {
    name,
    get: async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: rows() }),
    reset: () => {},
  }
  return metric as unknown as Metric
}
