import {
  background,
  extractGrpc,
  extractHttp,
  extractMessage,
  injectGrpc,
  injectHttp,
  injectMessage,
  isSampled,
  parseTraceparent,
  startTrace,
  traceFlags,
} from '@qps/context'
import { QpsError, seededRandom } from '@qps/core'
import { createTracer, isInRatio, SpanStore, traceRandom, waterfall } from '@qps/tracing'
import { describe, expect, test } from 'vitest'

const random = seededRandom(5)

describe('one trace over HTTP headers, gRPC metadata and message headers', () => {
  test('has all services, each below its caller', async () => {
    const store = new SpanStore()
    const [client, gateway, order, ledger] = ['client', 'gateway', 'order', 'ledger'].map((service) =>
      createTracer({ service, store, random }),
    )
    const root = background().withTimeout(1000)
    await client!.trace(root, 'buy', async (buying) => {
      const headers = injectHttp(buying, {} as Record<string, string>)
      await gateway!.trace(extractHttp(headers), 'POST /orders', async (serving) => {
        const metadata = injectGrpc(serving, {} as Record<string, string>)
        await order!.trace(
          extractGrpc(metadata),
          'qps.Order/Create',
          async (creating) => {
            const message = injectMessage(creating, new Map<string, string>())
            using span = ledger!.start(extractMessage(message), 'order created', { kind: 'consumer' })
            // Three hops, each of which keeps something back.
            expect(span.context.remainingMs()).toBeLessThanOrEqual(997)
          },
          { kind: 'server' },
        )
      })
    })
    expect(store.size).toBe(1)
    const spans = store.spans(store.traceIds()[0]!)
    expect(spans.map(({ service }) => service)).toEqual(['ledger', 'order', 'gateway', 'client'])
    for (const [at, span] of spans.slice(0, -1).entries()) expect(span.parentId).toBe(spans[at + 1]!.spanId)
    expect(spans.at(-1)!.parentId).toBeUndefined()
    expect(spans.map(({ kind }) => kind)).toEqual(['consumer', 'server', 'internal', 'internal'])
    expect(
      waterfall(spans)
        .split('\n')
        .slice(1)
        .map((line) => line.split(/\s+/, 1)[0]),
    ).toEqual(['client', 'gateway', 'order', 'ledger'])
  })
})

describe('sampling', () => {
  test('is decided at the beginning of a trace, by its id, and never again', () => {
    const store = new SpanStore({ tracesMax: 10_000, spansPerTraceMax: 10 })
    const asked: string[] = []
    const first = createTracer({ service: 'a', store, random, sampler: (traceId) => asked.push(traceId) % 2 === 0 })
    const second = createTracer({ service: 'b', store, random, sampler: () => expect.unreachable() })
    for (let at = 0; at < 100; at++) {
      using outer = first.start(background(), 'outer')
      using inner = first.start(outer.context, 'inner')
      using remote = second.start(extractHttp(injectHttp(inner.context, {})), 'remote')
      expect([outer.isRecorded, inner.isRecorded, remote.isRecorded]).toEqual(Array(3).fill(at % 2 === 1))
      expect(isSampled(remote.context.trace!)).toBe(at % 2 === 1)
    }
    expect(new Set(asked).size).toBe(100)
    expect(store.size).toBe(50)
    for (const traceId of store.traceIds()) expect(store.spans(traceId)).toHaveLength(3)
  })

  test('a share of all traces, told by the random end of the id, is the same for everybody', () => {
    const ids = Array.from({ length: 20_000 }, () => startTrace(traceRandom).traceId)
    const tenth = ids.filter((id) => isInRatio(id, 0.1))
    expect(tenth.length / ids.length).toBeGreaterThan(0.08)
    expect(tenth.length / ids.length).toBeLessThan(0.12)
    expect(tenth.every((id) => isInRatio(id, 0.2))).toBe(true)
    expect(ids.some((id) => isInRatio(id, 0))).toBe(false)
    expect(ids.every((id) => isInRatio(id, 1))).toBe(true)
    expect(isInRatio(`${'f'.repeat(18)}${'0'.repeat(13)}1`, 1e-9)).toBe(true)
  })

  test('every span has an id of its own, recorded or not, and keeps the flag that says that ids are random', () => {
    for (const sampler of [0, 1]) {
      const tracer = createTracer({ service: 'a', sampler, store: new SpanStore() })
      const context = background().withTrace(parseTraceparent(`00-${'1'.repeat(32)}-${'2'.repeat(16)}-0${sampler}`))
      const places = [background(), context, context].map((each) => tracer.start(each, 'x').context.trace!)
      expect(new Set(places.map(({ parentId }) => parentId)).size).toBe(3)
      expect(places.map(({ flags }) => flags)).toEqual([sampler | traceFlags.random, sampler, sampler])
      expect(places[1]!.traceId).toBe('1'.repeat(32))
    }
  })
})

describe('a span', () => {
  test('has name, kind, attributes, state and an end', () => {
    const store = new SpanStore()
    const tracer = createTracer({ service: 'orders', store, random })
    const context = extractHttp({ traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`, tracestate: 'foo=1' })
    const span = tracer
      .start(context, 'load', { kind: 'client', attributes: { 'db.system': 'x' } })
      .set('rows', 2)
      .event('sent')
    expect(store.size).toBe(0)
    span.end()
    span.end()
    expect(span.context.trace!.state.get('foo')).toBe('1')
    expect(store.spans('1'.repeat(32))).toEqual([
      {
        traceId: '1'.repeat(32),
        spanId: span.context.trace!.parentId,
        parentId: '2'.repeat(16),
        name: 'load',
        service: 'orders',
        kind: 'client',
        startMs: expect.any(Number),
        durationMs: expect.any(Number),
        status: 'unset',
        attributes: { 'db.system': 'x', rows: 2 },
      },
    ])
    expect(Math.abs(store.spans('1'.repeat(32))[0]!.startMs - Date.now())).toBeLessThan(60_000)
    expect(span.span.spanContext()).toMatchObject({ traceId: '1'.repeat(32), spanId: span.context.trace!.parentId })
  })

  test('that fails says why, and what was thrown goes on', async () => {
    const store = new SpanStore()
    const tracer = createTracer({ service: 'orders', store, random })
    const failing = tracer.trace(background(), 'work', () => Promise.reject(new QpsError('QPS_DEADLINE', 'too late')))
    await expect(failing).rejects.toMatchObject({ code: 'QPS_DEADLINE' })
    expect(store.spans(store.traceIds()[0]!)).toMatchObject([
      { status: 'error', message: 'too late', attributes: { 'error.type': 'QPS_DEADLINE' } },
    ])
  })

  test('that is not recorded can be asked everything', async () => {
    const tracer = createTracer({ service: 'orders', sampler: 0 })
    await expect(tracer.trace(background(), 'work', (_, span) => span.set('a', 1).event('b').isRecorded)).resolves.toBe(
      false,
    )
    const span = tracer.start(background(), 'x').fail(new Error('y'))
    expect(span.span.isRecording()).toBe(false)
    expect(span.span.spanContext().spanId).toBe(span.context.trace!.parentId)
    span.end()
  })

  test('has bounds', () => {
    const store = new SpanStore()
    const span = createTracer({ service: 'orders', store, random }).start(background(), 'x')
    for (let at = 0; at < 200; at++) span.set(`key ${at}`, 'v'.repeat(5000))
    span.end()
    const { attributes } = (
      store.spans(span.context.trace!.traceId) as readonly { attributes: Record<string, string> }[]
    )[0]!
    expect(Object.keys(attributes)).toHaveLength(64)
    expect(attributes['key 0']).toHaveLength(1024)
  })
})

describe('an exporter', () => {
  test('gets recorded spans in batches, and the rest at the end', async () => {
    const names: string[] = []
    let isOver = false
    const exporter = {
      export: (spans: { name: string }[], done: (result: { code: number }) => void) => {
        names.push(...spans.map(({ name }) => name))
        done({ code: 0 })
      },
      shutdown: async () => void (isOver = true),
    }
    {
      await using tracer = createTracer({ service: 'a', exporter, random })
      for (const name of ['one', 'two']) tracer.start(background(), name).end()
      await tracer.flush()
      expect(names).toEqual(['one', 'two'])
      tracer.start(background(), 'three').end()
    }
    expect([names.at(-1), isOver]).toEqual(['three', true])
  })
})

test('options out of their range are refused', () => {
  const wrong = expect.objectContaining({ code: 'QPS_OPTION' })
  for (const options of [{ service: '' }, { service: 'a', sampler: 2 }, { service: 'a', sampler: NaN }]) {
    expect(() => createTracer(options)).toThrow(wrong)
  }
  expect(() => new SpanStore({ tracesMax: 0 })).toThrow(wrong)
  expect(() => waterfall([], { width: 1 })).toThrow(wrong)
})
