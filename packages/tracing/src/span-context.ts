import { parseTracestate, type TraceContext, TraceState } from '@qps/context'
import { isSpanContextValid, type SpanContext } from '@opentelemetry/api'

/** Our place in a trace as OpenTelemetry has it. @param isRemote whether it is the place of another process. */
export function spanContextOf(trace: TraceContext, isRemote: boolean): SpanContext {
  return { traceId: trace.traceId, spanId: trace.parentId, traceFlags: trace.flags, traceState: trace.state, isRemote }
}

/** A place of OpenTelemetry's as ours; undefined where it is none. */
export function traceOf(span: SpanContext | undefined): TraceContext | undefined {
  if (span === undefined || !isSpanContextValid(span)) return undefined
  const { traceState } = span
  const state = traceState instanceof TraceState ? traceState : parseTracestate(traceState?.serialize())
  return { traceId: span.traceId, parentId: span.spanId, flags: span.traceFlags, state }
}
