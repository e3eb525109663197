import {
  continuationsMax,
  errorCode,
  frameFlag,
  FrameReader,
  frameType,
  headerBlockBytesMax,
  headersBytes,
  readSettings,
  setting,
  writeData,
  writeFrameHead,
  writeGoaway,
  writeHeaders,
  writePingAck,
  writeRstStream,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from '@qps/http2-frames'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

interface Frame {
  type: number
  flags: number
  streamId: number
  content: string
}

/** Everything that a reader makes of bytes which come in these pieces. */
function read(pieces: readonly Uint8Array[]): { frames: Frame[]; failure: unknown } {
  const reader = new FrameReader()
  const frames: Frame[] = []
  for (const piece of pieces) {
    for (let at = 0; at < piece.length && reader.failure === undefined;) {
      at = reader.feed(piece, at, piece.length)
      if (!reader.complete) continue
      const { type, flags, streamId, bytes, start, end } = reader
      frames.push({ type, flags, streamId, content: Buffer.from(bytes.subarray(start, end)).toString('hex') })
    }
  }
  return { frames, failure: reader.failure }
}

function frame(type: number, flags: number, streamId: number, payload: Uint8Array | string = ''): Uint8Array {
  const content = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload
  const out = new Uint8Array(9 + content.length)
  out.set(content, writeFrameHead(out, 0, content.length, type, flags, streamId))
  return out
}

/** Pieces at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((one, other) => one - other)
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length))
}

const { endHeaders, endStream, padded, priority, ack } = frameFlag

describe('what is written is read', () => {
  const out = Buffer.alloc(200)
  const written = (write: (at: number) => number): Frame[] => {
    const end = write(5)
    const { frames, failure } = read([out.subarray(5, end)])
    expect(failure).toBeUndefined()
    return frames
  }

  test.each<[name: string, write: (at: number) => number, frame: Frame]>([
    [
      'SETTINGS',
      (at) => writeSettings(out, at, [[setting.initialWindowSize, 0x7fffffff]]),
      { type: frameType.settings, flags: 0, streamId: 0, content: '00047fffffff' },
    ],
    [
      'SETTINGS ack',
      (at) => writeSettingsAck(out, at),
      { type: frameType.settings, flags: ack, streamId: 0, content: '' },
    ],
    [
      'DATA',
      (at) => writeData(out, at, 7, Buffer.from('abcdef'), 1, 4, true),
      { type: frameType.data, flags: endStream, streamId: 7, content: '626364' },
    ],
    [
      'WINDOW_UPDATE',
      (at) => writeWindowUpdate(out, at, 0, 65_536),
      { type: frameType.windowUpdate, flags: 0, streamId: 0, content: '00010000' },
    ],
    [
      'PING ack',
      (at) => writePingAck(out, at, Buffer.from('x12345678y'), 1),
      { type: frameType.ping, flags: ack, streamId: 0, content: '3132333435363738' },
    ],
    [
      'RST_STREAM',
      (at) => writeRstStream(out, at, 0x7fffffff, errorCode.cancel),
      { type: frameType.rstStream, flags: 0, streamId: 0x7fffffff, content: '00000008' },
    ],
    [
      'GOAWAY',
      (at) => writeGoaway(out, at, 9, errorCode.protocolError),
      { type: frameType.goaway, flags: 0, streamId: 0, content: '0000000900000001' },
    ],
    [
      'HEADERS',
      (at) => writeHeaders(out, at, 1, Buffer.from([0x82]), true, 16_384),
      { type: frameType.headers, flags: endHeaders | endStream, streamId: 1, content: '82' },
    ],
  ])('%s', (_name, write, expected) => {
    expect(written(write)).toEqual([expected])
  })

  test('a long header block goes in several frames, and comes as one', () => {
    const block = Buffer.from(Array.from({ length: 100 }, (_, at) => at))
    for (const maxFrameBytes of [33, 50, 100]) {
      expect(headersBytes(block.length, maxFrameBytes)).toBeLessThan(200)
      expect(written((at) => writeHeaders(out, at, 3, block, false, maxFrameBytes))).toEqual([
        { type: frameType.headers, flags: endHeaders, streamId: 3, content: block.toString('hex') },
      ])
    }
  })

  test('a block without a byte still has its frame', () => {
    expect(written((at) => writeHeaders(out, at, 3, new Uint8Array(0), true, 16_384))).toHaveLength(1)
  })

  test('too little room is refused before anything is written', () => {
    const small = new Uint8Array(12)
    expect(() => writeWindowUpdate(small, 0, 1, 1)).toThrow(/room/)
    expect(() => writeHeaders(small, 0, 1, new Uint8Array(10), true, 16_384)).toThrow(/room/)
    expect(small).toEqual(new Uint8Array(12))
  })
})

describe('padding and priority', () => {
  test('are taken off', () => {
    const { frames } = read([
      frame(frameType.headers, padded | priority | endHeaders, 1, '\x02\0\0\0\0\x10HH\0\0'),
      frame(frameType.data, padded | endStream, 1, '\x03abc\0\0\0'),
    ])
    expect(frames.map((frame) => Buffer.from(frame.content, 'hex').toString())).toEqual(['HH', 'abc'])
  })

  test('count for flow control', () => {
    const reader = new FrameReader()
    const bytes = frame(frameType.data, padded, 1, '\x03abc\0\0\0')
    reader.feed(bytes, 0, bytes.length)
    expect([reader.payloadBytes, reader.end - reader.start]).toEqual([7, 3])
  })
})

const block = (length: number): Uint8Array => new Uint8Array(length)

test.each<[name: string, code: keyof typeof errorCode, pieces: Uint8Array[]]>([
  ['a frame larger than was allowed', 'frameSizeError', [frame(frameType.data, 0, 1, block(16_385))]],
  ['such a frame of an unknown type', 'frameSizeError', [frame(0x63, 0, 1, block(16_385))]],
  ['DATA on stream 0', 'protocolError', [frame(frameType.data, 0, 0)]],
  ['HEADERS on stream 0', 'protocolError', [frame(frameType.headers, endHeaders, 0)]],
  ['RST_STREAM on stream 0', 'protocolError', [frame(frameType.rstStream, 0, 0, block(4))]],
  ['SETTINGS on a stream', 'protocolError', [frame(frameType.settings, 0, 1)]],
  ['PING on a stream', 'protocolError', [frame(frameType.ping, 0, 1, block(8))]],
  ['GOAWAY on a stream', 'protocolError', [frame(frameType.goaway, 0, 1, block(8))]],
  ['PUSH_PROMISE', 'protocolError', [frame(frameType.pushPromise, endHeaders, 1, block(4))]],
  ['SETTINGS of five bytes', 'frameSizeError', [frame(frameType.settings, 0, 0, block(5))]],
  ['an acknowledgment with settings', 'frameSizeError', [frame(frameType.settings, ack, 0, block(6))]],
  ['PING of seven bytes', 'frameSizeError', [frame(frameType.ping, 0, 0, block(7))]],
  ['RST_STREAM of five bytes', 'frameSizeError', [frame(frameType.rstStream, 0, 1, block(5))]],
  ['WINDOW_UPDATE of three bytes', 'frameSizeError', [frame(frameType.windowUpdate, 0, 1, block(3))]],
  ['PRIORITY of four bytes', 'frameSizeError', [frame(frameType.priority, 0, 1, block(4))]],
  ['GOAWAY of seven bytes', 'frameSizeError', [frame(frameType.goaway, 0, 0, block(7))]],
  ['more padding than payload', 'protocolError', [frame(frameType.data, padded, 1, '\x02a')]],
  ['padding without its length', 'protocolError', [frame(frameType.data, padded, 1)]],
  ['priority that is cut', 'protocolError', [frame(frameType.headers, priority | endHeaders, 1, block(4))]],
  ['CONTINUATION without HEADERS', 'protocolError', [frame(frameType.continuation, endHeaders, 1)]],
  [
    'CONTINUATION behind a block that has ended',
    'protocolError',
    [frame(frameType.headers, endHeaders, 1), frame(frameType.continuation, endHeaders, 1)],
  ],
  [
    'another stream’s CONTINUATION',
    'protocolError',
    [frame(frameType.headers, 0, 1), frame(frameType.continuation, endHeaders, 3)],
  ],
  ['DATA within a header block', 'protocolError', [frame(frameType.headers, 0, 1), frame(frameType.data, 0, 1)]],
  ['an unknown frame within a header block', 'protocolError', [frame(frameType.headers, 0, 1), frame(0x63, 0, 1)]],
  [
    'an endless row of empty CONTINUATION frames',
    'enhanceYourCalm',
    [
      frame(frameType.headers, 0, 1),
      ...Array.from({ length: continuationsMax + 1 }, () => frame(frameType.continuation, 0, 1)),
    ],
  ],
  [
    'a header block over its bound',
    'enhanceYourCalm',
    [
      frame(frameType.headers, 0, 1, block(16_384)),
      frame(frameType.continuation, 0, 1, block(headerBlockBytesMax - 16_384)),
      frame(frameType.continuation, endHeaders, 1, block(1)),
    ],
  ],
])('%s is an error of the connection', (_name, code, frames) => {
  const bytes = Buffer.concat(frames)
  expect(read([bytes]).failure).toMatchObject({ code: errorCode[code] })
  expect(read(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)))).toEqual(read([bytes]))
})

test('unknown types and flags are passed over, and the reserved bit', () => {
  const odd = frame(frameType.data, 0xf7 & ~padded, 1, 'a')
  odd[5] = 0x80
  const { frames, failure } = read([frame(0x63, 0xff, 5, 'x'), odd])
  expect([frames.map((frame) => frame.streamId), failure]).toEqual([[1], undefined])
})

describe('the answer is the same however the input is cut', () => {
  const type = fc.constantFrom<number>(...Object.values(frameType), 0x63)
  const some = fc
    .tuple(type, fc.constantFrom(0, 1, 4, 5, 8, 0x2d), fc.constantFrom(0, 1, 3), fc.uint8Array({ maxLength: 40 }))
    .map((parts) => frame(...parts))
  const places = fc.array(fc.nat(2000), { maxLength: 20 })

  test('frames, some of them bad', () => {
    fc.assert(
      fc.property(fc.array(some, { maxLength: 12 }), places, (frames, at) => {
        const bytes = Buffer.concat(frames)
        expect(read(cut(bytes, at))).toEqual(read([bytes]))
      }),
      { numRuns: 500 },
    )
  })

  test('any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), places, (bytes, at) => {
        expect(read(cut(bytes, at))).toEqual(read([bytes]))
      }),
      { numRuns: 500 },
    )
  })

  test('frames that are right, with content', () => {
    const right = fc.oneof(
      fc.uint8Array({ maxLength: 500 }).map((bytes) => frame(frameType.data, endStream, 1, bytes)),
      fc.uint8Array({ maxLength: 90 }).map((bytes) => {
        const out = new Uint8Array(200)
        return out.subarray(0, writeHeaders(out, 0, 1, bytes, true, 10))
      }),
    )
    fc.assert(
      fc.property(fc.array(right, { maxLength: 10 }), places, (frames, at) => {
        const bytes = Buffer.concat(frames)
        const whole = read([bytes])
        expect([whole.frames.length, whole.failure]).toEqual([frames.length, undefined])
        expect(read(cut(bytes, at))).toEqual(whole)
      }),
    )
  })
})

describe('settings', () => {
  const settingsOf = (...pairs: [number, number][]): { seen: [number, number][]; failure: unknown } => {
    const out = new Uint8Array(100)
    const end = writeSettings(out, 0, pairs)
    const seen: [number, number][] = []
    return { failure: readSettings(out, 9, end, (id, value) => seen.push([id, value])), seen }
  }

  test('come in order, unknown ones too', () => {
    expect(settingsOf([3, 100], [0xabcd, 0xffffffff], [3, 50])).toEqual({
      seen: [
        [3, 100],
        [0xabcd, 0xffffffff],
        [3, 50],
      ],
      failure: undefined,
    })
  })

  test.each([
    [setting.enablePush, 2, errorCode.protocolError],
    [setting.initialWindowSize, 0x80000000, errorCode.flowControlError],
    [setting.maxFrameSize, 16_383, errorCode.protocolError],
    [setting.maxFrameSize, 0x1000000, errorCode.protocolError],
  ])('setting %i of %i is an error', (id, value, code) => {
    expect(settingsOf([id, value])).toMatchObject({ seen: [], failure: { code } })
  })
})

test('a frame size that the protocol does not allow is refused', () => {
  expect(() => new FrameReader({ maxFrameBytes: 100 })).toThrow(/maxFrameBytes must be .* from 16384 to 16777215/)
})

/** S13: byte by byte is the worst way to get a frame. */
test('linear time, byte by byte', () => {
  const feedMs = (bytes: number): number => {
    const input = frame(frameType.data, 0, 1, block(bytes))
    const times = Array.from({ length: 9 }, () => {
      const reader = new FrameReader({ maxFrameBytes: 128 * 1024 })
      const beganMs = performance.now()
      for (let at = 0; at < input.length; at++) reader.feed(input, at, at + 1)
      expect(reader.complete).toBe(true)
      return performance.now() - beganMs
    })
    return Math.min(...times)
  }
  feedMs(1024)
  const [oneMs, twoMs] = [feedMs(64 * 1024), feedMs(128 * 1024)]
  expect(twoMs, `${oneMs} ms, then ${twoMs} ms`).toBeLessThan(2.5 * oneMs + 0.5)
})
