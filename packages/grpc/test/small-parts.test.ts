import fc from 'fast-check'
import {
  decodeStatusMessage,
  encodeStatusMessage,
  formatTimeout,
  grpcLimits,
  GrpcStatus,
  Metadata,
  parseTimeout,
  statusLabels,
  statusName,
} from '@qps/grpc'
import { describe, expect, test } from 'vitest'
import { checkedLimits } from '../src/options.ts'
import { statusOfError } from '../src/error.ts'
import { parseStatus, statusOfHttp, statusOfReset } from '../src/status.ts'

describe('grpc-timeout', () => {
  test.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['4m', 4],
    ['5000u', 5],
    ['99999999n', 99.999999],
    ['0n', 0],
  ])('%s is %d ms', (text, timeoutMs) => expect(parseTimeout(text)).toBeCloseTo(timeoutMs, 9))

  test.each(['', '1', 'm', '-1m', '+1m', '1.5S', '123456789m', '1 S', '1s', '1h', '1mm', ' 1m', '1m '])(
    '%j is malformed',
    (text) => expect(parseTimeout(text)).toBeUndefined(),
  )

  test('what is written is never shorter than what was meant, and hardly longer', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.000_001, max: 1e11, noNaN: true }), (timeoutMs) => {
        const read = parseTimeout(formatTimeout(timeoutMs))!
        expect(read).toBeGreaterThanOrEqual(timeoutMs * (1 - 1e-12))
        expect(read).toBeLessThanOrEqual(timeoutMs * 1.001 + 1e-6)
      }),
    )
    expect(formatTimeout(-5)).toBe('0n')
    expect(parseTimeout(formatTimeout(Number.MAX_SAFE_INTEGER))).toBeGreaterThan(1e11)
  })
})

describe('grpc-message', () => {
  test('any text comes back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const encoded = encodeStatusMessage(text)
        expect(encoded).toMatch(/^[\x20-\x7e]*$/)
        expect(decodeStatusMessage(encoded)).toBe(text)
      }),
    )
  })

  test('broken escapes stay as they are', () => {
    expect(decodeStatusMessage('100% of %zz and %4')).toBe('100% of %zz and %4')
    expect(decodeStatusMessage('%41%e2%98%ba')).toBe('A☺')
  })

  test('whatever a peer sends is read without an error', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => typeof decodeStatusMessage(text) === 'string'))
  })

  test('what is too long is cut between escapes', () => {
    const encoded = encodeStatusMessage('☺'.repeat(5000))
    expect(encoded.length).toBeLessThanOrEqual(4096)
    expect(encoded).toMatch(/^(%[0-9A-F]{2})+$/)
    expect(encodeStatusMessage('a'.repeat(5000))).toHaveLength(4096)
  })
})

describe('metadata', () => {
  test('keys lose their case, values keep their order', () => {
    const metadata = new Metadata()
    metadata.add('Key', 'a')
    metadata.add('kEY', 'b')
    expect(metadata.get('KEY')).toEqual(['a', 'b'])
    metadata.set('key', 'c')
    expect(metadata.toJSON()).toEqual({ key: ['c'] })
    metadata.remove('KEY')
    expect(metadata.get('key')).toEqual([])
  })

  test('a copy has values of its own, and merging adds', () => {
    const first = new Metadata()
    first.set('key', 'a')
    const copy = first.clone()
    copy.add('key', 'b')
    expect(first.get('key')).toEqual(['a'])
    first.merge(copy)
    expect(first.get('key')).toEqual(['a', 'a', 'b'])
  })

  test('a key of bytes is base64 without padding on the wire, and is read with and without', () => {
    const metadata = new Metadata()
    metadata.set('trace-bin', Buffer.from([1, 2, 3, 4]))
    expect(metadata.toHttp2Headers()).toEqual({ 'trace-bin': ['AQIDBA'] })
    const read = Metadata.fromRawHeaders(['trace-bin', 'AQIDBA==,AQIDBA'])
    expect(read.get('trace-bin')).toEqual([Buffer.from([1, 2, 3, 4]), Buffer.from([1, 2, 3, 4])])
  })

  test('headers of the protocol are no metadata', () => {
    const raw = [
      ':path',
      '/a',
      'te',
      'trailers',
      'grpc-timeout',
      '1S',
      'content-type',
      'x',
      'user-agent',
      'me',
      'k',
      'v',
    ]
    expect(Metadata.fromRawHeaders(raw).toJSON()).toEqual({ 'user-agent': ['me'], k: ['v'] })
  })

  test('__proto__ and constructor are keys like any other', () => {
    const read = Metadata.fromRawHeaders(['__proto__', 'polluted', 'constructor', 'x'])
    expect(read.get('__proto__')).toEqual(['polluted'])
    expect(Object.getPrototypeOf(read.getMap())).toBeNull()
    expect(Object.getPrototypeOf(read.toHttp2Headers())).toBeNull()
    expect(Object.keys(read.getMap())).toEqual(['__proto__', 'constructor'])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(new Metadata().get('toString')).toEqual([])
  })

  test.each([
    ['bad key', 'v'],
    [':path', 'v'],
    ['', 'v'],
    ['key', 'line\nbreak'],
    ['key', ' padded'],
    ['key', 'ü'],
    ['key-bin', 'text'],
    ['key', Buffer.from('bytes')],
  ])('%j with %j is refused', (key, value) => {
    expect(() => new Metadata().set(key, value)).toThrow(expect.objectContaining({ code: 'QPS_GRPC_METADATA' }))
  })
})

test('statuses have names, and what is none is UNKNOWN', () => {
  expect(statusName(GrpcStatus.NOT_FOUND)).toBe('NOT_FOUND')
  expect(statusName(99)).toBe('STATUS_99')
  expect(statusLabels.length).toBe(Object.keys(GrpcStatus).length)
  expect(statusLabels[GrpcStatus.DEADLINE_EXCEEDED]).toBe('DeadlineExceeded')
  expect([parseStatus('5'), parseStatus('-1'), parseStatus('5x'), parseStatus(undefined)]).toEqual([5, 2, 2, undefined])
  expect([404, 503, 418].map(statusOfHttp)).toEqual([12, 14, 2])
  expect([0, 7, 8, 11, 12, 99].map(statusOfReset)).toEqual([13, 14, 1, 8, 7, 13])
})

test('an error without a status says nothing of itself', () => {
  const secret = new Error('password of the database')
  expect(statusOfError(secret)).toEqual({ code: 2, details: 'the handler failed', metadata: null })
  expect(statusOfError(null).code).toBe(2)
  expect(statusOfError({ code: -1 }).code).toBe(2)
  expect(statusOfError(Object.assign(new Error('gone'), { code: 5 }))).toMatchObject({ code: 5, details: 'gone' })
})

test('limits are checked, by name', () => {
  expect(checkedLimits()).toEqual(grpcLimits)
  expect(checkedLimits({ streamsMax: 7 }).streamsMax).toBe(7)
  for (const value of [0, -1, 1.5, '100', Infinity]) {
    expect(() => checkedLimits({ streamsMax: value as number })).toThrow(/limits\.streamsMax/)
  }
})
