import { type Context, isSampled } from '@qps/context'
import { messageOf, QpsError } from '@qps/core'
import {
  type AttributeValue,
  context as contexts,
  propagation,
  type Span,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  trace,
  type Tracer as ApiTracer,
  type TracerProvider,
} from '@opentelemetry/api'
import { ApiProvider } from './api-provider.ts'
import { SharedContextManager } from './context-manager.ts'
import { planTracer, type TracerOptions } from './options.ts'
import { TracePropagator } from './propagator.ts'
import { Recorder } from './recorder.ts'
import { spanContextOf } from './span-context.ts'
import type { SpanKindName } from './span-store.ts'

export interface StartSpanOptions {
  /** Which side of a call it is. Default `internal`. */
  kind?: SpanKindName
  /** At most 64; names as in OpenTelemetry's semantic conventions. */
  attributes?: Readonly<Record<string, AttributeValue>>
}

const kinds: Readonly<Record<SpanKindName, SpanKind>> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
}

/**
 * Makes the spans of one service.
 *
 * What it costs (scenario 05-context): a span that is not recorded is an id, an object and a child context; a recorded one is
 * made by OpenTelemetry's SDK, with clocks read, attributes copied and a place in a queue. Whether a trace is recorded is
 * therefore decided once, where it begins, by its id; everybody after that does what the flag says. At the border to callers
 * that are not trusted, begin anew: `extractHttp(fields).withTrace(undefined)`.
 *
 * @throws QpsError QPS_OPTION for an option out of its range.
 * @example
 * const tracer = createTracer({ service: 'orders', sampler: 0.01, exporter: await otlpExporter(url) })
 * using span = tracer.start(context, 'load order', { kind: 'client' })
 * await fetch(url, { headers: injectHttp(span.context, {}) })
 */
export function createTracer(options: TracerOptions): Tracer {
  return new Tracer(options)
}

export class Tracer implements AsyncDisposable {
  readonly service: string
  /** For libraries that make spans through OpenTelemetry's API. */
  readonly provider: TracerProvider
  readonly #recorder: Recorder
  readonly #tracer: ApiTracer

  constructor(options: TracerOptions) {
    const plan = planTracer(options)
    this.service = plan.service
    this.#recorder = new Recorder(plan)
    this.#tracer = this.#recorder.provider.getTracer(plan.service)
    this.provider = new ApiProvider(this.#recorder)
  }

  /** A span below the place of `context`, or the first of a new trace. To be ended. */
  start(context: Context, name: string, options: StartSpanOptions = {}): TracedSpan {
    const place = this.#recorder.place(context.trace)
    const child = context.withTrace(place)
    if (!isSampled(place)) return new TracedSpan(child, undefined)
    const { kind = 'internal', attributes } = options
    const spanOptions: SpanOptions = { kind: kinds[kind], ...(attributes && { attributes: { ...attributes } }) }
    return new TracedSpan(child, this.#recorder.record(this.#tracer, name, spanOptions, place, context.trace))
  }

  /** Runs `work` in a span, which ends when its promise settles and has failed where that rejects. */
  async trace<T>(
    context: Context,
    name: string,
    work: (context: Context, span: TracedSpan) => T | PromiseLike<T>,
    options?: StartSpanOptions,
  ): Promise<T> {
    using span = this.start(context, name, options)
    try {
      return await work(span.context, span)
    } catch (error) {
      span.fail(error)
      throw error
    }
  }

  /**
   * Makes this what OpenTelemetry's API uses in this thread: provider, propagator and current context. Disposing of the result
   * ends that.
   *
   * @throws QpsError QPS_TRACING_REGISTERED where something else is registered there.
   */
  register(): Disposable {
    const isTracing = trace.setGlobalTracerProvider(this.provider)
    const isPropagating = isTracing && propagation.setGlobalPropagator(new TracePropagator())
    const isCurrent = isPropagating && contexts.setGlobalContextManager(new SharedContextManager())
    if (isCurrent) return { [Symbol.dispose]: unregister }
    if (isPropagating) propagation.disable()
    if (isTracing) trace.disable()
    throw new QpsError(
      'QPS_TRACING_REGISTERED',
      "OpenTelemetry's API is in use by another provider, propagator or manager",
      {
        hint: 'register one tracer per thread, and dispose of its registration before the next one',
      },
    )
  }

  /** Sends what waits for the exporter. */
  flush(): Promise<void> {
    return this.#recorder.provider.forceFlush()
  }

  /** The same, and the end of the exporter. Spans that end later are lost. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#recorder.provider.shutdown()
  }
}

function unregister(): void {
  contexts.disable()
  propagation.disable()
  trace.disable()
}

/** An operation under way. What is not recorded has the same methods, and they do nothing. */
export class TracedSpan implements Disposable {
  /** The context of the operation: its trace is at this span. What it calls is given this one. */
  readonly context: Context
  readonly #span: Span | undefined

  constructor(context: Context, span: Span | undefined) {
    this.context = context
    this.#span = span
  }

  /** For attributes that cost something to find out. */
  get isRecorded(): boolean {
    return this.#span !== undefined
  }

  /** The span as OpenTelemetry's API has it, for instance to set it on a context of that API. */
  get span(): Span {
    return this.#span ?? trace.wrapSpanContext(spanContextOf(this.context.trace!, false))
  }

  set(name: string, value: AttributeValue): this {
    this.#span?.setAttribute(name, value)
    return this
  }

  /** Something happened, now. */
  event(name: string, attributes?: Readonly<Record<string, AttributeValue>>): this {
    this.#span?.addEvent(name, attributes && { ...attributes })
    return this
  }

  /** It has failed: its status is an error with this message, and the error's code is an attribute. */
  fail(error: unknown): this {
    const code = error instanceof QpsError ? error.code : error instanceof Error ? error.name : typeof error
    this.#span?.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) })
    return this
  }

  end(): void {
    if (this.#span?.isRecording() === true) this.#span.end()
  }

  [Symbol.dispose](): void {
    this.end()
  }
}
