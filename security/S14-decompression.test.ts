import { readFile } from 'node:fs/promises'
import { once } from 'node:events'
import { type ClientHttp2Session, connect, createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { createGzip, gzipSync } from 'node:zlib'
import {
  create,
  createGrpcClient,
  createGrpcServer,
  EchoReplySchema,
  EchoRequestSchema,
  grpcLimits,
  GrpcStatus,
  workloadDefinition,
} from '@qps/grpc'
import { describe, expect, test } from 'vitest'
import { hardenedHttp2WithOwn, startHttp2 } from './http2-variants.ts'
import { hardenedWithOwn, start } from './variants.ts'

const megabyte = 1_000_000
const oneMegabyte = Buffer.alloc(megabyte)
const { messageBytesMax, inflateRatioMax } = grpcLimits
/** Two bombs: one is beyond the size, and one only beyond the ratio. The first is the one that stock programs inflate. */
const bombs = [await bombOf(268), await bombOf(1)]
const http2Variants = hardenedHttp2WithOwn('messages')
const calls = http2Variants.filter(({ call }) => call !== undefined)
const surfaces = http2Variants.filter(({ call }) => call === undefined)

test('the limits are those of the row', () => {
  expect([messageBytesMax, inflateRatioMax]).toEqual([4 * 1024 * 1024, 100])
  const ratios = [(268 * megabyte) / bombs[0]!.length, megabyte / bombs[1]!.length]
  expect(Math.min(...ratios)).toBeGreaterThan(500)
})

describe('S14 bodies of HTTP are not decoded: a bomb stays as small as it came', () => {
  test.for(hardenedWithOwn('messages'))('$stage $variant: HTTP/1.1', async (variant) => {
    await using stage = await start(variant)
    const before = await peakBytes(stage.pid)
    const headers = { 'content-encoding': 'gzip', 'content-type': 'application/json' }
    for (let times = 0; times < 10; times++) {
      const answer = await fetch(`${stage.url}/echo`, { method: 'POST', headers, body: bombs[0]! })
      expect(Buffer.from(await answer.arrayBuffer()).equals(bombs[0]!)).toBe(true)
    }
    expect((await peakBytes(stage.pid)) - before).toBeLessThan(60 * megabyte)
  })

  test.for(surfaces)('$name: HTTP/2', async (variant) => {
    await using stage = await startHttp2(variant)
    const session = open(stage.http2Port, variant.secure)
    const before = await peakBytes(stage.pid)
    for (let times = 0; times < 10; times++) {
      const headers = { ':method': 'POST', ':path': '/echo', 'content-encoding': 'gzip' }
      const { status, body } = await exchange(session, headers, [bombs[0]!])
      expect([status, body.equals(bombs[0]!)]).toEqual([200, true])
    }
    expect((await peakBytes(stage.pid)) - before).toBeLessThan(60 * megabyte)
    session.destroy()
  })
})

describe('S14 messages of gRPC, at a server', () => {
  test.for(calls)('$name: bombs and messages beyond 4 MiB are refused, unread', async (variant) => {
    await using stage = await startHttp2(variant)
    const session = open(stage.http2Port, variant.secure)
    const headers = { ':method': 'POST', ':path': variant.call!, te: 'trailers', 'content-type': 'application/grpc' }
    const ask = async (pieces: Buffer[], more = {}): Promise<string> =>
      (await exchange(session, { ...headers, ...more }, pieces)).grpcStatus
    const gzip = { 'grpc-encoding': 'gzip' }
    // What is as large as it may be is taken; also compressed, where that is no bomb.
    const largest = Buffer.concat([payloadHead(messageBytesMax - 5), Buffer.alloc(messageBytesMax - 5)])
    expect(await ask([framed(largest)])).toBe('0')
    const honest = Buffer.concat([payloadHead(32_768), Buffer.alloc(32_768)])
    expect(await ask([framed(gzipSync(honest), 1)], gzip)).toBe('0')
    const before = await peakBytes(stage.pid)
    for (let times = 0; times < 5; times++) {
      for (const bomb of bombs) expect(await ask([framed(bomb, 1)], gzip)).toBe('8')
      // Its prefix alone says that it is too large.
      expect(await ask([framed(Buffer.alloc(0), 0, messageBytesMax + 1)])).toBe('8')
      expect(await ask([framed(Buffer.alloc(0), 1, 2 ** 32 - 1)], gzip)).toBe('8')
    }
    expect((await peakBytes(stage.pid)) - before).toBeLessThan(60 * megabyte)
    session.destroy()
  })
})

describe('S14 messages of gRPC, at a client', () => {
  test.each<[string, Buffer]>([
    ['a bomb', framed(bombs[0]!, 1)],
    ['a bomb of the ratio', framed(bombs[1]!, 1)],
    ['a message beyond 4 MiB', framed(Buffer.alloc(0), 0, messageBytesMax + 1)],
  ])('%s is refused', async (_what, bytes) => {
    const server = createServer()
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', () => {})
      stream.resume()
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' })
      stream.write(bytes)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await using client = createGrpcClient({ origin: `http://127.0.0.1:${port}` })
    const before = await peakBytes(process.pid)
    for (let times = 0; times < 10; times++) {
      const asked = client.unary(workloadDefinition.echo, create(EchoRequestSchema), { timeoutMs: 10_000 })
      await expect(asked).rejects.toMatchObject({ code: GrpcStatus.RESOURCE_EXHAUSTED })
    }
    expect((await peakBytes(process.pid)) - before).toBeLessThan(60 * megabyte)
    server.close()
  })

  test('neither side sends what the other one would refuse', async () => {
    const tooLarge = Buffer.alloc(messageBytesMax)
    await using server = createGrpcServer()
    server.addService(workloadDefinition, {
      echo: (_call: unknown, reply: (error: null, message: object) => void) =>
        reply(null, create(EchoReplySchema, { payload: tooLarge })),
    })
    const { url } = await server.listen()
    await using client = createGrpcClient({ origin: url })
    const exhausted = { code: GrpcStatus.RESOURCE_EXHAUSTED }
    const sent = client.unary(workloadDefinition.echo, create(EchoRequestSchema, { payload: tooLarge }))
    await expect(sent).rejects.toMatchObject(exhausted)
    expect(server.counters.calls).toBe(0)
    const received = client.unary(workloadDefinition.echo, create(EchoRequestSchema))
    await expect(received).rejects.toMatchObject(exhausted)
  })
})

/** A message with its five bytes. @param length as it is said; default the truth. */
function framed(message: Buffer, flag = 0, length = message.length): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = flag
  prefix.writeUInt32BE(length, 1)
  return Buffer.concat([prefix, message])
}

/** Field 1 of protobuf, bytes, and their number as a varint of four bytes at most. */
function payloadHead(length: number): Buffer {
  const bytes = [0x0a]
  for (let left = length; ; left >>>= 7) {
    if (left < 128) return Buffer.from([...bytes, left])
    bytes.push((left & 127) | 128)
  }
}

function open(port: number, secure: boolean): ClientHttp2Session {
  const session = connect(`${secure ? 'https' : 'http'}://127.0.0.1:${port}`, { rejectUnauthorized: false })
  return session.on('error', () => {})
}

interface Answer {
  status: number
  grpcStatus: string
  body: Buffer
}

async function exchange(session: ClientHttp2Session, headers: object, pieces: Buffer[]): Promise<Answer> {
  const stream = session.request(headers as Record<string, string>, { endStream: false })
  let head: Record<string, unknown> = {}
  const chunks: Buffer[] = []
  stream.on('error', () => {})
  stream.on('response', (fields) => (head = { ...head, ...fields }))
  stream.on('trailers', (fields) => (head = { ...head, ...fields }))
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  for (const piece of pieces) stream.write(piece)
  stream.end()
  await once(stream, 'close')
  return { status: Number(head[':status']), grpcStatus: String(head['grpc-status']), body: Buffer.concat(chunks) }
}

/** So many million zeros, compressed; never held as a whole, for this process's memory is looked at too. */
async function bombOf(megabytes: number): Promise<Buffer> {
  const gzip = createGzip()
  const zeros = Array.from({ length: megabytes }, () => oneMegabyte)
  return Buffer.concat(await Readable.from(zeros).pipe(gzip).toArray())
}

/** The most that a process ever had in memory: what was freed again counts. */
async function peakBytes(pid: number): Promise<number> {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))!
  return Number(kilobytes) * 1024
}
