import {
  ByteReader,
  ByteWriter,
  InternTable,
  Parts,
  writeDecimal,
  writeFixed,
  writeHex,
  writeJsonString,
  writeLatin1,
  writeUtf8,
} from '@qps/bytes'
import { expect, test } from 'vitest'
import { allocatedBytes, noObject } from './allocated-bytes.ts'

const head = Buffer.from('GET /items/42 HTTP/1.1\r\nContent-Length: 1048576\r\nHost: a\r\n\r\n')
const long = `${'é"\n'.repeat(20)}${'a'.repeat(200)}`

test('the yardstick sees a string and a view', () => {
  expect(allocatedBytes(() => head.toString('latin1', 0, 20))).toBeGreaterThan(20)
  expect(allocatedBytes(() => head.subarray(0, 3))).toBeGreaterThan(20)
})

test('a reader allocates nothing for what is compared, parsed and interned', () => {
  const reader = new ByteReader()
  const table = new InternTable()
  let seen = 0
  const read = (): void => {
    reader.reset(head)
    while (reader.takeUntil(0x20, 64)) {
      if (reader.fieldIs('GET') || reader.fieldIsIgnoringCase('content-length:')) seen = reader.at
      seen = reader.fieldInterned(table).length
    }
    reader.reset(head, 40)
    seen = reader.takeDecimal()
  }
  expect(allocatedBytes(read)).toBeLessThan(noObject)
  expect(seen).toBeGreaterThan(0)
})

test('writers allocate nothing', () => {
  const target = new Uint8Array(2000)
  let seen = 0
  const write = (): void => {
    let at = writeDecimal(target, 0, -Number.MAX_SAFE_INTEGER)
    at = writeFixed(target, at, 123_456)
    at = writeHex(target, at, 48_879, 8)
    at = writeLatin1(target, at, 'content-length')
    at = writeUtf8(target, at, long)
    at = writeJsonString(target, at, 'a "b"')
    seen = writeJsonString(target, at, long)
  }
  expect(allocatedBytes(write)).toBeLessThan(noObject)
  expect(seen).toBeGreaterThan(0)
})

test('a message that is written again and again allocates nothing, whether it fits or not', () => {
  for (const room of [300, 20]) {
    const target = new Uint8Array(room)
    const writer = new ByteWriter(target)
    const write = (): void => {
      writer
        .reset(target)
        .latin1('{"id":')
        .decimal(42)
        .latin1(',"price":')
        .fixed(1999)
        .latin1(',"title":')
        .json('a "b"')
      writer.bytes(head).byte(0x7d)
    }
    expect(allocatedBytes(write), `room for ${room}`).toBeLessThan(noObject)
    expect(writer.missing > 0).toBe(room === 20)
  }
})

test('a list of parts that is used again allocates nothing', () => {
  const parts = new Parts()
  const use = (): void => {
    parts.add(head, 0, 10)
    parts.add(head, 20, 30)
    parts.consume(15)
    parts.clear()
  }
  expect(allocatedBytes(use)).toBeLessThan(noObject)
})
