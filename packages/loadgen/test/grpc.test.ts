import { runLoad } from '@qps/loadgen'
import { describe, expect, test } from 'vitest'
import { planLoad } from '../src/options.ts'
import { serveHttp2, type StreamListener } from './http2-servers.ts'

const short = { protocol: 'grpc', durationS: 0.3, connections: 2, pipeline: 4 } as const

/** What one call was, as the server saw it. */
interface Call {
  headers: Record<string, unknown>
  message: string
}

interface Reply {
  httpStatus?: number
  status?: string
  /** In place of the request's own body. */
  body?: Buffer
}

/** A unary echo by hand, so that it can answer wrongly. */
function echo(reply: (call: number) => Reply = () => ({}), calls: Call[] = []): StreamListener {
  let served = 0
  return (stream, headers) => {
    const pieces: Buffer[] = []
    stream.on('data', (piece: Buffer) => pieces.push(piece))
    stream.on('end', () => {
      const received = Buffer.concat(pieces)
      const { httpStatus = 200, status = '0', body = received } = reply(served++)
      calls.push({ headers: { ...headers }, message: received.toString('latin1') })
      stream.respond({ ':status': httpStatus, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers(status === '' ? { x: 'y' } : { 'grpc-status': status }))
      stream.end(body)
    })
  }
}

test('a unary call is framed as gRPC asks, and its answer counts', async () => {
  const calls: Call[] = []
  await using server = await serveHttp2(echo(() => ({}), calls))
  const result = await runLoad({
    url: `${server.url}qps.v1.Workload/Echo`,
    ...short,
    body: 'message',
    headers: { 'X-Key': 'v' },
  })
  expect(result).toMatchObject({
    protocol: 'grpc',
    errors: 0,
    valid: true,
    status: { 200: result.requests },
    grpcStatus: { 0: result.requests },
  })
  expect(Object.keys(result.errorsByKind).slice(-3)).toEqual(['stream', 'goaway', 'grpc'])
  expect(result.requests).toBeGreaterThan(8)
  expect(calls[0]).toMatchObject({
    headers: {
      ':method': 'POST',
      ':path': '/qps.v1.Workload/Echo',
      te: 'trailers',
      'content-type': 'application/grpc',
      'x-key': 'v',
    },
    message: '\0\0\0\0\x07message',
  })
})

test.each([0, 64, 16_384, 300_000])('grpcBytes %i: a message of protobuf with so much payload', async (grpcBytes) => {
  const calls: Call[] = []
  await using server = await serveHttp2(echo(() => ({}), calls))
  const result = await runLoad({ url: `${server.url}qps.v1.Workload/Echo`, ...short, grpcBytes })
  expect(result).toMatchObject({ errors: 0 })
  expect(result.requests).toBeGreaterThan(0)
  const body = Buffer.from(calls[0]!.message, 'latin1')
  expect(body.readUInt32BE(1)).toBe(body.length - 5)
  expect(body.subarray(body.length - grpcBytes).toString('latin1')).toBe('payload '.repeat(40_000).slice(0, grpcBytes))
})

test('the head of a payload’s field is protobuf’s', () => {
  const messageOf = (grpcBytes: number): string => {
    const { message } = planLoad({ url: 'http://h/s/m', protocol: 'grpc', grpcBytes })
    return message.protocol === 'h1' ? expect.unreachable() : Buffer.from(message.body).toString('hex', 0, 8)
  }
  // Zero, then the length of the message, then tag 1 of type 2 and the length of the field as a varint.
  expect([messageOf(0), messageOf(1), messageOf(127), messageOf(128)]).toEqual([
    '0000000000',
    '00000000030a0170',
    '00000000810a7f70',
    '00000000830a8001',
  ])
})

describe('wrong answers', () => {
  const every4th =
    (wrong: Reply) =>
    (call: number): Reply =>
      call % 4 === 3 ? wrong : {}
  test.each<[kind: 'grpc' | 'parse' | 'status' | 'length', name: string, wrong: Reply]>([
    ['grpc', 'a status other than OK', { status: '8', body: Buffer.alloc(0) }],
    ['grpc', 'a status that gRPC does not have', { status: '77' }],
    ['parse', 'no status', { status: '' }],
    ['parse', 'a status that is no number', { status: 'OK' }],
    ['parse', 'no message', { body: Buffer.alloc(0) }],
    ['parse', 'a message shorter than its head says', { body: Buffer.from([0, 0, 0, 0, 9, 1]) }],
    ['parse', 'two messages', { body: Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) }],
    ['length', 'a message of another length', { body: Buffer.from([0, 0, 0, 0, 1, 1]) }],
    ['status', 'an answer of HTTP that is not 200', { httpStatus: 503 }],
  ])('of kind %s: %s', async (kind, _name, wrong) => {
    await using server = await serveHttp2(echo(every4th(wrong)))
    const result = await runLoad({ url: `${server.url}qps.v1.Workload/Echo`, ...short, body: 'message' })
    expect(result.errors).toBe(result.errorsByKind[kind])
    expect(result.errors).toBeGreaterThan(1)
    expect(result.requests).toBeGreaterThan(result.errors)
    expect(result.valid).toBe(false)
  })

  test('a status is named, in the trailers and where nothing but it comes', async () => {
    let served = 0
    const trailersOnly: StreamListener = (stream) => {
      stream.resume()
      const fields = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' }
      stream.respond(fields, { endStream: true })
    }
    const withTrailers = echo(() => ({ status: '13' }))
    const well = echo()
    await using server = await serveHttp2((...stream) =>
      (served++ % 3 === 0 ? trailersOnly : served % 3 === 0 ? withTrailers : well)(...stream),
    )
    const { grpcStatus, errors, reasons, requests, status } = await runLoad({ url: `${server.url}a.B/C`, ...short })
    expect(Object.keys(grpcStatus!)).toEqual(['0', '12', '13'])
    expect([grpcStatus!['0'], grpcStatus!['12']! + grpcStatus!['13']!]).toEqual([requests, errors])
    expect(status).toEqual({ 200: requests + errors })
    expect(reasons).toContain('calls whose gRPC status is not 0: 12, 13')
  })
})

test('an open loop over gRPC', async () => {
  await using server = await serveHttp2(echo())
  const result = await runLoad({ url: `${server.url}a.B/C`, ...short, durationS: 0.5, rateQps: 200 })
  expect([result.requests, result.errors]).toEqual([100, 0])
})
