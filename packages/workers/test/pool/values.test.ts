import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { doesNotFit, mustBePosted, ValueReader, writePosted, writeValue } from '../../src/pool/values.ts'

function roundTrip(values: readonly unknown[]): unknown[] {
  const bytes = Buffer.alloc(65_536)
  let length = 0
  for (const value of values) {
    const end = writeValue(bytes, length, bytes.length, value)
    expect(end).toBeGreaterThan(length)
    length = end
  }
  const reader = new ValueReader(() => 'posted')
  reader.open({ bytes, start: 0, length })
  const read: unknown[] = []
  while (reader.more) read.push(reader.value())
  return read
}

/** What stands in a batch. */
const plain = fc.oneof(
  fc.constant(undefined),
  fc.double({ noNaN: true }),
  fc.integer(),
  fc.string({ unit: 'binary' }),
  // Halves of surrogate pairs too.
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc.uint8Array(),
  fc.jsonValue().filter((value) => !JSON.stringify(value).includes('-0')),
)

test('what is written is read', () => {
  fc.assert(
    fc.property(fc.array(plain, { maxLength: 20 }), (values) => {
      const read = roundTrip(values)
      expect(read).toEqual(values)
      expect(read.length).toBe(values.length)
    }),
    { numRuns: 300 },
  )
})

test('numbers keep their value and sign', () => {
  const numbers = [0, -0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 0.5, NaN, Infinity, -Infinity, Number.MAX_VALUE]
  expect(roundTrip(numbers).map((value, index) => Object.is(value, numbers[index]))).not.toContain(false)
})

test('bytes are a copy', () => {
  const bytes = Uint8Array.of(1, 2, 3)
  const [copy] = roundTrip([bytes]) as [Uint8Array]
  bytes.fill(0)
  expect([...copy]).toEqual([1, 2, 3])
  expect(copy.buffer.byteLength).toBe(3)
})

describe('only a structured clone keeps', () => {
  class Point {
    x = 1
  }
  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic
  test.each([
    ['a date', new Date()],
    ['a map', new Map()],
    ['an instance of a class', new Point()],
    ['an error', new Error('no')],
    ['a bigint', 1n],
    ['an array buffer', new ArrayBuffer(8)],
    ['shared bytes', new Uint8Array(new SharedArrayBuffer(8))],
    ['an array with a hole', [1, undefined, 2]],
    ['NaN in an object', { deep: [{ value: NaN }] }],
    ['minus zero in an object', { value: -0 }],
    ['an undefined field', { value: undefined }],
    ['a cycle', cyclic],
    ['a large array', Array.from({ length: 1000 }, () => 1)],
    ['a method', { toJSON: () => 1 }],
  ])('%s', (_, value) => {
    const bytes = Buffer.alloc(100_000)
    expect(writeValue(bytes, 0, bytes.length, value)).toBe(mustBePosted)
  })
})

test('nothing is written behind the end', () => {
  fc.assert(
    fc.property(plain, fc.nat(64), (value, room) => {
      const bytes = Buffer.alloc(256, 0xee)
      const end = writeValue(bytes, 16, 16 + room, value)
      expect(end === doesNotFit || (end > 16 && end <= 16 + room)).toBe(true)
      expect(bytes.subarray(16 + room).every((byte) => byte === 0xee)).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('a posted value is asked for when its turn comes', () => {
  const bytes = Buffer.alloc(64)
  const first = writeValue(bytes, 0, 64, 1)
  const second = writePosted(bytes, first)
  const third = writeValue(bytes, second, 64, 'three')
  const reader = new ValueReader(() => 'two')
  reader.open({ bytes, start: 0, length: third })
  expect([reader.value(), reader.value(), reader.value(), reader.more]).toEqual([1, 'two', 'three', false])
})
