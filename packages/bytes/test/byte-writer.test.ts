import { ByteWriter } from '@qps/bytes'
import { InvariantError } from '@qps/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyInteger, anyMagnitude, anyText, latin1Text } from './arbitraries.ts'

interface Item {
  bytes: Uint8Array
  write: (writer: ByteWriter) => ByteWriter
}
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

const item: fc.Arbitrary<Item> = fc.oneof(
  fc
    .nat({ max: 255 })
    .map((byte) => ({ bytes: Uint8Array.of(byte), write: (writer: ByteWriter) => writer.byte(byte) })),
  fc.tuple(fc.uint8Array({ maxLength: 30 }), fc.nat(), fc.nat()).map(([source, left, right]) => {
    const start = left % (source.length + 1)
    const end = start + (right % (source.length - start + 1))
    return { bytes: source.slice(start, end), write: (writer: ByteWriter) => writer.bytes(source, start, end) }
  }),
  latin1Text.map((text) => ({
    bytes: Uint8Array.from(Buffer.from(text, 'latin1')),
    write: (writer: ByteWriter) => writer.latin1(text),
  })),
  anyText.map((text) => ({ bytes: utf8(text), write: (writer: ByteWriter) => writer.utf8(text) })),
  anyText.map((text) => ({ bytes: utf8(JSON.stringify(text)), write: (writer: ByteWriter) => writer.json(text) })),
  anyInteger.map((value) => ({ bytes: utf8(String(value)), write: (writer: ByteWriter) => writer.decimal(value) })),
  anyMagnitude.map((value) => ({
    bytes: utf8((BigInt(value) / 100n).toString() + `.${String(value % 100).padStart(2, '0')}`),
    write: (writer: ByteWriter) => writer.fixed(value),
  })),
  anyMagnitude.map((value) => ({
    bytes: utf8(value.toString(16).padStart(8, '0')),
    write: (writer: ByteWriter) => writer.hex(value, 8),
  })),
)
const items = fc.array(item, { maxLength: 12 })

/** Whole items that fit, one after the other. */
function prefixOf(items: readonly Item[], room: number): Uint8Array {
  let bytes = Buffer.alloc(0)
  for (const item of items) {
    if (bytes.length + item.bytes.length > room) break
    bytes = Buffer.concat([bytes, item.bytes])
  }
  return bytes
}

test('a message is what its items are, one behind the other, where there is room for it', () => {
  fc.assert(
    fc.property(items, fc.nat({ max: 9 }), fc.nat({ max: 20 }), (items, at, extra) => {
      const whole = Buffer.concat(items.map(({ bytes }) => bytes))
      const writer = new ByteWriter(new Uint8Array(at + whole.length + extra), at)
      for (const { write } of items) expect(write(writer)).toBe(writer)
      expect(Buffer.from(writer.written()).equals(whole)).toBe(true)
      expect([writer.missing, writer.room, writer.at]).toEqual([0, extra, at + whole.length])
    }),
  )
})

test('where there is not, it is a beginning of whole items, nothing else is touched, and what is missing is exact', () => {
  fc.assert(
    fc.property(items, fc.nat({ max: 300 }), (items, room) => {
      const length = items.reduce((sum, { bytes }) => sum + bytes.length, 0)
      const memory = new Uint8Array(room + 16).fill(0xa5)
      const writer = new ByteWriter(memory.subarray(0, room))
      for (const { write } of items) write(writer)
      const prefix = prefixOf(items, room)
      expect(Buffer.from(writer.written()).equals(prefix)).toBe(true)
      expect(writer.missing).toBe(Math.max(0, length - room))
      expect(memory.subarray(prefix.length).every((byte) => byte === 0xa5)).toBe(true)
      if (writer.missing === 0) return
      writer.reset(new Uint8Array(room + writer.missing))
      for (const { write } of items) write(writer)
      expect([writer.missing, writer.room]).toEqual([0, 0])
    }),
    { numRuns: 300 },
  )
})

test('an item that turns out to be too much is taken back, with what was written of its message', () => {
  const writer = new ByteWriter(new Uint8Array(12), 2)
  writer.latin1('[1')
  const mark = writer.at
  writer.latin1(',').json('much too long')
  expect([writer.missing > 0, Buffer.from(writer.written()).toString()]).toEqual([true, '[1,'])
  writer.rewindTo(mark).latin1(']')
  expect([writer.missing, Buffer.from(writer.written()).toString()]).toEqual([0, '[1]'])
  for (const at of [1, writer.at + 1, 2.5]) expect(() => writer.rewindTo(at)).toThrow(InvariantError)
})

test('what was written is lent, not copied', () => {
  const target = new Uint8Array(4)
  const written = new ByteWriter(target).latin1('ab').written()
  target[0] = 0x7a
  expect([written.buffer === target.buffer, Buffer.from(written).toString()]).toEqual([true, 'zb'])
})

test('mistakes are mistakes with and without room', () => {
  for (const writer of [new ByteWriter(new Uint8Array(50)), new ByteWriter(new Uint8Array(0)).byte(1)]) {
    expect(() => writer.latin1('\u0100')).toThrow(expect.objectContaining({ code: 'QPS_BYTES_LATIN1' }))
    expect(() => writer.decimal(0.5)).toThrow(InvariantError)
    expect(() => writer.fixed(1, 99)).toThrow(InvariantError)
    expect(() => writer.hex(-1)).toThrow(InvariantError)
    expect(() => writer.bytes(new Uint8Array(2), 1, 3)).toThrow(InvariantError)
  }
  expect(() => new ByteWriter(new Uint8Array(2), 3)).toThrow(InvariantError)
})
