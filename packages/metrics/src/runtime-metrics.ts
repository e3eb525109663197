import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { observeCollections } from './collections.ts'
import type { RuntimeTally } from './runtime-tally.ts'

/**
 * Node measures each iteration of the loop, and wakes nobody for it. Before 26 it has only a timer that asks how late it is,
 * so often: its period is part of what it reads, and an idle process never sleeps longer.
 */
const hasIterations = Number(process.versions.node.split('.')[0]) >= 26
const timerPeriodMs = hasIterations ? 0 : 10

/**
 * Upper bounds of the buckets of pauses, in seconds: six to a decade from 20 µs, so that a quantile read off them is within
 * a factor of 1.7; beyond 100 ms, where no quantile is good news, three.
 */
export const pauseBoundsS: readonly number[] = [
  0.000_02, 0.000_03, 0.000_05, 0.000_07, 0.0001, 0.000_15, 0.0002, 0.0003, 0.0005, 0.0007, 0.001, 0.0015, 0.002, 0.003,
  0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2, 0.5, 1,
]

/** What {@link runtimeMetrics} gives: an end, and a way in for other threads. */
export interface RuntimeMetrics extends Disposable {
  /** Adds what a worker has taken. Its collections stand among those of this thread, its bytes in a count of their own. */
  add(tally: RuntimeTally): void
}

/**
 * What the event loop and the collector do: utilization and delay of the loop since the previous scrape, pauses of the
 * collector by kind. Disposing of the result stops the observers.
 */
export function runtimeMetrics(registry: Registry): RuntimeMetrics {
  const delay = loopMetrics(registry)
  const pauses = new Histogram({
    name: 'nodejs_gc_duration_seconds',
    help: 'Pauses of the garbage collector, by kind.',
    labelNames: ['kind'],
    buckets: [...pauseBoundsS],
    registers: [registry],
    collect: () => observer.flush(),
  })
  const observer = observeCollections((kind, seconds) => pauses.observe({ kind }, seconds))
  // None so far is a figure too.
  for (const kind of ['scavenge', 'mark_compact']) pauses.zero({ kind })
  const workers = new Counter({
    name: 'nodejs_workers_heap_allocated_bytes_total',
    help: "Bytes allocated in the V8 heaps of the server's workers, as they last told.",
    registers: [registry],
  })
  return {
    add(tally) {
      workers.inc(tally.allocatedBytes)
      for (const [kind, seconds] of tally.pauses) pauses.observe({ kind }, seconds)
    },
    [Symbol.dispose]() {
      delay.disable()
      observer[Symbol.dispose]()
    },
  }
}

/** Utilization and delay of the loop. @returns what measures the delay, until it is disabled. */
function loopMetrics(registry: Registry): ReturnType<typeof monitorEventLoopDelay> {
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
  return delay
}
