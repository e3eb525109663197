/** What the collector did. V8's young generation is scavenged, all of the heap is marked and compacted. */
export type CollectionKind = 'scavenge' | 'minor mark-sweep' | 'mark-compact' | 'incremental marking' | 'weak callbacks'

/** One stop of a thread for its garbage. */
export interface Collection {
  kind: CollectionKind
  /** Milliseconds since 1970, with fractions. */
  startMs: number
  pauseMs: number
  /** Bytes in use on V8's heap; undefined where they were not recorded. */
  heapBeforeBytes: number | undefined
  heapAfterBytes: number | undefined
}

/** V8's own bits (`v8::GCType`), which `node:perf_hooks` hands on. */
export const kindByBit: ReadonlyMap<number, CollectionKind> = new Map([
  [1, 'scavenge'],
  [2, 'minor mark-sweep'],
  [4, 'mark-compact'],
  [8, 'incremental marking'],
  [16, 'weak callbacks'],
])

/** The names of `v8.GCProfiler`. */
export const kindByName: ReadonlyMap<string, CollectionKind> = new Map([
  ['Scavenge', 'scavenge'],
  ['MinorMarkCompact', 'minor mark-sweep'],
  ['MinorMarkSweep', 'minor mark-sweep'],
  ['MarkSweepCompact', 'mark-compact'],
  ['IncrementalMarking', 'incremental marking'],
  ['ProcessWeakCallbacks', 'weak callbacks'],
])

/** A collection's time, as `node:perf_hooks` tells it. */
export interface TimedCollection {
  kind: CollectionKind
  startMs: number
  pauseMs: number
}

/** A collection's heap, as `v8.GCProfiler` tells it, which knows how long it took and not when. */
export interface SizedCollection {
  kind: CollectionKind
  pauseMs: number
  heapBeforeBytes: number
  heapAfterBytes: number
}

/** Two clocks around the same collection differ by what stands between them. */
const pauseMsTolerance = 0.5

/**
 * Brings together what two observers of the same collector saw, each in order. Either may have missed some: a collection
 * without a partner keeps its time and has no heap.
 */
export function paired(timed: readonly TimedCollection[], sized: readonly SizedCollection[]): Collection[] {
  let next = 0
  return timed.map(({ kind, startMs, pauseMs }) => {
    const fits = (one: SizedCollection): boolean =>
      one.kind === kind && Math.abs(one.pauseMs - pauseMs) <= pauseMsTolerance + pauseMs / 5
    let at = next
    while (at < sized.length && at - next <= missedInARowMax && !fits(sized[at]!)) at++
    const partner = at < sized.length && at - next <= missedInARowMax ? sized[at] : undefined
    if (partner !== undefined) next = at + 1
    const { heapBeforeBytes, heapAfterBytes } = partner ?? {}
    return { kind, startMs, pauseMs, heapBeforeBytes, heapAfterBytes }
  })
}

/** How far ahead a partner is looked for. */
const missedInARowMax = 8
