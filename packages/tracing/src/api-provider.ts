import { isSampled } from '@qps/context'
import {
  context as active,
  type Context,
  INVALID_SPAN_CONTEXT,
  type Span,
  type SpanOptions,
  trace,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api'
import type { Recorder } from './recorder.ts'
import { spanContextOf, traceOf } from './span-context.ts'
import { isSuppressed } from './suppression.ts'

/** A recorder as OpenTelemetry's API asks for tracers: for libraries that make spans through the API. */
export class ApiProvider implements TracerProvider {
  readonly #recorder: Recorder

  constructor(recorder: Recorder) {
    this.#recorder = recorder
  }

  getTracer(name: string, version?: string, options?: { schemaUrl?: string }): Tracer {
    return new ApiTracer(this.#recorder, this.#recorder.provider.getTracer(name, version, options))
  }
}

class ApiTracer implements Tracer {
  readonly #recorder: Recorder
  readonly #tracer: Tracer

  constructor(recorder: Recorder, tracer: Tracer) {
    this.#recorder = recorder
    this.#tracer = tracer
  }

  startSpan(name: string, options: SpanOptions = {}, context: Context = active.active()): Span {
    if (isSuppressed(context)) return trace.wrapSpanContext(INVALID_SPAN_CONTEXT)
    const parent = options.root === true ? undefined : traceOf(trace.getSpanContext(context))
    const place = this.#recorder.place(parent)
    if (!isSampled(place)) return trace.wrapSpanContext(spanContextOf(place, false))
    return this.#recorder.record(this.#tracer, name, options, place, context)
  }

  startActiveSpan<F extends (span: Span) => unknown>(name: string, fn: F): ReturnType<F>
  startActiveSpan<F extends (span: Span) => unknown>(name: string, options: SpanOptions, fn: F): ReturnType<F>
  startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    options: SpanOptions,
    context: Context,
    fn: F,
  ): ReturnType<F>
  startActiveSpan<F extends (span: Span) => unknown>(name: string, ...rest: unknown[]): ReturnType<F> {
    const fn = rest.pop() as F
    const [options = {}, context = active.active()] = rest as [SpanOptions?, Context?]
    const span = this.startSpan(name, options, context)
    return active.with(trace.setSpan(context, span), fn as (span: Span) => ReturnType<F>, undefined, span)
  }
}
