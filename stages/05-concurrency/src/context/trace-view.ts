import type { Drawing, DrawnRow, StageView } from '@qps/console'
import type { AdminRoute } from '@qps/http-contract'
import { type SpanRecord, type SpanStore, waterfall } from '@qps/tracing'
import { budgetAttribute } from './spans.ts'

const nothingYet = 'no request yet: POST /checkout'

/** The latest trace, or that of `?id=`, as a waterfall. */
export function traceView(store: SpanStore): StageView {
  return {
    name: 'trace',
    key: 't',
    title: 'A request through five processes',
    text: (query) => waterfall(chosen(store, query)) || nothingYet,
    draw: (query) => drawTrace(chosen(store, query)),
  }
}

/** `GET /traces` of the admin port: the spans of a trace as JSON; of the latest, or of `?id=`. */
export function tracePage(store: SpanStore): AdminRoute {
  return async (query) => ({ contentType: 'application/json', body: `${JSON.stringify(chosen(store, query))}\n` })
}

function chosen(store: SpanStore, query: URLSearchParams): readonly SpanRecord[] {
  const id = query.get('id') ?? store.traceIds()[0]
  return id === undefined ? [] : store.spans(id)
}

function drawTrace(spans: readonly SpanRecord[]): Drawing {
  const startMs = Math.min(...spans.map((span) => span.startMs))
  const totalMs = Math.max(...spans.map((span) => span.startMs + span.durationMs)) - startMs
  const trace = spans[0]?.traceId
  return {
    caption: trace === undefined ? nothingYet : `trace ${trace}, ${totalMs.toFixed(1)} ms`,
    rows: byCaller(spans, undefined, 0).map((row) => drawSpan(row, startMs, totalMs)),
  }
}

interface PlacedSpan {
  span: SpanRecord
  depth: number
}

/** Each span above those that it has called. @param caller undefined for those whose caller is not among them. */
function byCaller(spans: readonly SpanRecord[], caller: string | undefined, depth: number): PlacedSpan[] {
  const ids = new Set(spans.map(({ spanId }) => spanId))
  const called = spans.filter(({ parentId = '' }) => (caller === undefined ? !ids.has(parentId) : parentId === caller))
  // What names itself as its own caller, or its caller's, is below nothing, and is not drawn.
  return called
    .toSorted((left, right) => left.startMs - right.startMs)
    .flatMap((span) => [{ span, depth }, ...byCaller(spans, span.spanId, depth + 1)])
}

function drawSpan({ span, depth }: PlacedSpan, startMs: number, totalMs: number): DrawnRow {
  const { service, name, durationMs, status, message, attributes } = span
  const at = span.startMs - startMs
  const failure = status === 'error' ? `, ${message ?? 'failed'}` : ''
  return {
    label: `${'  '.repeat(depth)}${service} ${name}`,
    start: at / totalMs,
    end: (at + durationMs) / totalMs,
    note: `${durationMs.toFixed(1)} of ${Number(attributes[budgetAttribute]).toFixed(0)} ms${failure}`,
    heat: status === 'error' ? 1 : 0.1 * depth,
  }
}
