import {
  type DecodedFields,
  dataHead,
  type Field,
  FrameReader,
  headersFrame,
  Http3Failure,
  MessageReader,
  PeerStreams,
  readSettings,
  readVarint,
  settingsPayload,
  varintBytes,
  varintLength,
  writeVarint,
} from '@qps/quic'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const bounds = { headerBytesMax: 16_384, headerFieldsMax: 100 }
const get: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'a'],
  [':path', '/'],
]

/** Cuts bytes at the given places, which may be anywhere. */
function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [
    0,
    ...places.map((place) => place % (bytes.length + 1)).toSorted((one, other) => one - other),
    bytes.length,
  ]
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end))
}

describe('an integer of variable length', () => {
  test('comes back as it was, in as few bytes as hold it', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const out = Buffer.alloc(8)
        const end = writeVarint(value, out, 0)
        expect([readVarint(out, 0), end, varintBytes(out[0]!)]).toEqual([value, varintLength(value), end])
      }),
    )
  })

  test.each([
    ['c2197c5eff14e88c', Number(151_288_809_941_952_652n)],
    ['9d7f3e7d', 494_878_333],
    ['7bbd', 15_293],
    ['25', 37],
    ['4025', 37],
  ])('of RFC 9000, appendix A.1: %s', (text, value) => expect(readVarint(hex(text), 0)).toBe(value))
})

describe('frames', () => {
  const seen = (pieces: readonly Buffer[]): unknown[] => {
    const events: [number, string][] = []
    let data: Buffer[] = []
    const reader = new FrameReader(
      {
        begin: (type) => {
          if (type === 0) data = []
          return type === 0 ? 'pieces' : type < 8 ? 'whole' : 'skip'
        },
        piece: (bytes) => void data.push(Buffer.from(bytes)),
        whole: (type, bytes) => void events.push([type, Buffer.from(bytes).toString('hex')]),
      },
      100,
    )
    for (const piece of pieces) reader.push(piece)
    return [...events, ['data', Buffer.concat(data).toString('hex')], reader.isBetweenFrames]
  }

  test('are the same however they are cut', () => {
    const frame = fc.record({
      type: fc.constantFrom(0, 1, 4, 7, 33, 70_000),
      payload: fc.uint8Array({ maxLength: 90 }),
    })
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 20 }), (frames, places) => {
        const bytes = Buffer.concat(
          frames.flatMap(({ type, payload }) => {
            const head = Buffer.alloc(16)
            return [head.subarray(0, writeVarint(payload.length, head, writeVarint(type, head, 0))), payload]
          }),
        )
        expect(seen(cutAt(bytes, places))).toEqual(seen([bytes]))
        expect(seen([bytes]).at(-1)).toBe(true)
      }),
    )
  })

  test('that are too long to be held are H3_EXCESSIVE_LOAD as soon as they say so', () => {
    expect(() => seen([hex('01 4065')])).toThrow('H3_EXCESSIVE_LOAD')
    expect(() => seen([hex('01 ffffffffffffffff')])).toThrow('H3_EXCESSIVE_LOAD')
  })
})

describe('settings', () => {
  test('come back as they were', () => {
    const settings = { fieldSectionBytesMax: 16_384, qpackTableBytesMax: 4096, qpackBlockedStreams: 100 }
    expect(readSettings(settingsPayload(settings))).toEqual(settings)
  })

  test('that are unknown mean nothing', () => expect(readSettings(hex('21 01')).qpackTableBytesMax).toBe(0))

  test.each([
    ['there twice', '06 01 06 02', 'H3_SETTINGS_ERROR'],
    ["HTTP/2's", '04 01', 'H3_SETTINGS_ERROR'],
    ['cut behind the name', '06', 'H3_FRAME_ERROR'],
    ['cut within a number', '06 40', 'H3_FRAME_ERROR'],
  ])('that are %s: %s is %s', (_, text, code) => expect(() => readSettings(hex(text))).toThrow(code))
})

/** What a message is read as, or the failure. */
function read(bytes: Uint8Array, ends = true): { heads: DecodedFields[]; body: string } | string {
  const heads: DecodedFields[] = []
  let body = ''
  const sink = {
    head: (decoded: DecodedFields) => {
      heads.push(decoded)
      const length = decoded.fields.find(([name]) => name === 'content-length')?.[1]
      return length === undefined ? undefined : Number(length)
    },
    data: (piece: Uint8Array) => void (body += Buffer.from(piece).toString()),
  }
  try {
    const reader = new MessageReader(sink, bounds)
    reader.push(bytes)
    if (ends) reader.end()
    return { heads, body }
  } catch (error) {
    expect(error).toBeInstanceOf(Http3Failure)
    return (error as Http3Failure).message.split(':')[0]!
  }
}

describe('a message', () => {
  const head = headersFrame(get)
  const data = Buffer.concat([dataHead(5), Buffer.from('hello')])

  test('has a head, a body in pieces, and trailers that are dropped', () => {
    const bytes = Buffer.concat([head, data, data, headersFrame([['x-checked', 'yes']])])
    expect(read(bytes)).toEqual({ heads: [{ fields: get, overflow: false }], body: 'hellohello' })
  })

  test('may have frames that nobody knows, of any length', () => {
    expect(read(Buffer.concat([hex('21 03 aabbcc'), head, hex('4025 00'), data]))).toMatchObject({ body: 'hello' })
  })

  test('with a head that is too long says so, and goes on', () => {
    const long = headersFrame([...get, ['x-long', 'é'.repeat(17_000)]])
    expect(read(Buffer.concat([long, data]))).toEqual({ heads: [{ fields: [], overflow: 'bytes' }], body: 'hello' })
  })

  const length = (bytes: number): Buffer => headersFrame([...get, ['content-length', String(bytes)]])
  test.each([
    ['DATA first', data, 'H3_FRAME_UNEXPECTED'],
    [
      'HEADERS behind trailers',
      Buffer.concat([head, head.subarray(0, 0), headersFrame([]), head]),
      'H3_FRAME_UNEXPECTED',
    ],
    ['DATA behind trailers', Buffer.concat([head, headersFrame([]), data]), 'H3_FRAME_UNEXPECTED'],
    ['pseudo-header fields in trailers', Buffer.concat([head, head]), 'H3_MESSAGE_ERROR'],
    ['SETTINGS', hex('04 00'), 'H3_FRAME_UNEXPECTED'],
    ["HTTP/2's PING", hex('06 00'), 'H3_FRAME_UNEXPECTED'],
    ['a push', hex('05 01 00'), 'H3_ID_ERROR'],
    ['no head', Buffer.alloc(0), 'H3_REQUEST_INCOMPLETE'],
    ['half a frame', Buffer.concat([head, data.subarray(0, 4)]), 'H3_FRAME_ERROR'],
    ['more body than it says', Buffer.concat([length(4), data]), 'H3_MESSAGE_ERROR'],
    ['less body than it says', Buffer.concat([length(6), data]), 'H3_MESSAGE_ERROR'],
    ['a body beyond all numbers', Buffer.concat([length(5), hex('00 ffffffffffffffff')]), 'H3_MESSAGE_ERROR'],
  ])('with %s is refused', (_, bytes, code) => expect(read(bytes)).toBe(code))

  test('of any bytes is read or refused, and nothing else', () => {
    const piece = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(head, data))
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => void read(Buffer.concat(pieces))),
      { numRuns: 3000 },
    )
  })
})

describe('the unidirectional streams of a client', () => {
  const tell = (...said: [streamId: number, text: string][]): unknown => {
    const goaways: number[] = []
    const streams = new PeerStreams('client', { settings: () => {}, goaway: (id) => goaways.push(id) }, 1024)
    try {
      for (const [streamId, text] of said) {
        if (text === 'end') streams.end(streamId)
        else if (!streams.push(streamId, hex(text))) return 'ignored'
      }
      return goaways
    } catch (error) {
      expect(error).toBeInstanceOf(Http3Failure)
      return (error as Http3Failure).message.split(':')[0]!
    }
  }

  test('are control with SETTINGS first, and two of QPACK', () => {
    expect(tell([2, '00'], [2, '04'], [2, '00 07 01 08'], [6, '02 20'], [10, '03 7f 80 01 41'])).toEqual([8])
  })

  test('of an unknown type are not read', () => expect(tell([2, '40 21 99'])).toBe('ignored'))

  test.each<[string, [number, string][], string]>([
    ['no SETTINGS first', [[2, '00 07 01 00']], 'H3_MISSING_SETTINGS'],
    ['SETTINGS twice', [[2, '00 04 00 04 00']], 'H3_FRAME_UNEXPECTED'],
    ['a message on the control stream', [[2, '00 04 00 00 01 00']], 'H3_FRAME_UNEXPECTED'],
    ["HTTP/2's PRIORITY", [[2, '00 04 00 02 00']], 'H3_FRAME_UNEXPECTED'],
    ['GOAWAY that takes back what it said', [[2, '00 04 00 07 01 04 07 01 08']], 'H3_ID_ERROR'],
    ['GOAWAY with two numbers', [[2, '00 04 00 07 02 04 04']], 'H3_FRAME_ERROR'],
    ['MAX_PUSH_ID that falls', [[2, '00 04 00 0d 01 05 0d 01 04']], 'H3_ID_ERROR'],
    ['CANCEL_PUSH of what was never pushed', [[2, '00 04 00 03 01 00']], 'H3_ID_ERROR'],
    ['SETTINGS without end', [[2, '00 04 4401']], 'H3_EXCESSIVE_LOAD'],
    [
      'two control streams',
      [
        [2, '00 04 00'],
        [6, '00'],
      ],
      'H3_STREAM_CREATION_ERROR',
    ],
    [
      'an end of the control stream',
      [
        [2, '00 04 00'],
        [2, 'end'],
      ],
      'H3_CLOSED_CRITICAL_STREAM',
    ],
    ['a push', [[2, '01']], 'H3_STREAM_CREATION_ERROR'],
    ['an entry for our table', [[2, '02 3f e1 1f']], 'QPACK_ENCODER_STREAM_ERROR'],
    ['an acknowledgment of nothing', [[2, '03 80']], 'QPACK_DECODER_STREAM_ERROR'],
    ['an increment of nothing', [[2, '03 01']], 'QPACK_DECODER_STREAM_ERROR'],
    ['a number without end', [[2, '03 7f ff ff ff ff ff ff ff ff ff']], 'QPACK_DECODER_STREAM_ERROR'],
  ])('with %s end the connection', (_, said, code) => expect(tell(...said)).toBe(code))

  test('of any bytes are read or refused, and nothing else', () => {
    const text = fc.uint8Array({ minLength: 1, maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString('hex'))
    const said = fc.tuple(fc.constantFrom(2, 6, 10), fc.oneof(text, fc.constantFrom('00 04 00', '02', '03', 'end')))
    fc.assert(
      fc.property(fc.array(said, { maxLength: 8 }), (all) => void tell(...all)),
      { numRuns: 3000 },
    )
  })
})
