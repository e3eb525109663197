import { Gauge, Histogram, type Registry } from 'prom-client'
import {
  constants,
  monitorEventLoopDelay,
  performance,
  type PerformanceEntry,
  PerformanceObserver,
} from 'node:perf_hooks'

/**
 * Node measures each iteration of the loop, and wakes nobody for it. Before 26 it has only a timer that asks how late it is,
 * so often: its period is part of what it reads, and an idle process never sleeps longer.
 */
const hasIterations = Number(process.versions.node.split('.')[0]) >= 26
const timerPeriodMs = hasIterations ? 0 : 10

/**
 * What the event loop and the collector do: utilization and delay of the loop since the previous scrape, pauses of the
 * collector by kind. Disposing of the result stops the observers.
 */
export function runtimeMetrics(registry: Registry): Disposable {
  let utilizationBefore = performance.eventLoopUtilization()
  new Gauge({
    name: 'nodejs_eventloop_utilization_ratio',
    help: 'Share of time in which the event loop was busy since the previous scrape, 0 to 1.',
    registers: [registry],
    collect() {
      const now = performance.eventLoopUtilization()
      this.set(performance.eventLoopUtilization(now, utilizationBefore).utilization)
      utilizationBefore = now
    },
  })

  const delay = monitorEventLoopDelay({ samplePerIteration: true, resolution: 10 })
  delay.enable()
  // The first iteration counts from here: it must not wait.
  setImmediate(() => {})
  const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - timerPeriodMs / 1000)
  // The maximum is registered last: its collection, after the others', opens the next window.
  const quantiles: [name: string, what: string, read: () => number][] = [
    ['p50', 'Median', () => delay.percentile(50)],
    ['p99', '99th percentile', () => delay.percentile(99)],
    ['max', 'Maximum', () => delay.max],
  ]
  for (const [name, what, read] of quantiles) {
    new Gauge({
      name: `nodejs_eventloop_delay_${name}_seconds`,
      help: `${what} time that an iteration of the event loop took, since the previous scrape.`,
      registers: [registry],
      collect() {
        this.set(delay.count === 0 ? 0 : seconds(read()))
        if (name === 'max') delay.reset()
      },
    })
  }

  const collections = new Histogram({
    name: 'nodejs_gc_duration_seconds',
    help: 'Pauses of the garbage collector, by kind.',
    labelNames: ['kind'],
    buckets: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5],
    registers: [registry],
  })
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail, duration } = entry as PerformanceEntry & { detail?: { kind?: number } }
      collections.observe({ kind: collectionKinds.get(detail?.kind ?? -1) ?? 'other' }, duration / 1000)
    }
  })
  observer.observe({ entryTypes: ['gc'] })

  return {
    [Symbol.dispose]() {
      delay.disable()
      observer.disconnect()
    },
  }
}

const collectionKinds: ReadonlyMap<number, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, 'scavenge'],
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'mark_compact'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weak_callbacks'],
])
