import type { Metric } from 'prom-client'

/**
 * Upper bounds of the latency buckets, in seconds: 100 µs to 10 s in steps of 2 to 2.5, so that a quantile read off
 * them is within a factor of 2.5, and a share over a limit of 5, 50 or 500 ms is exact.
 */
export const latencyBoundsS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
]

/** Durations that were taken out of buckets, as plain data. */
export interface TakenBuckets {
  /** A count for each of `latencyBoundsS`, and one for what is longer. Not cumulative. */
  buckets: number[]
  sumS: number
}

/** Durations counted in the buckets of {@link latencyBoundsS}: plain memory until somebody scrapes. */
export class LatencyBuckets {
  readonly #counts = new Float64Array(latencyBoundsS.length + 1)
  #sumS = 0

  /** A scan of 15 bounds and two additions; allocates nothing. */
  record(seconds: number, count: number): void {
    let bucket = 0
    while (bucket < latencyBoundsS.length && seconds > latencyBoundsS[bucket]!) bucket++
    this.#counts[bucket]! += count
    this.#sumS += seconds * count
  }

  /** Hands the numbers out and begins anew. */
  take(): TakenBuckets {
    const taken = { buckets: [...this.#counts], sumS: this.#sumS }
    this.#counts.fill(0)
    this.#sumS = 0
    return taken
  }

  add({ buckets, sumS }: TakenBuckets): void {
    for (const [index, count] of buckets.entries()) this.#counts[index]! += count
    this.#sumS += sumS
  }

  /** Prometheus' rows of one histogram: cumulative buckets, the last one `+Inf`, then sum and count. */
  rows(name: string, labels: Readonly<Record<string, string>>): MetricRow[] {
    let cumulative = 0
    const rows: MetricRow[] = [...latencyBoundsS, '+Inf'].map((le, index) => {
      cumulative += this.#counts[index]!
      return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: cumulative, exemplar: null }
    })
    return [
      ...rows,
      { metricName: `${name}_sum`, labels, value: this.#sumS, exemplar: null },
      { metricName: `${name}_count`, labels, value: cumulative, exemplar: null },
    ]
  }
}

/** A line of the exposition, as prom-client renders it. */
export interface MetricRow {
  metricName: string
  labels: Readonly<Record<string, string | number>>
  value: number
  exemplar: null
}

/**
 * A histogram that is ours to count and prom-client's to render: it renders whatever has a name and answers `get`.
 * Its own Histogram would want to be told of every observation.
 */
export function renderedHistogram({
  name,
  help,
  rows,
}: {
  name: string
  help: string
  rows: () => MetricRow[]
}): Metric {
  const metric = {
    name,
    get: async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: rows() }),
    reset: () => {},
  }
  return metric as unknown as Metric
}
