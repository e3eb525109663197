import { checkInteger, checkNumber, describe, type NumberBounds, QpsError, type Random } from '@qps/core'
import type { SpanExporter } from '@opentelemetry/sdk-trace-base'
import { traceRandom } from './random.ts'
import { isInRatio } from './sampling.ts'
import type { SpanStore } from './span-store.ts'

export interface TracerOptions {
  /** What the spans are said to be of: `service.name`. Not empty. */
  service: string
  /**
   * Which new traces are recorded: a share of them, 0 to 1, told by their ids, so that all services agree; or a function of
   * the id. A trace that has come in is recorded where its caller did. Default 1.
   */
  sampler?: number | ((traceId: string) => boolean)
  /** Where finished spans go, in batches; see `otlpExporter`. Default nowhere. */
  exporter?: SpanExporter
  /** Where finished spans are kept in memory, at once. Default nowhere. */
  store?: SpanStore
  /** Where ids come from: uniform numbers with 32 random bits. Default {@link traceRandom}. */
  random?: Random
}

/** Bounds of a tracer. Lengths are in characters. */
export const tracingDefaults = {
  /** Finished spans that wait for the exporter; further ones are dropped. */
  queueMax: 2048,
  /** Of them so many at once, or those of this time. */
  batchMax: 512,
  batchMs: 1000,
  /** How long one batch may take. */
  exportTimeoutMs: 10_000,
  /** Of a span; further ones are dropped, longer values are cut. */
  attributesMax: 64,
  attributeLengthMax: 1024,
  eventsMax: 64,
  linksMax: 32,
} as const

/** Bounds of a {@link SpanStore}. */
export const storeDefaults = { tracesMax: 1000, spansPerTraceMax: 512 } as const

export interface StoreOptions {
  /** Traces that are kept; the one that was seen first leaves. 1 to 1,000,000. Default 1000. */
  tracesMax?: number
  /** Spans of one trace; further ones are dropped and counted. 1 to 100,000. Default 512. */
  spansPerTraceMax?: number
}

export interface TracerPlan {
  service: string
  isSampled: (traceId: string) => boolean
  exporter: SpanExporter | undefined
  store: SpanStore | undefined
  random: Random
}

/** @throws QpsError QPS_OPTION naming the option and its value. */
export function planTracer(options: TracerOptions): TracerPlan {
  const { service, sampler = 1, exporter, store, random = traceRandom } = options
  if (typeof service !== 'string' || service === '') {
    throw new QpsError('QPS_OPTION', `service must be a name, not ${describe(service)}`)
  }
  return { service, isSampled: samplerOf(sampler), exporter, store, random }
}

function samplerOf(sampler: number | ((traceId: string) => boolean)): (traceId: string) => boolean {
  if (typeof sampler === 'function') return sampler
  const ratio = checkNumber('sampler', sampler, { min: 0, max: 1 })
  return (traceId) => isInRatio(traceId, ratio)
}

/** @throws QpsError QPS_OPTION naming the option, its value and its range. */
export function planStore(options: StoreOptions): Required<StoreOptions> {
  const check = (name: keyof StoreOptions, bounds: NumberBounds): number =>
    checkInteger(name, options[name] ?? storeDefaults[name], bounds)
  return {
    tracesMax: check('tracesMax', { min: 1, max: 1_000_000 }),
    spansPerTraceMax: check('spansPerTraceMax', { min: 1, max: 100_000 }),
  }
}
