import type { Drawing, StageView } from '@qps/console'
import type { AdminRoute } from '@qps/http-contract'
import type { Histogram } from '@qps/stats'
import type { WorkerPoolStats } from '@qps/workers'

/** What of a pool is looked at. */
interface Watched {
  stats(): WorkerPoolStats
}

/** @param queueMax what the queue's bar is full at. */
export function poolView(pool: Watched, queueMax: number): StageView {
  return { name: 'pool', key: 'w', title: 'The queue and its workers', draw: () => drawPool(pool.stats(), queueMax) }
}

/**
 * The queue against its bound, the threads that work, and where a task's time goes: percentiles of waiting and of running on one
 * scale.
 */
function drawPool(stats: WorkerPoolStats, queueMax: number): Drawing {
  const { depth, waiting, running, threads, waitUs, runUs, endings, callerRuns } = stats
  const longestMs = Math.max(percentileMs(waitUs, 0.99), percentileMs(runUs, 0.99), 0.001)
  const ratio = queueMax === 0 ? 0 : depth / queueMax
  const time = (label: string, histogram: Histogram, quantile: number) => {
    const ms = percentileMs(histogram, quantile)
    return { label, start: 0, end: ms / longestMs, note: `${ms.toFixed(2)} ms` }
  }
  const outcomes = Object.entries(endings).filter(([, count]) => count > 0)
  return {
    caption: [...outcomes.map(([name, count]) => `${name} ${count}`), `run by the caller ${callerRuns}`].join(', '),
    rows: [
      {
        label: 'queue',
        start: 0,
        end: ratio,
        note: `${depth} of ${queueMax}, ${waiting} wait for a place`,
        heat: ratio,
      },
      { label: 'threads', start: 0, end: running / Math.max(1, threads), note: `${running} of ${threads} work` },
      time('wait p50', waitUs, 0.5),
      time('wait p99', waitUs, 0.99),
      time('run p50', runUs, 0.5),
      time('run p99', runUs, 0.99),
    ],
  }
}

function percentileMs(histogram: Histogram, quantile: number): number {
  return histogram.count === 0 ? 0 : histogram.percentile(quantile) / 1000
}

/** `GET /pool` of the admin port: the same as JSON. */
export function poolPage(pool: Watched, queueMax: number): AdminRoute {
  return async () => {
    const { waitUs, runUs, ...counts } = pool.stats()
    const times = { waitMs: percentiles(waitUs), runMs: percentiles(runUs) }
    return { contentType: 'application/json', body: `${JSON.stringify({ queueMax, ...counts, ...times })}\n` }
  }
}

function percentiles(histogram: Histogram): Record<string, number> {
  return { p50: percentileMs(histogram, 0.5), p99: percentileMs(histogram, 0.99) }
}
