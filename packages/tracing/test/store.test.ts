import { type SpanRecord, SpanStore, waterfall } from '@qps/tracing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

function record(
  spanId: string,
  parentId: string | undefined,
  startMs: number,
  durationMs: number,
  more: Partial<SpanRecord> = {},
): SpanRecord {
  return {
    traceId: 'a'.repeat(32),
    spanId,
    ...(parentId !== undefined && { parentId }),
    name: spanId,
    service: 'shop',
    kind: 'internal',
    startMs: 1_767_225_600_000 + startMs,
    durationMs,
    status: 'unset',
    attributes: {},
    ...more,
  }
}

describe('the store', () => {
  test('keeps so many traces, and so many spans of each', () => {
    const store = new SpanStore({ tracesMax: 3, spansPerTraceMax: 2 })
    for (const trace of ['a', 'b', 'a', 'a', 'c', 'd']) store.add(record('x', undefined, 0, 1, { traceId: trace }))
    expect(store.traceIds()).toEqual(['d', 'c', 'b'])
    expect([store.size, store.dropped, store.spans('a').length]).toEqual([3, 1, 0])
    store.clear()
    expect(store.size).toBe(0)
  })

  test('a name that objects have is a trace like any other', () => {
    const store = new SpanStore()
    expect(store.spans('__proto__')).toEqual([])
    store.add(record('x', undefined, 0, 1, { traceId: '__proto__' }))
    expect(store.spans('__proto__')).toHaveLength(1)
  })
})

describe('the waterfall', () => {
  test('shows callers above what they called, with offsets, durations and errors', () => {
    const spans = [
      record('charge', 'create', 8, 18, { service: 'payment', status: 'error', message: 'too late' }),
      record('create', 'POST /orders', 4, 27, { service: 'order' }),
      record('POST /orders', undefined, 0, 40, { service: 'gateway' }),
      record('check', 'POST /orders', 1, 2, { service: 'auth' }),
    ]
    expect(waterfall(spans, { width: 20 }).split('\n')).toEqual([
      `trace ${'a'.repeat(32)}: 4 spans, 4 services, 40.0 ms`,
      'gateway  POST /orders  ████████████████████      0.0 ms     40.0 ms',
      'auth       check       █···················      1.0 ms      2.0 ms',
      'order      create      ··██████████████····      4.0 ms     27.0 ms',
      'payment      charge    ····█████████·······      8.0 ms     18.0 ms  error: too late',
    ])
  })

  test('of nothing is nothing, of one span is one line', () => {
    expect(waterfall([])).toBe('')
    expect(waterfall([record('x', 'not here', 5, 0)], { width: 10 })).toContain(
      '1 span, 1 service, 0.0 ms\nshop  x  █·········',
    )
  })

  test('what could move the cursor is shown as a dot, and long names are cut', () => {
    const text = waterfall([record('\u001b[2J\r\n\u202Ex', undefined, 0, 1, { service: 'y'.repeat(300) })])
    expect(text.split('\n')).toHaveLength(2)
    expect(text.replace('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(text).toContain('·[2J···x')
    expect(text.split('\n')[1]!.length).toBeLessThan(150)
  })

  test('more spans than are shown are counted', () => {
    const spans = Array.from({ length: 30 }, (_, at) => record(`s${at}`, at === 0 ? undefined : `s${at - 1}`, at, 1))
    expect(waterfall(spans, { spansMax: 10 }).split('\n').at(-1)).toBe('… and 20 more')
  })

  test('shows every span once, whatever their parents are', () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd', 'e')
    const tree = fc.uniqueArray(
      fc.record({
        spanId: id,
        parentId: fc.option(id, { nil: undefined }),
        startMs: fc.nat(50),
        durationMs: fc.nat(50),
      }),
      {
        selector: ({ spanId }) => spanId,
        minLength: 1,
      },
    )
    fc.assert(
      fc.property(tree, (spans) => {
        const text = waterfall(
          spans.map(({ spanId, parentId, startMs, durationMs }) => record(spanId, parentId, startMs, durationMs)),
        )
        const shown = text
          .split('\n')
          .slice(1)
          .map((line) => line.slice(4).trim()[0])
        expect(shown.toSorted()).toEqual(spans.map(({ spanId }) => spanId).toSorted())
      }),
    )
  })
})
