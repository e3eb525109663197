import type { Collection } from './collection.ts'
import type { GcTrace } from './tracer.ts'

/** One event of Chrome's trace-event format. Times are in microseconds. */
interface TraceEvent {
  name: string
  /** X: something with a duration; C: a counter; M: a name. */
  ph: 'X' | 'C' | 'M'
  pid: number
  tid: number
  ts?: number
  dur?: number
  cat?: string
  args: Record<string, string | number>
}

/**
 * The trace in Chrome's trace-event format, which Perfetto (ui.perfetto.dev) and chrome://tracing open: a bar for each
 * collection and the heap's size as a curve, by thread.
 *
 * Source: Trace Event Format, the documentation of Chromium's catapult project.
 */
export function traceEvents(trace: GcTrace, pid: number): { traceEvents: TraceEvent[]; displayTimeUnit: 'ms' } {
  const events: TraceEvent[] = []
  for (const { name, threadId: tid, collections } of trace.threads) {
    events.push({ name: 'thread_name', ph: 'M', pid, tid, args: { name } })
    for (const { kind, startMs, pauseMs, heapBeforeBytes, heapAfterBytes } of collections) {
      const ts = Math.round((startMs - trace.startMs) * 1_000)
      const dur = Math.max(1, Math.round(pauseMs * 1_000))
      const sized = heapBeforeBytes !== undefined && heapAfterBytes !== undefined
      const args: TraceEvent['args'] = sized ? { heapBeforeBytes, heapAfterBytes } : {}
      events.push({ name: kind, cat: 'gc', ph: 'X', pid, tid, ts, dur, args })
      if (!sized) continue
      const heap = `heap of ${name}`
      events.push({ name: heap, cat: 'gc', ph: 'C', pid, tid, ts, args: { bytes: heapBeforeBytes } })
      events.push({ name: heap, cat: 'gc', ph: 'C', pid, tid, ts: ts + dur, args: { bytes: heapAfterBytes } })
    }
  }
  return { traceEvents: events, displayTimeUnit: 'ms' }
}

/** Lines of a timeline; the rest is summed up. */
const linesMax = 2_000

/** The trace for people: one line for each collection of all threads, in the order of time, then sums by kind. */
export function gcTimeline(trace: GcTrace): string {
  const rows = trace.threads
    .flatMap(({ name, collections }) => collections.map((collection) => ({ name, collection })))
    .toSorted((a, b) => a.collection.startMs - b.collection.startMs)
  const missed = trace.threads.reduce((sum, thread) => sum + thread.missed, 0)
  return [
    '     at s    pause ms  heap MiB before → after  kind                 thread',
    ...rows.slice(0, linesMax).map(({ name, collection }) => timelineLine(trace, name, collection)),
    ...(rows.length > linesMax ? [`… and ${rows.length - linesMax} more`] : []),
    ...(missed > 0 ? [`${missed} more were not kept`] : []),
    '',
    ...sums(rows.map(({ collection }) => collection)),
    `in ${trace.seconds.toFixed(1)} s, ${trace.threads.length === 1 ? '1 thread' : `${trace.threads.length} threads`}`,
    ...trace.lost,
    '',
  ].join('\n')
}

function timelineLine({ startMs }: GcTrace, name: string, collection: Collection): string {
  const { kind, pauseMs, heapBeforeBytes, heapAfterBytes } = collection
  const at = ((collection.startMs - startMs) / 1_000).toFixed(4).padStart(9)
  const heap = `${mebibytes(heapBeforeBytes).padStart(15)} → ${mebibytes(heapAfterBytes).padStart(6)}`
  return `${at}  ${pauseMs.toFixed(3).padStart(10)}  ${heap}  ${kind.padEnd(19)}  ${name}`
}

function mebibytes(bytes: number | undefined): string {
  return bytes === undefined ? '?' : (bytes / 1024 / 1024).toFixed(1)
}

function sums(collections: readonly Collection[]): string[] {
  const byKind = Map.groupBy(collections, ({ kind }) => kind)
  return [...byKind].map(([kind, own]) => {
    const pauses = own.map(({ pauseMs }) => pauseMs)
    const total = pauses.reduce((sum, pauseMs) => sum + pauseMs, 0)
    return `${kind}: ${own.length}, ${total.toFixed(1)} ms together, longest ${Math.max(...pauses).toFixed(2)} ms`
  })
}
