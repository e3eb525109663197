import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { setImmediate as nextImmediate } from 'node:timers/promises'
import { GCProfiler } from 'node:v8'
import { profileLimits } from '../options.ts'
import {
  type Collection,
  kindByBit,
  kindByName,
  paired,
  type SizedCollection,
  type TimedCollection,
} from './collection.ts'

/** What one thread's collector did. */
export interface ThreadCollections {
  collections: Collection[]
  /** Beyond `collectionsMax`: counted, not kept. */
  missed: number
}

/** An entry of the type `gc`. */
type GcEntry = PerformanceEntry & { detail: { kind: number } }

/**
 * How often what `GCProfiler` has gathered is reduced to the two figures that are wanted: it keeps some kilobytes of
 * statistics for each collection until it is asked.
 */
const reduceMs = 250

/** Records the collections of this thread from now until {@link stop}. */
export class GcRecorder implements Disposable {
  readonly #timed: TimedCollection[] = []
  readonly #sized: SizedCollection[] = []
  readonly #observer = new PerformanceObserver((list) => this.#keep(list.getEntries()))
  readonly #timer: NodeJS.Timeout | undefined
  #profiler: GCProfiler | undefined
  #missed = 0

  /** @param heap whether the heap before and after each one is wanted, which costs more than its time. */
  constructor(heap: boolean) {
    this.#observer.observe({ entryTypes: ['gc'] })
    if (!heap) return
    this.#profiler = startedProfiler()
    this.#timer = setInterval(() => this.#reduce(), reduceMs)
    this.#timer.unref()
  }

  /** Ends it. */
  async stop(): Promise<ThreadCollections> {
    this.#reduce()
    // Node hands an entry over in an immediate behind the collection, and the observer tells of it in the one after that.
    await nextImmediate()
    await nextImmediate()
    this.#keep(this.#observer.takeRecords())
    this[Symbol.dispose]()
    return { collections: paired(this.#timed, this.#sized), missed: this.#missed }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#observer.disconnect()
    this.#profiler?.stop()
    this.#profiler = undefined
  }

  #keep(entries: readonly PerformanceEntry[]): void {
    for (const { startTime, duration, detail } of entries as readonly GcEntry[]) {
      const kind = kindByBit.get(detail.kind)
      if (kind === undefined || this.#timed.length >= profileLimits.collectionsMax) this.#missed++
      else this.#timed.push({ kind, startMs: performance.timeOrigin + startTime, pauseMs: duration })
    }
  }

  #reduce(): void {
    if (this.#profiler === undefined) return
    const { statistics } = this.#profiler.stop()
    this.#profiler = startedProfiler()
    for (const { gcType, cost, beforeGC, afterGC } of statistics) {
      const kind = kindByName.get(gcType)
      if (kind === undefined || this.#sized.length >= profileLimits.collectionsMax) continue
      const heapBeforeBytes = beforeGC.heapStatistics.usedHeapSize
      this.#sized.push({
        kind,
        pauseMs: cost / 1_000,
        heapBeforeBytes,
        heapAfterBytes: afterGC.heapStatistics.usedHeapSize,
      })
    }
  }
}

function startedProfiler(): GCProfiler {
  const profiler = new GCProfiler()
  profiler.start()
  return profiler
}
