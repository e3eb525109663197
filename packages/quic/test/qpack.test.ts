import { decodeFields, encodeFields, type Field, fieldsBytesMax, Http3Failure, staticTable } from '@qps/quic'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const encode = (fields: readonly Field[]): Buffer => {
  const out = Buffer.alloc(fieldsBytesMax(fields))
  return out.subarray(0, encodeFields(fields, out, 0))
}
const decode = (section: Uint8Array, bytesMax = 1e9, fieldsMax = 1e9): ReturnType<typeof decodeFields> =>
  decodeFields(section, bytesMax, fieldsMax)

const latin1 = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) })
const field = fc.oneof(
  fc.tuple(fc.stringMatching(/^[a-z-]{1,40}$/), latin1),
  fc.constantFrom(...staticTable),
  fc.tuple(
    fc.constantFrom(...staticTable).map(([name]) => name),
    latin1,
  ),
)

describe('a field section', () => {
  test('comes back as it was, and is the same bytes each time', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 30 }), (fields) => {
        expect(decode(encode(fields))).toEqual({ fields, overflow: false })
        expect(encode(fields)).toEqual(encode(fields))
      }),
    )
  })

  test('of RFC 9204, appendix B.1', () => {
    const section = Buffer.from('0000510b2f696e6465782e68746d6c', 'hex')
    expect(decode(section).fields).toEqual([[':path', '/index.html']])
  })

  test('is indices where the static table has its fields', () => {
    expect(staticTable.length).toBe(99)
    expect(
      encode([
        [':method', 'GET'],
        [':scheme', 'https'],
        [':path', '/'],
        ['x-frame-options', 'sameorigin'],
      ]),
    ).toEqual(Buffer.from('0000d1d7c1ff23', 'hex'))
  })

  test('that is longer, or has more fields, than it may is decoded as far as it may, and says so', () => {
    const fields: Field[] = [
      ['a', 'b'],
      ['c', 'd'],
      ['e', 'f'],
    ]
    expect(decode(encode(fields), 3 * 34)).toMatchObject({ overflow: false })
    expect(decode(encode(fields), 3 * 34 - 1)).toEqual({ fields: fields.slice(0, 2), overflow: 'bytes' })
    expect(decode(encode(fields), 1e9, 2)).toEqual({ fields: fields.slice(0, 2), overflow: 'fields' })
  })

  test.each([
    ['needs entries of the dynamic table', '0100c0'],
    ['has an index into the dynamic table', '000080'],
    ['has a name in the dynamic table', '00004000'],
    ['has an index behind the base', '000010'],
    ['has a name behind the base', '00000000'],
    ['has an index that the static table does not have', '0000ff24'],
    ['has a name that the static table does not have', '00005f6000'],
    ['is empty', ''],
    ['ends within its prefix', '00'],
    ['ends within an index', '0000ff'],
    ['ends within a string', '00005105aa'],
    ['ends behind a name', '000051'],
    ['has a number without end', '0000ffffffffffffff'],
    ['has a Huffman-coded string with wrong padding', '0000518100'],
  ])('that %s is QPACK_DECOMPRESSION_FAILED', (_, hex) => {
    expect(() => decode(Buffer.from(hex, 'hex'))).toThrow('QPACK_DECOMPRESSION_FAILED')
  })

  test('of any bytes is decoded or refused, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, hasPrefix) => {
        try {
          decode(hasPrefix ? Buffer.concat([Buffer.of(0, 0), bytes]) : bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(Http3Failure)
          expect((error as Http3Failure).code).toBe(0x200)
        }
      }),
      { numRuns: 5000 },
    )
  })
})
