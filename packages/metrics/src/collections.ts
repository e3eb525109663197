import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'

/** What the collector did, by its kind: `mark_compact` looks at the whole heap, `scavenge` at what is young. */
export type CollectionKind = 'scavenge' | 'mark_compact' | 'incremental' | 'weak_callbacks' | 'other'

const kinds: ReadonlyMap<number, CollectionKind> = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, 'scavenge'],
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'mark_compact'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weak_callbacks'],
])

/** Watches this thread's collector until it is disposed of. */
export interface CollectionObserver extends Disposable {
  /** Tells at once of what Node has seen and not yet delivered: it does that in a later turn of the loop. */
  flush(): void
}

/** @param told called for each pause of this thread, some turns of the loop behind it. */
export function observeCollections(told: (kind: CollectionKind, seconds: number) => void): CollectionObserver {
  const tell = (entry: PerformanceEntry & { detail?: { kind?: number } }): void =>
    told(kinds.get(entry.detail?.kind ?? -1) ?? 'other', entry.duration / 1000)
  const observer = new PerformanceObserver((list) => list.getEntries().forEach(tell))
  observer.observe({ entryTypes: ['gc'] })
  return {
    flush: () => observer.takeRecords().forEach(tell),
    [Symbol.dispose]: () => observer.disconnect(),
  }
}
