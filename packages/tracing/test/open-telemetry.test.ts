import { context, propagation, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api'
import { background, childTrace, contextKey, currentContext, isSampled, runIn, startTrace } from '@qps/context'
import { seededRandom } from '@qps/core'
import { createTracer, SpanStore, spanContextOf, traceOf, TracePropagator } from '@qps/tracing'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'

const random = seededRandom(11)
const traceId = '12345678901234567890123456789012'
const parent = `00-${traceId}-1234567890123456`

describe('the propagator', () => {
  const propagator = new TracePropagator()
  const getter = {
    keys: (carrier: Record<string, unknown>) => Object.keys(carrier),
    get: (carrier: Record<string, string | string[]>, name: string) => carrier[name],
  }
  const setter = { set: (carrier: Record<string, string>, name: string, value: string) => void (carrier[name] = value) }
  const over = (carrier: Record<string, string | string[]>): Record<string, string> => {
    const out: Record<string, string> = {}
    propagator.inject(propagator.extract(ROOT_CONTEXT, carrier, getter), out, setter)
    return out
  }

  test('names its fields', () => expect(propagator.fields()).toEqual(['traceparent', 'tracestate']))

  test('sends on what came, and nothing where nothing valid came', () => {
    expect(over({ traceparent: `${parent}-03`, tracestate: 'foo=1,bar=2' })).toEqual({
      traceparent: `${parent}-03`,
      tracestate: 'foo=1,bar=2',
    })
    expect(over({ traceparent: [`${parent}-01`], tracestate: ['foo=1', 'bar=2'] })['tracestate']).toBe('foo=1,bar=2')
    expect(over({ traceparent: `${parent}-01`, tracestate: 'foo=1,@=2' })).toEqual({ traceparent: `${parent}-01` })
    for (const carrier of [{}, { tracestate: 'foo=1' }, { traceparent: [`${parent}-01`, `${parent}-01`] }]) {
      expect(over(carrier as Record<string, string>)).toEqual({})
      expect(propagator.extract(ROOT_CONTEXT, carrier, getter)).toBe(ROOT_CONTEXT)
    }
  })

  test('keeps the random flag for spans that do not know it', () => {
    const remote = propagator.extract(ROOT_CONTEXT, { traceparent: `${parent}-03` }, getter)
    const span = trace.wrapSpanContext({ traceId, spanId: '0000000000000001', traceFlags: 1 })
    const out: Record<string, string> = {}
    propagator.inject(trace.setSpan(remote, span), out, setter)
    expect(out['traceparent']).toBe(`00-${traceId}-0000000000000001-03`)
    const other = trace.wrapSpanContext({ traceId: 'f'.repeat(32), spanId: '0000000000000001', traceFlags: 1 })
    propagator.inject(trace.setSpan(remote, other), out, setter)
    expect(out['traceparent']).toMatch(/-01$/)
  })

  test('places of both kinds are the same place', () => {
    const place = startTrace(random, { sampled: true })
    expect(traceOf(spanContextOf(place, true))).toEqual(place)
    expect(traceOf({ traceId: 'x', spanId: 'y', traceFlags: 0 })).toBeUndefined()
    expect(traceOf(undefined)).toBeUndefined()
  })
})

describe('registered at the API', () => {
  test('spans, propagation and current context go through ours, and only until the end', async () => {
    const store = new SpanStore()
    const tracer = createTracer({ service: 'shop', store, random })
    {
      using _registration = tracer.register()
      expect(() => tracer.register()).toThrow(expect.objectContaining({ code: 'QPS_TRACING_REGISTERED' }))
      const remote = propagation.extract(ROOT_CONTEXT, { traceparent: `${parent}-03`, tracestate: 'foo=1' })
      await context.with(remote, () =>
        trace.getTracer('a library').startActiveSpan('library', async (span) => {
          await turn()
          const headers: Record<string, string> = {}
          propagation.inject(context.active(), headers)
          expect(headers).toEqual({
            traceparent: `00-${traceId}-${span.spanContext().spanId}-03`,
            tracestate: 'foo=1',
          })
          span.setStatus({ code: SpanStatusCode.OK }).end()
        }),
      )
    }
    expect(store.spans(traceId)).toMatchObject([
      { name: 'library', service: 'shop', status: 'ok', parentId: '1234567890123456' },
    ])
    expect(trace.getTracer('a library').startSpan('after').isRecording()).toBe(false)
    const headers = {}
    propagation.inject(context.active(), headers)
    expect(headers).toEqual({})
    tracer.register()[Symbol.dispose]()
  })

  test('the sampling decision binds libraries too', () => {
    const store = new SpanStore()
    using _registration = createTracer({ service: 'shop', store, sampler: 0, random }).register()
    const library = trace.getTracer('a library')
    const root = library.startSpan('root')
    const remote = trace.setSpanContext(ROOT_CONTEXT, spanContextOf(startTrace(random, { sampled: true }), true))
    const child = library.startSpan('child', {}, remote)
    const own = library.startSpan('own', { root: true }, remote)
    expect([root, child, own].map((span) => span.isRecording())).toEqual([false, true, false])
    for (const span of [root, child, own]) span.end()
    expect(store.size).toBe(1)
    expect(isSampled(traceOf(root.spanContext())!)).toBe(false)
  })

  test('both kinds of current context agree, and deadlines stay', async () => {
    using _registration = createTracer({ service: 'shop', random }).register()
    const user = contextKey<string>('user')
    const ours = background().withTimeout(60_000).withValue(user, 'ada').withTrace(startTrace(random))
    await runIn(ours, async () => {
      expect(trace.getSpanContext(context.active())?.spanId).toBe(ours.trace!.parentId)
      const span = trace.getTracer('a library').startSpan('inside')
      expect(span.spanContext().traceId).toBe(ours.trace!.traceId)
      await context.with(trace.setSpan(context.active(), span), async () => {
        await turn()
        const inner = currentContext()
        expect(inner.trace!.parentId).toBe(span.spanContext().spanId)
        expect([inner.get(user), inner.deadlineMs]).toEqual(['ada', ours.deadlineMs])
        const call = inner.withTrace(childTrace(inner.trace, random))
        runIn(call, () => expect(trace.getSpanContext(context.active())?.spanId).toBe(call.trace!.parentId))
      })
      const bound = context.bind(trace.setSpan(ROOT_CONTEXT, span), () => currentContext().trace!.parentId)
      expect(bound()).toBe(span.spanContext().spanId)
      expect(currentContext()).toBe(ours)
    })
    expect(context.active()).toBe(ROOT_CONTEXT)
  })
})
