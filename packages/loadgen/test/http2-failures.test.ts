import { runLoad } from '@qps/loadgen'
import {
  errorCode,
  frameFlag,
  frameType,
  writeFrameHead,
  writeGoaway,
  writeRstStream,
  writeSettings,
  writeWindowUpdate,
} from '@qps/http2-frames'
import { expect, test } from 'vitest'
import { serveFrames, type Wire } from './http2-servers.ts'
import { serveBytes } from './servers.ts'

/* Servers made of frames, which do what node:http2 would never do. */

const short = { protocol: 'h2', durationS: 0.25, connections: 1 } as const
const ok = [
  [':status', '200'],
  ['content-length', '5'],
] as const
const hello = Buffer.from('hello')

function frame(type: number, flags: number, streamId: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const out = new Uint8Array(9 + payload.length)
  out.set(payload, writeFrameHead(out, 0, payload.length, type, flags, streamId))
  return out
}
const made = (write: (out: Uint8Array) => number): Uint8Array => {
  const out = new Uint8Array(64)
  return out.subarray(0, write(out))
}

/** Answers well, but for every fourth request, which is left to `otherwise`. */
function sometimes(otherwise: (wire: Wire, streamId: number) => void): (wire: Wire, streamId: number) => void {
  let served = 0
  return (wire, streamId) => {
    if (++served % 4 === 0) otherwise(wire, streamId)
    else wire.answer(streamId, ok, hello)
  }
}

test('a server made of frames can be loaded', async () => {
  await using server = await serveFrames((wire, streamId) => wire.answer(streamId, ok, hello))
  expect(await runLoad({ url: server.url, ...short, pipeline: 4 })).toMatchObject({ errors: 0, valid: true })
})

test.each<[name: string, otherwise: (wire: Wire, streamId: number) => void]>([
  ['an answer shorter than announced', (wire, streamId) => wire.answer(streamId, ok, hello.subarray(1))],
  ['an answer without content where some was announced', (wire, streamId) => wire.answer(streamId, ok)],
  ['an answer without a status', (wire, streamId) => wire.answer(streamId, [['content-length', '5']], hello)],
  ['a status that is no number', (wire, streamId) => wire.answer(streamId, [[':status', '2xx']], hello)],
  ['a status behind a field', (wire, streamId) => wire.answer(streamId, [ok[1], ok[0]], hello)],
  ['a name in capitals', (wire, streamId) => wire.answer(streamId, [...ok, ['X-Y', 'z']], hello)],
  ['a field of HTTP/1.1', (wire, streamId) => wire.answer(streamId, [...ok, ['connection', 'close']], hello)],
  ['two lengths', (wire, streamId) => wire.answer(streamId, [...ok, ['content-length', '6']], hello)],
  ['a change of protocol', (wire, streamId) => wire.headers(streamId, [[':status', '101']], false)],
  ['an interim answer that ends', (wire, streamId) => wire.headers(streamId, [[':status', '100']], true)],
  [
    'content without a head',
    (wire, streamId) => wire.send(frame(frameType.data, frameFlag.endStream, streamId, hello)),
  ],
  [
    'a head in the place of trailers',
    (wire, streamId) => {
      wire.headers(streamId, ok, false)
      wire.headers(streamId, ok, true)
    },
  ],
  [
    'trailers that do not end the stream',
    (wire, streamId) => {
      wire.headers(streamId, ok, false)
      wire.headers(streamId, [['x', 'y']], false)
    },
  ],
])('%s is one request’s error of kind parse, and the connection goes on', async (_name, otherwise) => {
  let connections = 0
  await using server = await serveFrames(sometimes(otherwise), () => connections++)
  const result = await runLoad({ url: server.url, ...short })
  expect(result.errors).toBe(result.errorsByKind.parse)
  expect(result.errors).toBeGreaterThan(3)
  expect(result.requests).toBeGreaterThan(2 * result.errors)
  // The look before the load, and the load.
  expect(connections).toBe(2)
})

test.each<[name: string, otherwise: (wire: Wire, streamId: number) => void]>([
  ['DATA on stream 0', (wire) => wire.send(frame(frameType.data, 0, 0, hello))],
  ['a frame on a stream that nobody opened', (wire) => wire.send(frame(frameType.data, 0, 999_999, hello))],
  ['a stream of the server’s', (wire) => wire.answer(2, ok, hello)],
  [
    'an answer for the second time',
    (wire, streamId) => {
      wire.answer(streamId, ok, hello)
      wire.answer(streamId, ok, hello)
    },
  ],
  ['a header block that is none', (wire, id) => wire.send(frame(frameType.headers, 0x5, id, Buffer.from([0x80])))],
  ['WINDOW_UPDATE by nothing', (wire) => wire.send(made((out) => writeWindowUpdate(out, 0, 0, 0)))],
  ['a window beyond its bound', (wire) => wire.send(made((out) => writeWindowUpdate(out, 0, 0, 0x7fffffff)))],
  ['a setting out of its range', (wire) => wire.send(made((out) => writeSettings(out, 0, [[5, 1]])))],
  ['a server that lets itself be pushed to', (wire) => wire.send(made((out) => writeSettings(out, 0, [[2, 1]])))],
  ['PUSH_PROMISE', (wire, id) => wire.send(frame(frameType.pushPromise, 4, id, Buffer.from([0, 0, 0, 2, 0x82])))],
  ['a frame larger than allowed', (wire, id) => wire.send(frame(frameType.data, 0, id, Buffer.alloc(16_385)))],
  [
    'a flood of PING',
    (wire) =>
      wire.send(Buffer.concat(Array.from({ length: 1100 }, () => frame(frameType.ping, 0, 0, Buffer.alloc(8))))),
  ],
])('%s ends the connection, and the load goes on over another', async (_name, otherwise) => {
  let connections = 0
  await using server = await serveFrames(sometimes(otherwise), () => connections++)
  const result = await runLoad({ url: server.url, ...short, pipeline: 2 })
  const { parse, reset } = result.errorsByKind
  expect(parse).toBeGreaterThan(1)
  expect(reset).toBeLessThanOrEqual(parse)
  expect(result.errors).toBe(parse + reset)
  expect(connections).toBeGreaterThan(2)
  expect(result.requests).toBeGreaterThan(parse)
})

test('GOAWAY: what it names is answered, what it does not is an error of kind goaway', async () => {
  let waiting: number[] = []
  await using server = await serveFrames((wire, streamId) => {
    waiting.push(streamId)
    if (waiting.length < 4) return
    const [first, second] = waiting
    waiting = []
    wire.send(made((out) => writeGoaway(out, 0, second!)))
    wire.answer(first!, ok, hello)
    wire.answer(second!, ok, hello)
    setTimeout(() => wire.end(), 5)
  })
  const result = await runLoad({ url: server.url, ...short, pipeline: 4 })
  expect(result.requests).toBeGreaterThan(1)
  expect(result.errorsByKind.goaway).toBeGreaterThan(1)
  expect(result.errors).toBe(result.errorsByKind.goaway)
  // Two of four each time; the last four may have fallen beyond the end of the measured time.
  expect(Math.abs(result.errors - result.requests)).toBeLessThanOrEqual(2)
})

test('GOAWAY with a reason: all that is outstanding is an error of kind goaway', async () => {
  await using server = await serveFrames((wire, streamId) => {
    if (streamId < 20) return wire.answer(streamId, ok, hello)
    wire.send(made((out) => writeGoaway(out, 0, streamId, errorCode.enhanceYourCalm)))
    wire.end()
  })
  const result = await runLoad({ url: server.url, ...short })
  expect(result.errorsByKind.goaway).toBeGreaterThan(1)
  expect(result.errors).toBe(result.errorsByKind.goaway)
})

test('RST_STREAM behind an answer changes nothing', async () => {
  await using server = await serveFrames((wire, streamId) => {
    wire.answer(streamId, ok, hello)
    wire.send(made((out) => writeRstStream(out, 0, streamId, errorCode.noError)))
  })
  expect(await runLoad({ url: server.url, ...short })).toMatchObject({ errors: 0, valid: true })
})

test('a server that closes without a word: outstanding requests are reset, and nobody hangs', async () => {
  await using server = await serveFrames(sometimes((wire) => wire.end()))
  const result = await runLoad({ url: server.url, ...short })
  expect(result.errorsByKind.reset).toBeGreaterThan(1)
  expect(result.errors).toBe(result.errorsByKind.reset)
})

test('a server that never says SETTINGS again: opening times out', async () => {
  let looked = false
  await using server = await serveBytes((socket) => {
    if (!looked) socket.write(made((out) => writeSettings(out, 0, [])))
    looked = true
    socket.resume()
  })
  const result = await runLoad({ url: server.url, ...short, timeoutS: 0.1, durationS: 0.3 })
  expect(result.errors).toBe(result.errorsByKind.connect)
  expect(result.errors).toBeGreaterThan(0)
})
