import {
  decodedBytesMax,
  decodeHuffman,
  encodeHuffman,
  type HeaderField,
  headerListBytesMax,
  HpackDecoder,
  HpackEncoder,
  huffmanBytes,
} from '@qps/http2-frames'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codeLengths, codes } from '../src/hpack/huffman-code.ts'
import { decodeBlock } from './decode.ts'

const bytesOf = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes)
const failureOf = (...bytes: number[]): string | undefined => {
  const decoder = new HpackDecoder()
  decodeBlock(decoder, bytesOf(...bytes))
  return decoder.failure
}

describe('Huffman', () => {
  test('the code uses up all there is to say: no gap, no overlap', () => {
    const used = Array.from(codeLengths).reduce((sum, bits) => sum + 2 ** -bits, 0)
    expect([codeLengths.length, used]).toEqual([257, 1])
    // The first, some in the middle, and the last of RFC 7541, appendix B.
    expect([48, 97, 32, 58, 92, 255, 256].map((symbol) => codes[symbol])).toEqual([
      0x0, 0x3, 0x14, 0x5c, 0x7fff0, 0x3ffffee, 0x3fffffff,
    ])
  })

  test('what is coded comes back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (text) => {
        const coded = new Uint8Array(huffmanBytes(text))
        expect(encodeHuffman(text, coded, 0)).toBe(coded.length)
        const out = new Uint8Array(decodedBytesMax(coded.length))
        expect(out.subarray(0, decodeHuffman(coded, 0, coded.length, out, 0))).toEqual(text)
      }),
    )
  })

  test.each([
    ['padding of zeros', bytesOf(0b0001_1000)],
    ['padding of eight bits', bytesOf(0xff)],
    ['a whole byte of padding behind a symbol', bytesOf(0b0001_1111, 0xff)],
    ['the end of a string', bytesOf(0xff, 0xff, 0xff, 0xff)],
    ['the end of a string, and more', bytesOf(0xff, 0xff, 0xff, 0xfc, 0x1f)],
  ])('%s is refused', (_name, coded) => {
    expect(decodeHuffman(coded, 0, coded.length, new Uint8Array(20), 0)).toBe(-1)
  })
})

const fieldName = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/)
const fieldValue = fc.stringMatching(/^[!-~\xa0-\xff]([ -~\xa0-\xff]{0,40}[!-~\xa0-\xff])?$/)
const common: HeaderField[] = [
  [':status', '200'],
  ['content-type', 'application/json'],
  ['server', 'qps'],
]
const field: fc.Arbitrary<HeaderField> = fc.oneof(fc.constantFrom(...common), fc.tuple(fieldName, fieldValue))

describe('a connection of two', () => {
  test('what is encoded comes back, whatever becomes of the table', () => {
    const step = fc.record({
      fields: fc.array(field, { maxLength: 12 }),
      resize: fc.option(fc.integer({ min: 0, max: 300 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.boolean(), (steps, huffman) => {
        const encoder = new HpackEncoder({ huffman })
        const decoder = new HpackDecoder()
        for (const { fields, resize } of steps) {
          if (resize !== undefined) encoder.resize(resize)
          const out = new Uint8Array(HpackEncoder.blockBytesMax(fields))
          const block = out.subarray(0, encoder.encode(fields, out, 0))
          expect(decodeBlock(decoder, block)).toEqual(fields)
          expect([decoder.failure, decoder.malformed, decoder.overflow]).toEqual([undefined, false, false])
        }
      }),
    )
  })

  test('a list that is sent again is all indices, and then always the same bytes', () => {
    const fields: HeaderField[] = [
      [':method', 'POST'],
      [':path', '/qps.Qps/Echo'],
      ['te', 'trailers'],
    ]
    const encoder = new HpackEncoder()
    const encode = (): string => {
      const out = Buffer.alloc(200)
      return out.toString('hex', 0, encoder.encode(fields, out, 0))
    }
    const [first, second, third] = [encode(), encode(), encode()]
    expect([first.length > 20, second, third]).toEqual([true, '83bfbe', '83bfbe'])
  })

  test('a table that shrank and grew between two blocks says both', () => {
    const encoder = new HpackEncoder()
    const out = Buffer.alloc(200)
    encoder.encode([['x', 'y']], out, 0)
    encoder.resize(0)
    encoder.resize(4096)
    expect(out.toString('hex', 0, encoder.encode([[':method', 'GET']], out, 0))).toBe('203fe11f82')
  })

  test('our own bound holds, whatever the peer allows', () => {
    const encoder = new HpackEncoder({ headerTableBytes: 100 })
    encoder.resize(65_536)
    const out = Buffer.alloc(200)
    expect(out.toString('hex', 0, encoder.encode([[':method', 'GET']], out, 0))).toBe('3f4582')
  })
})

describe('bad blocks', () => {
  test.each([
    ['index 0', [0x80], /^index 0,/],
    ['an index beyond the table', [0xbe], /^index 62,/],
    ['a literal whose name is beyond the table', [0x7e, 0x01, 0x61], /^index 62,/],
    ['a number that is cut', [0xff], /number that is cut/],
    ['a number without an end', [0xff, 0x80, 0x80, 0x80, 0x80, 0x00], /number of more than/],
    ['a field that is cut', [0x40], /field that is cut/],
    ['a name without a value', [0x40, 0x01, 0x61], /field that is cut/],
    ['a string longer than its block', [0x40, 0x05, 0x61], /string longer/],
    ['a string with bad padding', [0x40, 0x81, 0x00], /not Huffman-coded/],
    ['a table larger than allowed', [0x3f, 0xe2, 0x1f], /table of 4097 bytes/],
    ['a change of the table behind a field', [0x82, 0x20], /behind a field/],
    ['an endless row of such changes', [0x20, 0x3f, 0xe1, 0x1f, 0x20], /more than two/],
  ])('%s', (_name, block, why) => {
    expect(failureOf(...block)).toMatch(why)
  })

  test('after a failure nothing more is decoded', () => {
    const decoder = new HpackDecoder()
    decodeBlock(decoder, bytesOf(0x80))
    expect([decodeBlock(decoder, bytesOf(0x82)), decoder.failure]).toEqual([[], 'index 0, which no table has'])
  })

  test('any bytes have an answer', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), (blocks) => {
        const decoder = new HpackDecoder()
        for (const block of blocks) {
          for (const [name, value] of decodeBlock(decoder, block)) expect(name.length + value.length).toBeLessThan(5000)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the message’s fault alone', () => {
  const literal = (name: string, value: string): Uint8Array =>
    bytesOf(0x40, name.length, ...Buffer.from(name, 'latin1'), value.length, ...Buffer.from(value, 'latin1'))

  test.each([
    ['Upper', 'x'],
    ['', 'x'],
    [':', 'x'],
    ['a:b', 'x'],
    ['a b', 'x'],
    ['a\x7f', 'x'],
    ['a', 'x\0'],
    ['a', 'x\ny'],
    ['a', ' x'],
    ['a', 'x\t'],
  ])('%j with %j is malformed, and stays so in the table', (name, value) => {
    const decoder = new HpackDecoder()
    decodeBlock(decoder, literal(name, value))
    expect([decoder.malformed, decoder.failure]).toEqual([true, undefined])
    decodeBlock(decoder, bytesOf(0x82))
    expect(decoder.malformed).toBe(false)
    decodeBlock(decoder, bytesOf(0xbe))
    expect(decoder.malformed).toBe(true)
  })

  test('__proto__ is a name like any other', () => {
    const fields = decodeBlock(new HpackDecoder(), literal('__proto__', 'x'))
    expect(fields).toEqual([['__proto__', 'x']])
    const encoder = new HpackEncoder()
    const out = Buffer.alloc(100)
    encoder.encode([['__proto__', 'x']], out, 0)
    expect(out.toString('hex', 0, encoder.encode([['__proto__', 'x']], out, 0))).toBe('be')
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  test('a list over its bound is cut off, and the table stays in step', () => {
    const decoder = new HpackDecoder()
    const value = 'v'.repeat(100)
    // One field of 1 + 100 + 32 bytes, then references to it.
    const block = Buffer.concat([literal('a', value), Buffer.alloc(1000, 0xbe)])
    const fields = decodeBlock(decoder, block)
    expect([fields.length, decoder.overflow, decoder.failure]).toEqual([
      Math.floor(headerListBytesMax / 133),
      true,
      undefined,
    ])
    expect([decodeBlock(decoder, bytesOf(0xbe)), decoder.overflow]).toEqual([[['a', value]], false])
  })
})

/*
 * S13: twice the input may take at most two and a half times as long. Both sides decode the same number of bytes, one in
 * blocks twice as long, so that both leave the same garbage behind; the best of several rounds, to be rid of noise.
 */
describe('linear time', () => {
  /** In turns, so that what changes on the machine meanwhile changes both. */
  const bestMs = (short: () => void, long: () => void): [shortMs: number, longMs: number] => {
    const best: [number, number] = [Infinity, Infinity]
    for (let round = 0; round < 12; round++) {
      for (const [at, run] of [short, long].entries()) {
        const beganMs = performance.now()
        run()
        best[at] = Math.min(best[at]!, performance.now() - beganMs)
      }
    }
    return best
  }
  const entry = 'v'.repeat(4000)
  const filled = (): HpackDecoder => {
    const decoder = new HpackDecoder()
    const head = Buffer.from([0x40, 0x01, 0x61, 0x7f, 0xa1, 0x1e])
    decodeBlock(decoder, Buffer.concat([head, Buffer.from(entry)]))
    expect([decoder.failure, decoder.tableChanges]).toEqual([undefined, 1])
    return decoder
  }

  test.each<[name: string, of: (bytes: number) => Uint8Array]>([
    ['references to one large entry', (bytes) => Buffer.alloc(bytes, 0xbe)],
    ['additions that evict one another', (bytes) => Buffer.alloc(bytes, Buffer.from([0x40, 0x01, 0x62, 0x00]))],
    ['empty names', (bytes) => Buffer.alloc(bytes, 0)],
  ])('%s', (_name, of) => {
    const decode = (block: Uint8Array, times: number) => (): void => {
      for (let time = 0; time < times; time++) decodeBlock(filled(), block)
    }
    const [shortMs, longMs] = bestMs(decode(of(32 * 1024), 8), decode(of(64 * 1024), 4))
    expect(longMs, `${shortMs} ms in short blocks, ${longMs} ms in long ones`).toBeLessThan((2.5 / 2) * shortMs + 0.5)
  })
})

test('an entry that is larger than the table empties it, which is a change of it', () => {
  const decoder = new HpackDecoder({ headerTableBytes: 64 })
  const fields: string[] = []
  const take = (name: string, value: string): void => void fields.push(name, value)
  const decode = (block: Buffer): void => decoder.decode(block, 0, block.length, take)
  const literal = (value: string): Buffer =>
    Buffer.concat([Buffer.from([0x40, 1, 0x61, value.length]), Buffer.from(value)])
  decode(Buffer.from([0x20 | 0x1f, 64 - 0x1f]))
  decode(literal('b'))
  decode(Buffer.from([0xbe]))
  const changes = decoder.tableChanges
  decode(literal('c'.repeat(64)))
  expect(decoder.tableChanges).toBeGreaterThan(changes)
  decode(Buffer.from([0xbe]))
  expect(decoder.failure).toBeDefined()
  expect(fields.slice(0, 4)).toEqual(['a', 'b', 'a', 'b'])
})
