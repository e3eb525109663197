// Spans of a service.
export { createTracer, type StartSpanOptions, TracedSpan, Tracer } from './tracer.ts'
// With OpenTelemetry's API.
export { TracePropagator } from './propagator.ts'
export { spanContextOf, traceOf } from './span-context.ts'
// Where finished spans go.
export { recordOf, type SpanKindName, type SpanRecord, SpanStore } from './span-store.ts'
export { otlpExporter, type OtlpOptions } from './otlp.ts'
export { waterfall, type WaterfallOptions } from './waterfall.ts'
// Ids, and which traces are recorded.
export { traceRandom } from './random.ts'
export { isInRatio } from './sampling.ts'
// Options and bounds.
export { storeDefaults, type StoreOptions, type TracerOptions, tracingDefaults } from './options.ts'
