import type { Context } from '@qps/context'
import {
  createTracer,
  otlpExporter,
  type SpanKindName,
  type SpanRecord,
  SpanStore,
  type TracedSpan,
  type Tracer,
} from '@qps/tracing'

/** What was left of the budget when a span began, in milliseconds. */
export const budgetAttribute = 'request.budget_ms'

/** Traces that the gateway's process keeps, and spans of each. */
export const tracesMax = 512
export const spansPerTraceMax = 64

export function createSpanStore(): SpanStore {
  return new SpanStore({ tracesMax, spansPerTraceMax })
}

/** What has ended in this process, until it is handed over. */
const ended = createSpanStore()
const tracers: Tracer[] = []

/**
 * The tracer of a service: its spans come together in one process, and where OpenTelemetry's variable names a collector, they are
 * sent there as well.
 */
export async function serviceTracer(service: string, store: SpanStore = ended): Promise<Tracer> {
  const collector = process.env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']
  const exporter = collector === undefined ? {} : { exporter: await otlpExporter(collector) }
  const tracer = createTracer({ service, store, ...exporter })
  tracers.push(tracer)
  return tracer
}

/** A span that says with how much time it began. */
export function beginSpan(tracer: Tracer, context: Context, name: string, kind: SpanKindName): TracedSpan {
  const span = tracer.start(context, name, { kind })
  return span.isRecorded ? span.set(budgetAttribute, context.remainingMs()) : span
}

/** The spans that have ended since the last call. */
export function takeSpans(): SpanRecord[] {
  const spans = ended.traceIds().flatMap((traceId) => ended.spans(traceId))
  ended.clear()
  return spans
}

/** Sends what a collector has not got yet. No collector holds up an end. */
export async function endTracers(): Promise<void> {
  await Promise.allSettled(tracers.splice(0).map((tracer) => tracer[Symbol.asyncDispose]()))
}
