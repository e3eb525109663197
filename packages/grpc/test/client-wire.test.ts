import { constants, createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { systemClock } from '@qps/core'
import {
  create,
  createGrpcClient,
  createGrpcServer,
  EchoRequestSchema,
  ExpandRequestSchema,
  type GrpcClient,
  GrpcError,
  type GrpcLimits,
  GrpcStatus,
  workload,
  workloadDefinition as methods,
} from '@qps/grpc'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { echoMessage, rawFrame } from './raw.ts'

type Answer = (stream: ServerHttp2Stream) => void

let server: Http2Server
let answer: Answer
let client: GrpcClient
let port: number
let sessions: ServerHttp2Session[]
let streams: number

async function listen(at = 0, settings = {}): Promise<void> {
  sessions = []
  streams = 0
  server = createServer({ settings })
  server.on('session', (session) => sessions.push(session))
  server.on('stream', (stream: ServerHttp2Stream) => {
    streams++
    stream.on('error', () => undefined)
    answer(stream)
  })
  server.listen(at, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
}

function connectTo(limits: Partial<GrpcLimits> = {}): GrpcClient {
  return createGrpcClient({ origin: `http://127.0.0.1:${port}`, limits })
}

beforeEach(async () => {
  await listen()
  client = connectTo()
})
afterEach(async () => {
  await client.close(100)
  for (const session of sessions) session.destroy()
  server.close()
})

const ok = { ':status': 200, 'content-type': 'application/grpc' }
const request = create(EchoRequestSchema, { payload: Buffer.from('hello') })
const echoed = rawFrame(echoMessage(Buffer.from('hello')))

/** Headers, body, trailers. */
function reply(stream: ServerHttp2Stream, body: Uint8Array, trailers: Record<string, string> | undefined): void {
  stream.respond(ok, { waitForTrailers: trailers !== undefined })
  if (trailers) stream.on('wantTrailers', () => stream.sendTrailers(trailers))
  stream.end(body)
}

async function failure(calling: Promise<unknown>): Promise<GrpcError> {
  const error = await calling.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(GrpcError)
  return error as GrpcError
}

describe('an answer', () => {
  test.each([
    [400, 'INTERNAL'],
    [401, 'UNAUTHENTICATED'],
    [403, 'PERMISSION_DENIED'],
    [404, 'UNIMPLEMENTED'],
    [429, 'UNAVAILABLE'],
    [503, 'UNAVAILABLE'],
    [418, 'UNKNOWN'],
  ] as const)('with the HTTP status %d is %s', async (status, name) => {
    answer = (stream) => stream.respond({ ':status': status }, { endStream: true })
    expect((await failure(client.unary(methods.echo, request))).code).toBe(GrpcStatus[name])
  })

  test('of another content type is UNKNOWN', async () => {
    answer = (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'text/html' })
      stream.end('<html>')
    }
    expect((await failure(client.unary(methods.echo, request))).code).toBe(GrpcStatus.UNKNOWN)
  })

  test('without a status is INTERNAL', async () => {
    answer = (stream) => reply(stream, echoed, undefined)
    expect((await failure(client.unary(methods.echo, request))).code).toBe(GrpcStatus.INTERNAL)
  })

  test.each([
    ['none', Buffer.alloc(0)],
    ['two', Buffer.concat([echoed, echoed])],
    ['half', echoed.subarray(0, 6)],
  ])('with %s of one reply is INTERNAL', async (_what, body) => {
    answer = (stream) => reply(stream, body, { 'grpc-status': '0' })
    expect((await failure(client.unary(methods.echo, request))).code).toBe(GrpcStatus.INTERNAL)
  })

  test('with a message beyond the limit is RESOURCE_EXHAUSTED, by its prefix', async () => {
    answer = (stream) => {
      stream.respond(ok)
      stream.write(Buffer.from([0, 0x7f, 0, 0, 0]))
    }
    expect((await failure(client.unary(methods.echo, request))).code).toBe(GrpcStatus.RESOURCE_EXHAUSTED)
  })

  test('in trailers alone has its status, message and metadata', async () => {
    const status = { 'grpc-status': '5', 'grpc-message': 'gone %E2%98%BA', hint: 'look elsewhere' }
    answer = (stream) => stream.respond({ ...ok, ...status }, { endStream: true })
    const error = await failure(client.unary(methods.echo, request))
    expect([error.code, error.details, error.message]).toEqual([5, 'gone ☺', 'NOT_FOUND: gone ☺'])
    expect(error.metadata.toHttp2Headers()).toEqual({ hint: ['look elsewhere'] })
  })

  test.each([
    [0x2, 'INTERNAL'],
    [0x8, 'CANCELLED'],
    [0xb, 'RESOURCE_EXHAUSTED'],
  ] as const)('that is a reset with the code %d is %s', async (code, name) => {
    answer = (stream) => stream.close(code)
    expect((await failure(client.unary(methods.echo, request))).code).toBe(GrpcStatus[name])
  })
})

describe('a call that was refused unprocessed', () => {
  test('is sent once more', async () => {
    answer = (stream) => (streams === 1 ? stream.close(0x7) : reply(stream, echoed, { 'grpc-status': '0' }))
    expect(Buffer.from((await client.unary(methods.echo, request)).payload).toString()).toBe('hello')
    expect(streams).toBe(2)
  })

  test('but only once', async () => {
    answer = (stream) => stream.close(0x7)
    const error = await failure(client.unary(methods.echo, request))
    expect([error.code, error.retryable, streams]).toEqual([GrpcStatus.UNAVAILABLE, true, 2])
  })
})

describe('a call', () => {
  test('sends the time that it has left, and ends when that is over', async () => {
    let timeout: unknown
    server.on('stream', (_stream, headers) => void (timeout = headers['grpc-timeout']))
    answer = () => undefined
    const error = await failure(client.unary(methods.echo, request, { timeoutMs: 50 }))
    expect(error.code).toBe(GrpcStatus.DEADLINE_EXCEEDED)
    expect(timeout).toMatch(/^[0-9]{1,8}[nu]$/)
  })

  test('tells the server when its caller aborts', async () => {
    const closed = Promise.withResolvers<number>()
    const abort = new AbortController()
    answer = (stream) => {
      stream.on('close', () => closed.resolve(stream.rstCode))
      abort.abort()
    }
    const error = await failure(client.unary(methods.echo, request, { signal: abort.signal }))
    expect([error.code, await closed.promise]).toEqual([GrpcStatus.CANCELLED, 0x8])
  })

  test('whose caller has aborted already is not sent', async () => {
    answer = () => undefined
    const error = await failure(client.unary(methods.echo, request, { signal: AbortSignal.abort() }))
    expect([error.code, streams]).toEqual([GrpcStatus.CANCELLED, 0])
  })

  test('with a request beyond the limit is not sent', async () => {
    await client.close()
    client = connectTo({ messageBytesMax: 5 })
    expect((await failure(client.unary(methods.echo, request))).code).toBe(GrpcStatus.RESOURCE_EXHAUSTED)
  })

  test('that streams ends for its reader with the status, after the replies', async () => {
    answer = (stream) =>
      reply(stream, Buffer.concat([echoed, echoed]), { 'grpc-status': '10', 'grpc-message': 'enough' })
    let replies = 0
    const reading = (async () => {
      for await (const _ of client.serverStream(methods.expand, create(ExpandRequestSchema))) replies++
    })()
    expect((await failure(reading)).details).toBe('enough')
    expect(replies).toBe(2)
  })

  test('whose reader leaves is cancelled', async () => {
    const closed = Promise.withResolvers<number>()
    answer = (stream) => {
      stream.on('close', () => closed.resolve(stream.rstCode))
      stream.respond(ok)
      stream.write(echoed)
    }
    for await (const _ of client.serverStream(methods.expand, create(ExpandRequestSchema))) break
    expect(await closed.promise).toBe(0x8)
  })

  test('that is over refuses what is written to it', async () => {
    answer = (stream) => stream.respond({ ...ok, 'grpc-status': '9', 'grpc-message': 'no' }, { endStream: true })
    const call = client.bidi(methods.chat)
    expect((await call.status).code).toBe(9)
    expect((await failure(call.write(request))).details).toBe('no')
  })
})

describe('a channel', () => {
  test('holds itself to the streams that the server allows, and queues the rest in order', async () => {
    server.close()
    await listen(0, { maxConcurrentStreams: 2 })
    await client.close()
    client = connectTo({ queueMax: 3 })
    const open: ServerHttp2Stream[] = []
    answer = (stream) => void open.push(stream)
    const calls = [1, 2].map(() => client.unary(methods.echo, request))
    await expect.poll(() => open.length).toBe(2)
    calls.push(...[3, 4, 5].map(() => client.unary(methods.echo, request)))
    expect(client.queued).toBe(3)
    expect((await failure(client.unary(methods.echo, request))).code).toBe(GrpcStatus.RESOURCE_EXHAUSTED)
    answer = (stream) => reply(stream, echoed, { 'grpc-status': '0' })
    for (const stream of open) answer(stream)
    await Promise.all(calls)
    expect([client.queued, streams]).toEqual([0, 5])
  })

  test('a deadline counts while a call waits', async () => {
    server.close()
    await listen(0, { maxConcurrentStreams: 1 })
    await client.close()
    client = connectTo()
    answer = () => undefined
    const first = client.unary(methods.echo, request, { timeoutMs: 300 }).catch((error: unknown) => error)
    const second = failure(client.unary(methods.echo, request, { timeoutMs: 30 }))
    expect((await second).code).toBe(GrpcStatus.DEADLINE_EXCEEDED)
    expect(client.queued).toBe(0)
    await first
    expect(streams).toBe(1)
  })

  test.each([
    ['after the deadline is the deadline, though our timer is not yet through', 1, GrpcStatus.DEADLINE_EXCEEDED],
    ['before it is a cancellation', 60_000, GrpcStatus.CANCELLED],
  ])('a reset with CANCEL %s', async (_, timeoutMs, code) => {
    await client.close()
    const lateTimers = { ...systemClock, after: () => ({ [Symbol.dispose]: () => undefined }) }
    client = createGrpcClient({ origin: `http://127.0.0.1:${port}`, clock: lateTimers })
    answer = (stream) => void setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), 5)
    expect((await failure(client.unary(methods.echo, request, { timeoutMs }))).code).toBe(code)
  })

  test('nobody there is UNAVAILABLE, at once for a while, and then tried again', async () => {
    server.close()
    await client.close()
    client = connectTo({ backoffMs: 100 })
    const first = await failure(client.unary(methods.echo, request))
    expect([first.code, first.retryable]).toEqual([GrpcStatus.UNAVAILABLE, true])
    expect(first.details).toContain('ECONNREFUSED')
    await listen(port)
    answer = (stream) => reply(stream, echoed, { 'grpc-status': '0' })
    await failure(client.unary(methods.echo, request))
    expect(streams).toBe(0)
    await expect
      .poll(() =>
        client.unary(methods.echo, request).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true)
  })

  test('a connection that is lost fails its calls, and the next call has another', async () => {
    answer = (stream) => stream.session?.destroy()
    expect((await failure(client.unary(methods.echo, request))).code).toBe(GrpcStatus.UNAVAILABLE)
    answer = (stream) => reply(stream, echoed, { 'grpc-status': '0' })
    await client.unary(methods.echo, request)
    expect(sessions).toHaveLength(2)
  })

  test('a server that says goodbye keeps its calls, and the next call has another connection', async () => {
    let held: ServerHttp2Stream | undefined
    answer = (stream) => {
      held = stream
      stream.session!.goaway(0)
    }
    const first = client.unary(methods.echo, request)
    await expect.poll(() => held).toBeDefined()
    answer = (stream) => reply(stream, echoed, { 'grpc-status': '0' })
    await expect.poll(async () => (await client.unary(methods.echo, request), sessions.length)).toBe(2)
    answer(held!)
    expect((await first).payload).toHaveLength(5)
  })

  test('a server that does not speak is given up', async () => {
    const { createServer: createTcp } = await import('node:net')
    const mute = createTcp(() => undefined)
    mute.listen(0, '127.0.0.1')
    await once(mute, 'listening')
    await using mutely = createGrpcClient({
      origin: `http://127.0.0.1:${(mute.address() as AddressInfo).port}`,
      limits: { connectTimeoutMs: 50 },
    })
    const error = await failure(mutely.unary(methods.echo, request))
    expect([error.code, error.details]).toEqual([14, expect.stringContaining('no connection within 50 ms')])
    mute.close()
  })

  test('that is closed takes no calls', async () => {
    await client.close()
    expect((await failure(client.unary(methods.echo, request))).code).toBe(GrpcStatus.UNAVAILABLE)
  })

  test.each(['', '127.0.0.1:1', 'ftp://host', 'nonsense'])('the origin %j is refused', (origin) => {
    expect(() => createGrpcClient({ origin })).toThrow(expect.objectContaining({ code: 'QPS_OPTION' }))
  })
})

describe('drain', () => {
  test('no call is lost, of several clients that go on calling', async () => {
    const replies: boolean[] = []
    const grpcServer = createGrpcServer()
    const service = workload({ status: () => Buffer.alloc(0) })
    grpcServer.addService(methods, {
      ...service,
      echo: (call: never, callback: never) => void setTimeout(() => service.echo(call, callback), 2),
    })
    const { url } = await grpcServer.listen()
    const clients = [1, 2, 3].map(() => createGrpcClient({ origin: url }))
    const load = { stopping: false }
    const work = async (calling: GrpcClient): Promise<void> => {
      while (!load.stopping) {
        const error = await calling.unary(methods.echo, request).then(
          () => undefined,
          (thrown: GrpcError) => thrown,
        )
        // Nobody listens any more: a call that was surely not begun is no call that was lost.
        if (error?.retryable === true) return
        replies.push(error === undefined)
      }
    }
    const workers = clients.flatMap((calling) => Array.from({ length: 8 }, () => work(calling)))
    await expect.poll(() => replies.length).toBeGreaterThan(100)
    await expect.poll(() => grpcServer.inFlight, { interval: 1 }).toBeGreaterThan(4)
    const report = await grpcServer.close(2_000)
    load.stopping = true
    await Promise.all(workers)
    expect(replies.every(Boolean)).toBe(true)
    expect(report.dropped).toBe(0)
    expect(report.completed).toBeGreaterThan(0)
    for (const calling of clients) await calling.close()
  })

  test('what does not end is cut at the limit, and counted', async () => {
    const grpcServer = createGrpcServer()
    grpcServer.addService(methods, { echo: () => undefined })
    const { url } = await grpcServer.listen()
    await using calling = createGrpcClient({ origin: url })
    const stuck = failure(calling.unary(methods.echo, request))
    await expect.poll(() => grpcServer.inFlight).toBe(1)
    const report = await grpcServer.close(100)
    expect([report.dropped, report.ms >= 100 && report.ms < 1_000]).toEqual([1, true])
    expect((await stuck).code).toBe(GrpcStatus.UNAVAILABLE)
  })
})
