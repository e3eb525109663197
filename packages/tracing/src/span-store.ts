import { type Attributes, type HrTime, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base'
import { planStore, type StoreOptions } from './options.ts'

export type SpanKindName = 'internal' | 'server' | 'client' | 'producer' | 'consumer'

/** A finished span as plain data, so that it can be sent as JSON from one process to another. */
export interface SpanRecord {
  readonly traceId: string
  readonly spanId: string
  /** Absent where it began the trace. */
  readonly parentId?: string
  readonly name: string
  readonly service: string
  readonly kind: SpanKindName
  /** Unix milliseconds with a fraction, by the clock of its process. */
  readonly startMs: number
  readonly durationMs: number
  readonly status: 'unset' | 'ok' | 'error'
  /** Of an error. */
  readonly message?: string
  readonly attributes: Readonly<Attributes>
}

/**
 * Finished spans by trace, in memory, bounded: for consoles and tests. The trace that was seen first leaves when there are too
 * many; what a trace has too many of is dropped and counted.
 *
 * @throws QpsError QPS_OPTION for an option out of its range.
 */
export class SpanStore {
  readonly #tracesMax: number
  readonly #spansPerTraceMax: number
  readonly #traces = new Map<string, SpanRecord[]>()
  #dropped = 0

  constructor(options: StoreOptions = {}) {
    const { tracesMax, spansPerTraceMax } = planStore(options)
    this.#tracesMax = tracesMax
    this.#spansPerTraceMax = spansPerTraceMax
  }

  /** Traces that are kept. */
  get size(): number {
    return this.#traces.size
  }

  /** Spans that there was no room for in their trace. */
  get dropped(): number {
    return this.#dropped
  }

  add(span: SpanRecord): void {
    const known = this.#traces.get(span.traceId)
    if (known !== undefined) {
      if (known.length < this.#spansPerTraceMax) known.push(span)
      else this.#dropped++
      return
    }
    if (this.#traces.size === this.#tracesMax) this.#traces.delete(this.#traces.keys().next().value!)
    this.#traces.set(span.traceId, [span])
  }

  /** The spans of a trace in the order in which they ended; none where it is not known. */
  spans(traceId: string): readonly SpanRecord[] {
    return [...(this.#traces.get(traceId) ?? [])]
  }

  /** Ids of the traces that are kept, the latest first. */
  traceIds(): string[] {
    return [...this.#traces.keys()].toReversed()
  }

  clear(): void {
    this.#traces.clear()
  }
}

/** Puts what the SDK finishes into a store. */
export class StoreProcessor implements SpanProcessor {
  readonly #store: SpanStore

  constructor(store: SpanStore) {
    this.#store = store
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    this.#store.add(recordOf(span))
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}

const kindNames: Readonly<Record<SpanKind, SpanKindName>> = {
  [SpanKind.INTERNAL]: 'internal',
  [SpanKind.SERVER]: 'server',
  [SpanKind.CLIENT]: 'client',
  [SpanKind.PRODUCER]: 'producer',
  [SpanKind.CONSUMER]: 'consumer',
}
const statusNames = {
  [SpanStatusCode.UNSET]: 'unset',
  [SpanStatusCode.OK]: 'ok',
  [SpanStatusCode.ERROR]: 'error',
} as const

/** A span of the SDK as plain data. */
export function recordOf(span: ReadableSpan): SpanRecord {
  const { traceId, spanId } = span.spanContext()
  const { parentSpanContext, status } = span
  return {
    traceId,
    spanId,
    ...(parentSpanContext && { parentId: parentSpanContext.spanId }),
    name: span.name,
    service: String(span.resource.attributes['service.name']),
    kind: kindNames[span.kind],
    startMs: millisecondsOf(span.startTime),
    durationMs: millisecondsOf(span.duration),
    status: statusNames[status.code],
    ...(status.message !== undefined && { message: status.message }),
    attributes: { ...span.attributes },
  }
}

function millisecondsOf([seconds, nanoseconds]: HrTime): number {
  return seconds * 1e3 + nanoseconds / 1e6
}
