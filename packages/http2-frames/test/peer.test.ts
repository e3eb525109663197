import { once } from 'node:events'
import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import {
  connectionPreface,
  FrameReader,
  frameFlag,
  frameType,
  type HeaderField,
  HpackDecoder,
  HpackEncoder,
  headersBytes,
  writeData,
  writeHeaders,
  writeSettings,
  writeSettingsAck,
} from '@qps/http2-frames'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { decodeBlock } from './decode.ts'

/* node:http2 (nghttp2) on the other end of a socket: it decodes what we encode, and we decode what it answers. */

interface Seen {
  headers: IncomingHttpHeaders
  body: string
}

const seen: Seen[] = []
let server: Http2Server
beforeAll(async () => {
  server = createServer()
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    let body = ''
    stream.setEncoding('latin1')
    stream.on('data', (piece: string) => (body += piece))
    stream.on('end', () => {
      seen.push({ headers: { ...headers }, body })
      stream.respond({ ':status': 203, ...answerFields, 'x-path': headers[':path'] }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-trailer': `${body.length}` }))
      stream.end(body.toUpperCase())
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

/** All visible bytes, a long value, one that Huffman makes longer, and a name that some objects would fall for. */
const answerFields = {
  'x-visible': String.fromCharCode(...Array.from({ length: 94 }, (_, at) => 0x21 + at)),
  'x-long': 'long '.repeat(300).trim(),
  'x-short': '\\^{}~|<>`',
  'content-type': 'text/plain',
  ['__proto__']: 'harmless',
}

test.each([true, false])('requests and answers of one connection, Huffman-coded by us: %s', async (huffman) => {
  seen.length = 0
  const encoder = new HpackEncoder({ huffman })
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const answers = answersOf(socket, 3)
  const requestFields: HeaderField[] = Object.entries(answerFields)
  const out = Buffer.alloc(64 * 1024)
  out.set(connectionPreface)
  let at = writeSettings(out, connectionPreface.length, [])
  at = writeSettingsAck(out, at)
  for (const streamId of [1, 3, 5]) {
    const fields: HeaderField[] = [
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', `/${streamId === 5 ? 3 : streamId}`],
      [':authority', 'localhost'],
      ...requestFields,
    ]
    const block = Buffer.alloc(HpackEncoder.blockBytesMax(fields))
    const encoded = block.subarray(0, encoder.encode(fields, block, 0))
    // The last one in pieces: CONTINUATION frames are legal, however short.
    const maxFrameBytes = streamId === 5 ? 10 : 16_384
    expect(at + headersBytes(encoded.length, maxFrameBytes)).toBeLessThan(out.length)
    at = writeHeaders(out, at, streamId, encoded, false, maxFrameBytes)
    at = writeData(out, at, streamId, Buffer.from(`body ${streamId}`), 0, 6, true)
  }
  socket.write(out.subarray(0, at))
  const got = await answers
  socket.destroy()

  expect(seen.map(({ body }) => body).toSorted()).toEqual(['body 1', 'body 3', 'body 5'])
  for (const { headers } of seen) for (const [name, value] of requestFields) expect(headers[name], name).toBe(value)
  for (const [streamId, { fields, body, trailers }] of got) {
    const values = new Map(fields)
    expect([values.get(':status'), values.get('x-path')]).toEqual(['203', `/${streamId === 5 ? 3 : streamId}`])
    for (const [name, value] of Object.entries(answerFields)) expect(values.get(name), name).toBe(value)
    expect([body, trailers]).toEqual([`BODY ${streamId}`, [['x-trailer', '6']]])
  }
})

interface Answer {
  fields: HeaderField[]
  body: string
  trailers: HeaderField[]
}

/** Reads so many answers from a socket, with the codec. */
async function answersOf(socket: ReturnType<typeof connect>, count: number): Promise<Map<number, Answer>> {
  const reader = new FrameReader()
  const decoder = new HpackDecoder()
  const answers = new Map<number, Answer>()
  let ended = 0
  for await (const piece of socket as AsyncIterable<Uint8Array>) {
    for (let at = 0; at < piece.length;) {
      at = reader.feed(piece, at, piece.length)
      expect(reader.failure).toBeUndefined()
      if (!reader.complete) break
      const content = Buffer.from(reader.bytes.subarray(reader.start, reader.end))
      const answer = answers.get(reader.streamId)
      if (reader.type === frameType.headers) {
        const fields = decodeBlock(decoder, content)
        expect([decoder.failure, decoder.malformed]).toEqual([undefined, false])
        if (answer === undefined) answers.set(reader.streamId, { fields, body: '', trailers: [] })
        else answer.trailers.push(...fields)
      } else if (reader.type === frameType.data) answer!.body += content.toString('latin1')
      else continue
      if ((reader.flags & frameFlag.endStream) !== 0) ended++
    }
    if (ended === count) return answers
  }
  throw new Error('the server closed before all answers were there')
}
