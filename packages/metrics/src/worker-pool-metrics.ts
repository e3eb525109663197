import { Counter, Gauge, type Metric, type Registry } from 'prom-client'

/** Durations as a histogram of @qps/stats tells them, in microseconds. */
export interface DurationsUs {
  readonly count: number
  readonly mean: number
  percentile(ratio: number): number
}

/** What a pool of worker threads says of itself: that of @qps/workers does, by its `stats()`. */
export interface WorkerPoolFigures {
  depth: number
  waiting: number
  running: number
  threads: number
  starting: number
  bytes: number
  waitUs: DurationsUs
  runUs: DurationsUs
  endings: Readonly<Record<string, number>>
  callerRuns: number
  retried: number
  stuck: number
  lost: number
}

const quantiles = [0.5, 0.9, 0.99, 0.999] as const

/**
 * The metrics of a pool of worker threads, read when scraped: depth, wait and run time, and what became of tasks. Quantiles are
 * since the pool's start.
 *
 * @example workerPoolMetrics(registry, () => pool.stats())
 */
export function workerPoolMetrics(registry: Registry, read: () => WorkerPoolFigures): void {
  gauge(registry, 'worker_pool_tasks', 'Tasks by state: queued, running, or waiting for a place.', () => {
    const { depth: queued, running, waiting } = read()
    return { queued, running, waiting }
  })
  gauge(registry, 'worker_pool_threads', 'Threads by state.', () => {
    const { threads: ready, starting } = read()
    return { ready, starting }
  })
  new Gauge({
    name: 'worker_pool_argument_bytes',
    help: 'Bytes of the arguments of all accepted tasks.',
    registers: [registry],
    collect() {
      this.set(read().bytes)
    },
  })
  counter(registry, 'worker_pool_tasks_ended_total', 'Tasks by how they ended.', 'ending', () => read().endings)
  counter(
    registry,
    'worker_pool_threads_lost_total',
    'Threads that died, or were ended for a task that did not stop.',
    'reason',
    () => {
      const { lost: died, stuck } = read()
      return { died, stuck }
    },
  )
  counter(
    registry,
    'worker_pool_detours_total',
    'Tasks begun again on another thread, or run by their caller.',
    'kind',
    () => {
      const { retried, callerRuns: caller } = read()
      return { retried, caller }
    },
  )
  summary(
    registry,
    'worker_pool_wait_seconds',
    'From acceptance to the result, less the time that the task ran.',
    () => read().waitUs,
  )
  summary(registry, 'worker_pool_run_seconds', 'The task itself.', () => read().runUs)
}

function gauge(registry: Registry, name: string, help: string, values: () => Record<string, number>): void {
  new Gauge({
    name,
    help,
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const [state, value] of Object.entries(values())) this.set({ state }, value)
    },
  })
}

function counter(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  values: () => Readonly<Record<string, number>>,
): void {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset()
      for (const [key, value] of Object.entries(values())) this.inc({ [label]: key }, value)
    },
  })
}

/** Quantiles that are ours to know and prom-client's to render. */
function summary(registry: Registry, name: string, help: string, read: () => DurationsUs): void {
  const metric = {
    name,
    get: async () => {
      const durations = read()
      const { count, mean } = durations
      const values = [
        ...quantiles.map((quantile) => ({ labels: { quantile }, value: durations.percentile(quantile) / 1e6 })),
        { metricName: `${name}_sum`, labels: {}, value: (mean * count) / 1e6 },
        { metricName: `${name}_count`, labels: {}, value: count },
      ]
      return { name, help, type: 'summary', aggregator: 'sum', values }
    },
    reset: () => {},
  }
  registry.registerMetric(metric as unknown as Metric)
}
