import { type HeaderField, HpackDecoder, HpackEncoder } from '@qps/http2-frames'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AnswerHead } from '../src/http2/answer-head.ts'
import { Streams } from '../src/http2/streams.ts'

describe('streams', () => {
  test('identifiers are odd, count upwards, and leave out the places of slow ones', () => {
    const streams = new Streams(4)
    const ids = (count: number): number[] => Array.from({ length: count }, () => streams.open(0, 0).id)
    expect(ids(4)).toEqual([1, 3, 5, 7])
    streams.close(streams.find(5)!)
    expect([ids(1), streams.find(5), streams.isIdle(13), streams.isIdle(15)]).toEqual([[13], undefined, false, true])
  })

  test('what is in use is found, and nothing else', () => {
    const operations = fc.array(fc.oneof(fc.constant('open' as const), fc.nat(20)), { maxLength: 100 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), operations, (capacity, operations) => {
        const streams = new Streams(capacity)
        const open = new Map<number, number>()
        let last = -1
        for (const [at, operation] of operations.entries()) {
          if (operation === 'open') {
            if (open.size === capacity) continue
            const stream = streams.open(at, 0)
            expect([stream.id > last, stream.id % 2, stream.intendedMs]).toEqual([true, 1, at])
            last = stream.id
            open.set(stream.id, at)
          } else {
            const id = [...open.keys()][operation]
            if (id === undefined) continue
            streams.close(streams.find(id)!)
            open.delete(id)
          }
          const found: number[] = []
          streams.forEach((stream) => found.push(stream.id))
          expect([streams.length, new Set(found)]).toEqual([open.size, new Set(open.keys())])
          for (const [id, intendedMs] of open) expect(streams.find(id)?.intendedMs).toBe(intendedMs)
          expect(streams.find(last + 2)).toBeUndefined()
        }
      }),
    )
  })

  test('identifiers are used up at last, before one is too large', () => {
    const streams = new Streams(4, 2 ** 31 - 15)
    const ids: number[] = []
    while (!streams.exhausted) {
      const stream = streams.open(0, 0)
      ids.push(stream.id)
      streams.close(stream)
    }
    expect(ids).toEqual([2 ** 31 - 15, 2 ** 31 - 13, 2 ** 31 - 11, 2 ** 31 - 9])
  })
})

describe('an answer’s head', () => {
  /** What is read of these lists, one after the other, by one head, or by a new one for each. */
  function read(lists: readonly HeaderField[][], reused: boolean): unknown[] {
    const encoder = new HpackEncoder()
    const decoder = new HpackDecoder()
    const one = new AnswerHead()
    return lists.map((list, at) => {
      if (at % 5 === 4) encoder.resize(at % 2 === 0 ? 60 : 4096)
      const block = Buffer.alloc(HpackEncoder.blockBytesMax(list))
      const head = reused ? one : new AnswerHead()
      head.read(decoder, block, 0, encoder.encode(list, block, 0))
      expect(decoder.failure).toBeUndefined()
      const { status, contentLength, grpcStatus, malformed } = head
      return { status, contentLength, grpcStatus, malformed }
    })
  }

  test('is the same whether a block is read again or known from before', () => {
    const field = fc.constantFrom<HeaderField>(
      [':status', '200'],
      [':status', '503'],
      ['content-length', '5'],
      ['content-length', '6'],
      ['grpc-status', '0'],
      ['x', 'y'],
      ['X', 'y'],
      ['connection', 'close'],
    )
    fc.assert(
      fc.property(fc.array(fc.array(field, { maxLength: 3 }), { maxLength: 30 }), (lists) => {
        expect(read(lists, true)).toEqual(read(lists, false))
      }),
      { numRuns: 300 },
    )
  })

  test('a known block is not decoded again, until the table changes', () => {
    const decoder = new HpackDecoder()
    let decoded = 0
    const decode = decoder.decode.bind(decoder)
    decoder.decode = (...block) => {
      decoded++
      decode(...block)
    }
    const head = new AnswerHead()
    const other = new AnswerHead()
    const ok = Buffer.from([0x88])
    for (let time = 0; time < 3; time++) head.read(decoder, ok, 0, 1)
    expect([head.status, decoded]).toEqual([200, 1])
    other.read(decoder, Buffer.from([0x40, 1, 0x61, 1, 0x62]), 0, 5)
    head.read(decoder, ok, 0, 1)
    expect([head.status, decoded]).toEqual([200, 3])
  })
})
