import {
  background,
  budgetOf,
  childTrace,
  type Context,
  extractGrpc,
  extractHttp,
  extractMessage,
  injectGrpc,
  injectHttp,
  injectMessage,
  parseTraceparent,
  startTrace,
  TraceState,
} from '@qps/context'
import { ManualClock, seededRandom } from '@qps/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const random = seededRandom(3)
const traced = (): Context =>
  background().withTrace({ ...startTrace(random, { sampled: true }), state: TraceState.empty.set('qps', 'a b') })

/** Metadata in the manner of grpc-js. */
class Metadata {
  readonly values = new Map<string, (string | Buffer)[]>()
  get(key: string): (string | Buffer)[] {
    return this.values.get(key) ?? []
  }
  set(key: string, value: string | Buffer): void {
    if (key.endsWith('-bin') !== Buffer.isBuffer(value)) throw new Error(`${key} cannot be ${typeof value}`)
    this.values.set(key, [value])
  }
  remove(key: string): void {
    this.values.delete(key)
  }
}

describe('the trace arrives as it was sent', () => {
  const context = traced()
  const record = injectHttp(context, {} as Record<string, string>)
  const metadata = injectGrpc(context, new Metadata())
  const headers = injectGrpc(context, {} as Record<string, string>)
  test.each<[string, () => Context]>([
    ['a record', () => extractHttp(record)],
    [
      'a list of any case',
      () => extractHttp(Object.entries(record).flatMap(([name, value]) => [name.toUpperCase(), value])),
    ],
    ['Headers', () => extractHttp(injectHttp(context, new Headers()))],
    ['a Map', () => extractHttp(injectHttp(context, new Map<string, string>()))],
    [
      'lines of a field each',
      () => extractHttp({ traceparent: [record['traceparent']!], tracestate: ['', record['tracestate']!] }),
    ],
    ['metadata', () => extractGrpc(metadata)],
    ['headers of gRPC', () => extractGrpc(headers)],
    ['a message with a record', () => extractMessage(injectMessage(context, {}))],
    ['a message with a Map of bytes', () => extractMessage(bytesOf(injectMessage(context, new Map<string, string>())))],
  ])('%s', (_, extract) => {
    const { trace } = extract()
    expect(trace).toMatchObject({ ...context.trace, state: expect.anything() })
    expect(trace!.state.serialize()).toBe('qps=a b')
  })

  test('without a traceparent, the binary form says all but the state', () => {
    const old = new Metadata()
    old.set('grpc-trace-bin', metadata.get('grpc-trace-bin')[0]!)
    const bytes = headers['grpc-trace-bin']!
    const { traceId, parentId, flags } = context.trace!
    expect(bytes).toMatch(/^[A-Za-z0-9+/]{39}$/)
    for (const source of [old, { 'grpc-trace-bin': bytes }, { 'grpc-trace-bin': `${bytes}=` }]) {
      expect(extractGrpc(source).trace).toEqual({ traceId, parentId, flags, state: TraceState.empty })
    }
    for (const wrong of [`${bytes},${bytes}`, '', 'A', '!', 'A'.repeat(1000)]) {
      expect(extractGrpc({ 'grpc-trace-bin': wrong }).trace).toBeUndefined()
    }
  })

  test('what stood there before is gone where the context does not have it', () => {
    const stale = { traceparent: 'x', tracestate: 'y=1', 'x-request-timeout-ms': '5', accept: '*/*' }
    expect(injectHttp(background(), { ...stale })).toEqual({ accept: '*/*' })
    expect([...injectHttp(background(), new Headers(stale)).keys()]).toEqual(['accept'])
    const old = new Metadata()
    old.set('traceparent', 'x')
    expect(injectGrpc(background(), old).values.size).toBe(0)
    expect(injectMessage(background(), { ...stale, 'deadline-budget-ms': '1' })).toEqual({
      accept: '*/*',
      'x-request-timeout-ms': '5',
    })
  })
})

function bytesOf(headers: ReadonlyMap<string, string>): Map<string, Buffer> {
  return new Map([...headers].map(([name, value]) => [name, Buffer.from(value)]))
}

describe('the budget', () => {
  type Hop = (from: Context, clock: ManualClock) => Context
  const hops: [string, Hop][] = [
    ['HTTP', (from, clock) => extractHttp(injectHttp(from, {}), { clock })],
    ['gRPC', (from, clock) => extractGrpc(injectGrpc(from, {}), { clock })],
    ['messages', (from, clock) => extractMessage(injectMessage(from, {}), { clock })],
  ]

  test.each(hops)('over three hops of %s each sees less than the one before, whatever their clocks say', (_, hop) => {
    const clocks = [0, 5_000_000, 17].map((nowMs) => {
      const clock = new ManualClock()
      clock.advance(nowMs)
      return clock
    })
    let context: Context = background({ clock: clocks[0]! }).withTimeout(250)
    const seen = [context.remainingMs()]
    for (const clock of [clocks[1]!, clocks[2]!, clocks[0]!]) {
      for (const each of new Set(clocks)) each.advance(3.5)
      context = hop(context, clock)
      seen.push(context.remainingMs())
    }
    for (let at = 1; at < seen.length; at++) expect(seen[at]).toBeLessThan(seen[at - 1]!)
    expect(seen.at(-1)).toBeGreaterThan(250 - 3 * 3.5 - 3 * 2 - 0.001)
    clocks[0]!.advance(250)
    expect(context.reason).toMatchObject({ code: 'QPS_DEADLINE' })
  })

  test.each(hops)('even without time in between, and never below nothing: %s', (_, hop) => {
    const clock = new ManualClock()
    let context: Context = background({ clock }).withTimeout(2.5)
    let beforeMs = context.remainingMs()
    for (let at = 0; at < 4; at++) {
      context = hop(context, clock)
      expect(context.remainingMs()).toBe(Math.max(0, Math.min(context.remainingMs(), beforeMs - 1)))
      beforeMs = context.remainingMs()
    }
    expect(context.ended).toBe(true)
  })

  test('is not there where there is none, and comes from the server then', () => {
    expect(injectHttp(background(), {})).toEqual({})
    expect(extractHttp({}).deadlineMs).toBe(Infinity)
    const clock = new ManualClock()
    expect(extractHttp({}, { clock, budgetMs: 100 }).deadlineMs).toBe(100)
    expect(extractHttp({ 'x-request-timeout-ms': '40' }, { clock, budgetMs: 100 }).deadlineMs).toBe(40)
    expect(extractHttp({ 'x-request-timeout-ms': '900' }, { clock, budgetMs: 100 }).deadlineMs).toBe(900)
  })

  test('is cut to what the server allows, and to what the parent has', () => {
    const clock = new ManualClock()
    const long = { 'x-request-timeout-ms': '999999999999999' }
    expect(extractHttp(long, { clock }).deadlineMs).toBe(3_600_000)
    expect(extractHttp(long, { clock, budgetMsMax: 2000 }).deadlineMs).toBe(2000)
    const parent = background({ clock }).withTimeout(30)
    const context = extractHttp(long, { parent })
    expect(context.deadlineMs).toBe(30)
    parent.cancel()
    expect(context.ended).toBe(true)
  })

  test.each(['', ' ', '-1', '1.5', '1e3', '0x10', '10ms', '١', '1'.repeat(16), '5, 6', 'Infinity', 'NaN'])(
    '%j is none',
    (value) => {
      expect(extractHttp({ 'x-request-timeout-ms': value }).deadlineMs).toBe(Infinity)
      expect(extractHttp({ 'x-request-timeout-ms': [value, value] }).deadlineMs).toBe(Infinity)
      expect(extractMessage({ 'deadline-budget-ms': value }).deadlineMs).toBe(Infinity)
    },
  )

  test('0 has ended already', () => {
    expect(extractHttp({ 'x-request-timeout-ms': ' 0 ' }).ended).toBe(true)
  })

  test('grpc-timeout: every unit, exactly eight digits, rounded down', () => {
    const clock = new ManualClock()
    const read = (timeout: string): number => extractGrpc({ 'grpc-timeout': timeout }, { clock }).deadlineMs
    expect(['1H', '2M', '3S', '4m', '5u', '6n'].map(read)).toEqual([3_600_000, 120_000, 3000, 4, 0.005, 0.000006])
    for (const wrong of ['', '1', 'S', '1s', '123456789m', '-1m', ' 1m', '1m,1m']) expect(read(wrong)).toBe(Infinity)
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 3_600_000, noNaN: true }), (timeoutMs) => {
        const headers = injectGrpc(background({ clock }).withTimeout(timeoutMs), {} as Record<string, string>, {
          reserveMs: 0,
        })
        expect(headers['grpc-timeout']).toMatch(/^[0-9]{1,8}[HMSmun]$/)
        expect(read(headers['grpc-timeout']!)).toBeLessThanOrEqual(timeoutMs)
        // Next to nothing is lost: a unit is given up only where it would have nine digits.
        expect(read(headers['grpc-timeout']!)).toBeGreaterThan(timeoutMs * (1 - 2e-5) - 2e-6)
      }),
    )
  })

  test('a message that waited has less left', () => {
    const clock = new ManualClock()
    const headers = { 'deadline-budget-ms': '500' }
    expect(extractMessage(headers, { clock, waitedMs: 120 }).deadlineMs).toBe(380)
    expect(extractMessage(headers, { clock, waitedMs: 900 }).ended).toBe(true)
    expect(extractMessage({}, { clock, waitedMs: 900 }).deadlineMs).toBe(Infinity)
  })

  test('what may be handed on is what is left, less what is kept back', () => {
    const clock = new ManualClock()
    const context = background({ clock }).withTimeout(100)
    expect([budgetOf(context), budgetOf(context, { reserveMs: 30 }), budgetOf(context, { reserveMs: 200 })]).toEqual([
      99, 70, 0,
    ])
    expect(budgetOf(background())).toBeUndefined()
  })

  test('options out of their range are refused', () => {
    const wrong = expect.objectContaining({ code: 'QPS_OPTION' })
    expect(() => extractHttp({}, { budgetMs: -1 })).toThrow(wrong)
    expect(() => extractHttp({}, { budgetMsMax: NaN })).toThrow(wrong)
    expect(() => extractMessage({}, { waitedMs: -1 })).toThrow(wrong)
    expect(() => injectHttp(background(), {}, { reserveMs: -1 })).toThrow(wrong)
  })
})

test('whatever headers say, extracting gives a context, and what goes out again can be sent', () => {
  const name = fc.constantFrom(
    'traceparent',
    'tracestate',
    'x-request-timeout-ms',
    'grpc-trace-bin',
    'grpc-timeout',
    '__proto__',
    'get',
    'set',
  )
  const text = fc.oneof(
    fc.array(fc.nat(0x2fff), { maxLength: 40 }).map((codes) => String.fromCharCode(...codes)),
    fc.constantFrom('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'a=1,constructor=2', '100', '1S'),
  )
  const fields = fc.array(fc.tuple(name, fc.oneof(text, fc.array(text, { maxLength: 3 }))), { maxLength: 8 })
  fc.assert(
    fc.property(fields, (entries) => {
      for (const prototype of [null, Object.prototype]) {
        const record = Object.create(prototype) as Record<string, string | string[]>
        for (const [key, value] of entries)
          Object.defineProperty(record, key, { value, enumerable: true, configurable: true })
        for (const context of [extractHttp(record), extractGrpc(record), extractHttp(entries.flat(2))]) {
          const out = injectHttp(context.withTrace(childTrace(context.trace, random)), {} as Record<string, string>)
          expect(parseTraceparent(out['traceparent'])).toBeDefined()
          expect(() => new Headers(out)).not.toThrow()
        }
      }
      expect(({} as Record<string, unknown>)['a']).toBeUndefined()
    }),
    { numRuns: 80 },
  )
})
