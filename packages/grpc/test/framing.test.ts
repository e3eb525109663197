import fc from 'fast-check'
import { FrameReader, frame, GrpcError, GrpcStatus, prefixBytes } from '@qps/grpc'
import { describe, expect, test } from 'vitest'

interface Outcome {
  messages: { text: string; compressed: boolean }[]
  idle: boolean
  failure: number | undefined
}

function read(pieces: readonly Buffer[], bytesMax = 1 << 20): Outcome & { copiedBytes: number } {
  const count = { copies: 0, copiedBytes: 0 }
  const messages: Outcome['messages'] = []
  const reader = new FrameReader(bytesMax, count, {
    onFrame: (message, compressed) => messages.push({ text: message.toString('latin1'), compressed }),
  })
  let failure: number | undefined
  for (const piece of pieces) {
    try {
      reader.push(piece)
    } catch (error) {
      failure = (error as GrpcError).code
    }
  }
  return { messages, idle: reader.idle, failure, copiedBytes: count.copiedBytes }
}

function framed(text: Buffer, compressed = false): Buffer {
  const bytes = frame(text, 1 << 20, { copies: 0, copiedBytes: 0 })
  if (compressed) bytes[0] = 1
  return bytes
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((where) => where % (bytes.length + 1)))].toSorted((a, b) => a - b)
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length))
}

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array))

describe('frames', () => {
  test('come out as they went in, however they are cut', () => {
    const frames = fc.array(fc.tuple(bytes(300), fc.boolean()), { maxLength: 12 })
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 40 }), (sent, cuts) => {
        const wire = Buffer.concat(sent.map(([message, compressed]) => framed(message, compressed)))
        const { messages, idle, failure } = read(cut(wire, cuts))
        expect(messages).toEqual(
          sent.map(([message, compressed]) => ({ text: message.toString('latin1'), compressed })),
        )
        expect({ idle, failure }).toEqual({ idle: true, failure: undefined })
      }),
    )
  })

  test('garbage has the same outcome in one piece, in bytes and in any other cut', () => {
    fc.assert(
      fc.property(bytes(200), fc.array(fc.nat(), { maxLength: 20 }), (garbage, cuts) => {
        // Small lengths make whole messages likely.
        for (let at = 1; at < garbage.length; at += 3) garbage[at] = 0
        const whole = outcome(read([garbage], 1000))
        expect(outcome(read(cut(garbage, cuts), 1000))).toEqual(whole)
        expect(
          outcome(
            read(
              [...garbage].map((byte) => Buffer.from([byte])),
              1000,
            ),
          ),
        ).toEqual(whole)
      }),
    )
  })

  test('a message of several megabytes in pieces is the same message', () => {
    const message = Buffer.alloc(900_000, 'abcdefghijk')
    const wire = framed(message)
    const pieces = Array.from({ length: Math.ceil(wire.length / 1000) }, (_, index) =>
      wire.subarray(index * 1000, (index + 1) * 1000),
    )
    const { messages, copiedBytes } = read(pieces)
    expect(messages).toEqual([{ text: message.toString('latin1'), compressed: false }])
    expect(copiedBytes).toBeGreaterThanOrEqual(message.length)
    expect(copiedBytes).toBeLessThan(message.length * 1.5)
  })

  test('a message that lies within one piece is not copied', () => {
    expect(read([framed(Buffer.alloc(10_000))]).copiedBytes).toBe(0)
  })

  test('a message beyond the limit is refused by its prefix, and nothing after it is read', () => {
    const { messages, failure } = read([Buffer.from([0, 0, 0, 3, 233]), framed(Buffer.from('later'))], 1000)
    expect({ messages, failure }).toEqual({ messages: [], failure: GrpcStatus.RESOURCE_EXHAUSTED })
    expect(read([framed(Buffer.alloc(1000))], 1000).messages).toHaveLength(1)
  })

  test('lengths are unsigned', () => {
    expect(read([Buffer.from([0, 255, 255, 255, 255])]).failure).toBe(GrpcStatus.RESOURCE_EXHAUSTED)
  })

  test('a first byte other than 0 and 1 is refused', () => {
    expect(read([Buffer.from([2, 0, 0, 0, 0])]).failure).toBe(GrpcStatus.INTERNAL)
  })

  test('a stream may end only between messages', () => {
    const wire = framed(Buffer.from('abc'))
    for (let length = 0; length <= wire.length; length++) {
      expect(read([wire.subarray(0, length)]).idle).toBe(length === 0 || length === wire.length)
    }
  })

  test('writing has the same limit as reading', () => {
    const count = { copies: 0, copiedBytes: 0 }
    expect(() => frame(Buffer.alloc(11), 10, count)).toThrow(GrpcError)
    expect(frame(Buffer.alloc(10), 10, count)).toHaveLength(10 + prefixBytes)
    expect(count).toEqual({ copies: 1, copiedBytes: 10 })
  })

  test('an announced length reserves no memory by itself', () => {
    const before = process.memoryUsage().arrayBuffers
    const readers = Array.from({ length: 200 }, () => {
      const reader = new FrameReader(4 << 20, { copies: 0, copiedBytes: 0 }, { onFrame: () => undefined })
      reader.push(Buffer.from([0, 0, 0x40, 0, 0]))
      return reader
    })
    expect(readers.every(({ idle }) => !idle)).toBe(true)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 << 20)
  })
})

function outcome({ messages, idle, failure }: Outcome): Outcome {
  return { messages, idle: failure === undefined && idle, failure }
}

test('reading is linear: twice the bytes in single pieces take about twice the time', () => {
  const time = (length: number): number => {
    const wire = framed(Buffer.alloc(length))
    const pieces = [...wire].map((byte) => Buffer.from([byte]))
    const samples = Array.from({ length: 5 }, () => {
      const start = performance.now()
      read(pieces)
      return performance.now() - start
    })
    return Math.min(...samples)
  }
  time(100_000)
  // Others may use the core during one of the two; four times the time, which is what squares take, would be in every try.
  let ratio = Infinity
  for (let attempt = 0; attempt < 5 && ratio >= 3; attempt++) {
    ratio = Math.min(ratio, time(200_000) / time(100_000))
  }
  expect(ratio).toBeLessThan(3)
})
