import { formatTraceparent, httpFields, parseTraceparent, parseTracestate, traceFlags } from '@qps/context'
import {
  type Context,
  createContextKey,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
} from '@opentelemetry/api'
import { spanContextOf, traceOf } from './span-context.ts'
import { isSuppressed } from './suppression.ts'

/** What came in, for its flags: spans of the SDK know `sampled` and no other. */
const remoteKey = createContextKey('qps: the span context that was extracted')

/**
 * W3C Trace Context level 2 for OpenTelemetry's API, over the parsers of @qps/context. Carriers are headers of whatever kind; a
 * getter that gives several lines of a field gives them as an array, in order.
 *
 * @example propagation.setGlobalPropagator(new TracePropagator())
 * Source: OpenTelemetry specification, Propagators API.
 */
export class TracePropagator implements TextMapPropagator {
  inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
    const place = traceOf(trace.getSpanContext(context))
    if (place === undefined || isSuppressed(context)) return
    const remote = context.getValue(remoteKey) as SpanContext | undefined
    const isRandom = remote?.traceId === place.traceId ? remote.traceFlags & traceFlags.random : 0
    setter.set(carrier, httpFields.traceparent, formatTraceparent({ ...place, flags: place.flags | isRandom }))
    const state = place.state.serialize()
    if (state !== '') setter.set(carrier, httpFields.tracestate, state)
  }

  /** @returns `context` as it is where nothing valid came in: then a new trace begins. */
  extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    const parent = parseTraceparent(getter.get(carrier, httpFields.traceparent))
    if (parent === undefined) return context
    const state = parseTracestate(getter.get(carrier, httpFields.tracestate))
    const remote = spanContextOf({ ...parent, state }, true)
    return trace.setSpanContext(context, remote).setValue(remoteKey, remote)
  }

  fields(): string[] {
    return [httpFields.traceparent, httpFields.tracestate]
  }
}
