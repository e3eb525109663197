import { childTrace, startTrace, type TraceContext, traceFlags } from '@qps/context'
import { type Context, ROOT_CONTEXT, type Span, type SpanOptions, trace, type Tracer } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  type IdGenerator,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { type TracerPlan, tracingDefaults } from './options.ts'
import { spanContextOf } from './span-context.ts'
import { StoreProcessor } from './span-store.ts'

/** Ids that were drawn beforehand: whether to record is decided before the SDK hears of a span. */
class PreparedIds implements IdGenerator {
  prepared: TraceContext | undefined

  generateTraceId(): string {
    return this.prepared!.traceId
  }
  generateSpanId(): string {
    return this.prepared!.parentId
  }
}

/**
 * Decides, and hands what is recorded to the SDK. The decision is made at the first span of a trace and never again: a span that
 * is not recorded is two ids, and the SDK, which takes microseconds for each, is not asked.
 */
export class Recorder {
  readonly provider: BasicTracerProvider
  readonly #plan: TracerPlan
  readonly #ids = new PreparedIds()

  constructor(plan: TracerPlan) {
    this.#plan = plan
    const { attributesMax, attributeLengthMax, eventsMax, linksMax } = tracingDefaults
    this.provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': plan.service }),
      sampler: new AlwaysOnSampler(),
      idGenerator: this.#ids,
      spanProcessors: processorsOf(plan),
      spanLimits: {
        attributeCountLimit: attributesMax,
        attributeValueLengthLimit: attributeLengthMax,
        eventCountLimit: eventsMax,
        linkCountLimit: linksMax,
        attributePerEventCountLimit: attributesMax,
        attributePerLinkCountLimit: attributesMax,
      },
    })
  }

  /** The place of a new span below `parent`, or of the first of a trace. */
  place(parent: TraceContext | undefined): TraceContext {
    if (parent !== undefined) return childTrace(parent, this.#plan.random)
    const first = startTrace(this.#plan.random)
    return this.#plan.isSampled(first.traceId) ? { ...first, flags: first.flags | traceFlags.sampled } : first
  }

  /** A span of the SDK for a place that is recorded. */
  record(
    tracer: Tracer,
    name: string,
    options: SpanOptions,
    place: TraceContext,
    parent: Context | TraceContext | undefined,
  ): Span {
    this.#ids.prepared = place
    const span = tracer.startSpan(name, options, contextOf(parent))
    // The SDK knows one flag; the other belongs to the trace, and is to reach whoever is called.
    span.spanContext().traceFlags = place.flags
    return span
  }
}

function contextOf(parent: Context | TraceContext | undefined): Context {
  if (parent === undefined) return ROOT_CONTEXT
  return 'traceId' in parent ? trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent, true)) : parent
}

function processorsOf({ store, exporter }: TracerPlan): SpanProcessor[] {
  const { queueMax, batchMax, batchMs, exportTimeoutMs } = tracingDefaults
  const processors: SpanProcessor[] = []
  if (store !== undefined) processors.push(new StoreProcessor(store))
  if (exporter !== undefined) {
    const bounds = {
      maxQueueSize: queueMax,
      maxExportBatchSize: batchMax,
      scheduledDelayMillis: batchMs,
      exportTimeoutMillis: exportTimeoutMs,
    }
    processors.push(new BatchSpanProcessor(exporter, bounds))
  }
  return processors
}
