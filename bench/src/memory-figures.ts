/** What a server says of its memory on its `/metrics`, at one moment. Counts are since its start. */
export interface MemoryFigures {
  /** In V8's heaps, of all threads that are told of. */
  allocatedBytes: number
  /** Level of what lies outside of the heap of the main thread and is held from within. */
  externalBytes: number
  /** Undefined where nobody watches the collector. */
  collections: Collections | undefined
}

export interface Collections {
  scavenges: number
  markCompacts: number
  /** Pauses of every kind, in ascending order of `upToS`; each count holds those before it. The last one is without a bound. */
  pauses: readonly PauseCount[]
}

export interface PauseCount {
  upToS: number
  count: number
}

const sample = /^([a-z_]+)(?:\{([^}]*)\})? (\S+)$/

/**
 * Finds the figures in the text format of Prometheus.
 *
 * @returns undefined where the server does not count what it allocates.
 */
export function memoryFigures(text: string): MemoryFigures | undefined {
  const samples = text.split('\n').flatMap((line) => {
    const [, name = '', labels = '', value = ''] = sample.exec(line) ?? []
    return name === '' ? [] : [{ name, labels, value: Number(value) }]
  })
  const sum = (name: string, label = ''): number | undefined => {
    const found = samples.filter((each) => each.name === name && each.labels.includes(label))
    return found.length === 0 ? undefined : found.reduce((total, { value }) => total + value, 0)
  }
  const allocatedBytes = sum('nodejs_heap_allocated_bytes_total')
  if (allocatedBytes === undefined) return undefined
  const scavenges = sum('nodejs_gc_duration_seconds_count', 'kind="scavenge"')
  const markCompacts = sum('nodejs_gc_duration_seconds_count', 'kind="mark_compact"')
  const isWatched = scavenges !== undefined && markCompacts !== undefined
  const buckets = samples.filter(({ name }) => name === 'nodejs_gc_duration_seconds_bucket')
  return {
    allocatedBytes: allocatedBytes + (sum('nodejs_workers_heap_allocated_bytes_total') ?? 0),
    externalBytes: sum('nodejs_external_memory_bytes') ?? NaN,
    collections: isWatched ? { scavenges, markCompacts, pauses: pausesOf(buckets) } : undefined,
  }
}

/** Adds up the kinds, bucket by bucket. */
function pausesOf(buckets: readonly { labels: string; value: number }[]): PauseCount[] {
  const counts = new Map<number, number>()
  for (const { labels, value } of buckets) {
    const bound = /(?:^|,)le="([^"]+)"/.exec(labels)?.[1] ?? ''
    const upToS = bound === '+Inf' ? Infinity : Number(bound)
    counts.set(upToS, (counts.get(upToS) ?? 0) + value)
  }
  return [...counts].map(([upToS, count]) => ({ upToS, count })).toSorted((left, right) => left.upToS - right.upToS)
}

/** What happened between two moments. Every bucket that is there later was there before, or was empty. */
export function pausesBetween(before: readonly PauseCount[], after: readonly PauseCount[]): PauseCount[] {
  const earlier = new Map(before.map(({ upToS, count }) => [upToS, count]))
  return after.map(({ upToS, count }) => ({ upToS, count: count - (earlier.get(upToS) ?? 0) }))
}

/**
 * The pause that a share of all pauses does not exceed, read off the buckets: within one, pauses are taken to be spread
 * evenly. So Prometheus' `histogram_quantile` does it.
 *
 * @param quantile 0 to 1. @returns seconds; beyond the last bound that bound; NaN where there was no pause.
 */
export function pauseQuantile(pauses: readonly PauseCount[], quantile: number): number {
  const total = pauses.at(-1)?.count ?? 0
  if (total === 0) return NaN
  const rank = quantile * total
  const index = pauses.findIndex(({ count }) => count >= rank)
  const { upToS, count } = pauses[index]!
  const below = pauses[index - 1] ?? { upToS: 0, count: 0 }
  if (upToS === Infinity) return below.upToS
  const share = count === below.count ? 1 : (rank - below.count) / (count - below.count)
  return below.upToS + (upToS - below.upToS) * share
}
