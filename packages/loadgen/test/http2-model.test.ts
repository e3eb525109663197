import { ManualClock } from '@qps/core'
import { frameFlag, frameType, HpackEncoder, writeFrameHead, writeHeaders, writeSettings } from '@qps/http2-frames'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ConnectionContext, Ending } from '../src/connection.ts'
import { Http2Connection } from '../src/http2/connection.ts'
import type { Loop } from '../src/loop.ts'
import { planLoad } from '../src/options.ts'
import { Recorder } from '../src/recorder.ts'
import type { TransportHandler } from '../src/transport.ts'

/*
 * One connection without a socket, against a server that says anything: whatever comes, and however it is cut, nothing is
 * thrown, and every request that was sent is answered or lost, once.
 */

interface Outcome {
  left: number
  successes: number
  errors: Record<string, number>
  endings: Ending[]
  written: string
}

/** Requests to send, or bytes from the server. */
type Step = number | Uint8Array

const pipeline = 8

function play(steps: readonly Step[], pieceBytes: number): Outcome {
  const clock = new ManualClock()
  const recorder = new Recorder('closed')
  recorder.windowStartMs = 0
  const outcome: Outcome = { left: 0, successes: 0, errors: recorder.errors, endings: [], written: '' }
  const leave = (_connection: unknown, count: number): void => void (outcome.left += count)
  const loop: Loop = {
    begin: () => {},
    available: () => {},
    answered: leave,
    lost: (count) => leave(undefined, count),
    stop: () => {},
    waiting: 0,
    giveUp: () => 0,
    close: () => {},
  }
  let handler: TransportHandler | undefined
  const context: ConnectionContext = {
    clock,
    recorder,
    loop,
    pipeline,
    transport: {
      name: 'none',
      connect: (_target, given) => {
        handler = given
        return {
          write: () => expect.unreachable('frames are copied'),
          writeCopy: (bytes, start, end) => {
            outcome.written += Buffer.from(bytes.subarray(start, end)).toString('hex')
          },
          close: () => (handler = undefined),
        }
      },
    },
    target: { address: '127.0.0.1', port: 1 },
    lengthVaries: false,
    expected: { bodyBytes: -1 },
    peer: { streamsMax: Infinity },
  }
  const { message } = planLoad({ url: 'http://h/a.B/C', protocol: 'h2', method: 'POST', body: 'b'.repeat(30_000) })
  if (message.protocol === 'h1' || message.protocol === 'h3') return expect.unreachable()
  const owner = { opened: () => {}, ended: (_one: unknown, ending: Ending) => void outcome.endings.push(ending) }
  const connection = new Http2Connection(Http2Connection.context(context, message), owner)
  connection.connect()
  handler!.onConnect()
  let enqueued = 0
  for (const step of steps) {
    if (typeof step === 'number') {
      const count = Math.min(step, connection.free)
      for (let sent = 0; sent < count; sent++) connection.enqueue(clock.nowMs())
      if (count > 0) connection.flush()
      enqueued += count
      continue
    }
    for (let at = 0; at < step.length; at += pieceBytes) {
      handler?.onData(step, at, Math.min(step.length, at + pieceBytes))
    }
  }
  handler?.onClose(undefined)
  outcome.successes = recorder.answered
  expect([outcome.left, connection.outstanding, outcome.endings.length]).toEqual([enqueued, 0, 1])
  // One error, or one answer, per request; a fault of the connection itself may be one more.
  const counted = recorder.answered + recorder.errorCount
  expect([enqueued, enqueued + 1]).toContain(counted)
  return outcome
}

const encoder = new HpackEncoder({ headerTableBytes: 0 })
function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(9 + payload.length)
  out.set(payload, writeFrameHead(out, 0, payload.length, type, flags, streamId))
  return out
}
function head(streamId: number, endStream: boolean, ...fields: (readonly [string, string])[]): Uint8Array {
  const block = new Uint8Array(500)
  const out = new Uint8Array(600)
  const bytes = block.subarray(0, encoder.encode(fields, block, 0))
  return out.subarray(0, writeHeaders(out, 0, streamId, bytes, endStream, 16_384))
}
function settings(...values: [number, number][]): Uint8Array {
  const out = new Uint8Array(100)
  return out.subarray(0, writeSettings(out, 0, values))
}

const { endStream } = frameFlag
const streamId = fc.constantFrom(1, 3, 5, 7, 9, 11, 13)
const ok = [':status', '200'] as const
const likely = fc.oneof(
  { weight: 6, arbitrary: streamId.map((id) => head(id, true, ok)) },
  { weight: 3, arbitrary: streamId.map((id) => head(id, false, ok, ['content-length', '2'])) },
  { weight: 3, arbitrary: streamId.map((id) => frame(frameType.data, endStream, id, Buffer.from('ok'))) },
  streamId.map((id) => head(id, true, [':status', '503'])),
  streamId.map((id) => head(id, false, [':status', '100'])),
  streamId.map((id) => frame(frameType.rstStream, 0, id, Buffer.alloc(4))),
  fc.tuple(fc.constantFrom(0, 1, 3, 5), fc.nat(40_000)).map(([id, more]) => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(more)
    return frame(frameType.windowUpdate, 0, id, bytes)
  }),
  fc.nat(70_000).map((window) => settings([4, window])),
  fc.constantFrom(settings([3, 2]), settings([1, 0]), settings()),
  fc.constant(frame(frameType.ping, 0, 0, Buffer.from('12345678'))),
  streamId.map((id) => frame(frameType.goaway, 0, 0, Buffer.from([0, 0, 0, id, 0, 0, 0, 0]))),
)
const anything = fc
  .tuple(fc.nat(10), fc.nat(0x2f), fc.nat(16), fc.uint8Array({ maxLength: 12 }))
  .map((parts) => frame(...parts))

test.each([
  ['frames that a server may send', likely],
  ['frames of any kind', fc.oneof({ weight: 8, arbitrary: likely }, anything)],
  ['any bytes', fc.oneof({ weight: 8, arbitrary: likely }, anything, fc.uint8Array({ maxLength: 30 }))],
])('%s', (_name, bytes) => {
  const step = fc.oneof({ weight: 2, arbitrary: bytes }, fc.nat(4))
  let successes = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 30 }), (steps, pieceBytes) => {
      const opened = [settings(), pipeline, ...steps]
      const whole = play(opened, Infinity)
      expect(play(opened, pieceBytes)).toEqual(whole)
      successes += whole.successes
    }),
    { numRuns: 300 },
  )
  expect(successes).toBeGreaterThan(20)
})
