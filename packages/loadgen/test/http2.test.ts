import { constants } from 'node:http2'
import { type LoadOptions, runLoad } from '@qps/loadgen'
import { probe } from '@qps/netpoll'
import { describe, expect, test, vi } from 'vitest'
import { helloHttp2, serveHttp2, type StreamListener } from './http2-servers.ts'
import { hello, serve } from './servers.ts'

const short = { protocol: 'h2', durationS: 0.4, connections: 4 } as const

test('a closed loop counts every answer, once', async () => {
  let served = 0
  await using server = await serveHttp2((stream, headers) => {
    served++
    helloHttp2(stream, headers)
  })
  const result = await runLoad({ url: server.url, ...short, pipeline: 8 })
  expect(result).toMatchObject({ protocol: 'h2', pipeline: 8, errors: 0, status: { 200: result.requests } })
  expect(Object.keys(result.errorsByKind)).toEqual(
    'connect reset timeout parse status length unsent stream goaway'.split(' '),
  )
  expect(result.requests).toBeGreaterThan(8)
  // Those outstanding at the end are answered too, and not counted.
  expect(served - result.requests).toBeGreaterThanOrEqual(0)
  expect(served - result.requests).toBeLessThanOrEqual(32)
})

test('so many streams are in flight on a connection, answered in any order', async () => {
  const waiting = new Set<() => void>()
  let most = 0
  await using server = await serveHttp2((...stream) => {
    const answer = (): void => void (waiting.delete(answer) && helloHttp2(...stream))
    most = Math.max(most, waiting.add(answer).size)
    // Of eight, the last is answered first, and the first a good deal later than the others.
    if (waiting.size === 8) for (const answer of [...waiting].slice(1).toReversed()) answer()
    setTimeout(answer, 5)
  })
  const result = await runLoad({ url: server.url, ...short, connections: 1, pipeline: 8 })
  expect([most, result.errors]).toEqual([8, 0])
  expect(result.requests).toBeGreaterThan(50)
})

test('an open loop offers exactly its rate', async () => {
  let served = 0
  await using server = await serveHttp2((stream, headers) => {
    served++
    helloHttp2(stream, headers)
  })
  const result = await runLoad({ url: server.url, ...short, durationS: 0.5, rateQps: 400 })
  expect([result.offeredQps, result.requests, served, result.errors]).toEqual([400, 200, 200, 0])
})

test('a stall is in the latency of every request that was intended during it', async () => {
  let servedFirstMs: number | undefined
  await using server = await serveHttp2((...stream) => {
    const nowMs = performance.now()
    servedFirstMs ??= nowMs
    const inStall = nowMs - servedFirstMs >= 100 && nowMs - servedFirstMs < 300
    setTimeout(() => helloHttp2(...stream), inStall ? servedFirstMs + 300 - nowMs : 0)
  })
  const result = await runLoad({ url: server.url, ...short, connections: 1, durationS: 0.5, rateQps: 100 })
  expect([result.requests, result.errors]).toEqual([50, 0])
  expect(result.latencyMs.p90).toBeGreaterThan(100)
  expect(result.latencyMs.max).toBeGreaterThan(180)
})

test('method, path, host and headers arrive', async () => {
  const seen = new Set<string>()
  await using server = await serveHttp2((stream, headers) => {
    seen.add(JSON.stringify(headers))
    helloHttp2(stream, headers)
  })
  const url = `${server.url}a/b?c=1`
  const headers = { 'X-Some': ' thing ', Host: 'shop.example', ['__proto__']: 'y' }
  expect(await runLoad({ url, ...short, method: 'DELETE', headers })).toMatchObject({ errors: 0 })
  const arrived = { ':method': 'DELETE', ':scheme': 'http', ':authority': 'shop.example', ':path': '/a/b?c=1' }
  expect([...seen]).toEqual([JSON.stringify({ ...arrived, 'x-some': 'thing', ['__proto__']: 'y' })])
})

const echo: StreamListener = (stream, headers) => {
  const pieces: Buffer[] = []
  stream.on('data', (piece: Buffer) => pieces.push(piece))
  stream.on('end', () => {
    const body = Buffer.concat(pieces)
    stream.respond({ ':status': 200, 'content-length': body.length, 'x-length': headers['content-length'] })
    stream.end(body)
  })
}

describe('flow control', () => {
  // 5 bytes, one window, more than a window of a stream and of the connection.
  test.each([5, 65_535, 200_000])('%i bytes there and back, within the windows of both', async (bytes) => {
    const lengths = new Set<number>()
    await using server = await serveHttp2((stream, headers) => {
      let length = 0
      stream.on('data', (piece: Buffer) => (length += piece.length))
      stream.on('end', () => lengths.add(length))
      echo(stream, headers)
    })
    const body = 'b'.repeat(bytes)
    // Our own windows are the smallest there are, so that they have to be opened again and again.
    const options = { method: 'POST', body, pipeline: 3, connections: 2, windowBytes: 65_535, durationS: 0.6 }
    const result = await runLoad({ url: server.url, ...short, ...options })
    expect(result).toMatchObject({ errors: 0, status: { 200: result.requests } })
    expect(result.requests).toBeGreaterThan(0)
    expect([...lengths]).toEqual([bytes])
  })

  test('a server that changes its window while requests wait for it', async () => {
    await using server = await serveHttp2(echo, { settings: { initialWindowSize: 1000 } })
    server.server.on('session', (session) => {
      setTimeout(() => session.closed || session.settings({ initialWindowSize: 50 }), 50)
      setTimeout(() => session.closed || session.settings({ initialWindowSize: 100_000 }), 100)
    })
    const result = await runLoad({ url: server.url, ...short, method: 'POST', body: 'b'.repeat(5000), pipeline: 4 })
    expect(result).toMatchObject({ errors: 0 })
    expect(result.requests).toBeGreaterThan(0)
  })

  test('an answer that comes before its request has ended counts, and the connection goes on', async () => {
    await using server = await serveHttp2((stream) => {
      stream.respond({ ':status': 200, 'content-length': 5 })
      stream.end('hello')
    })
    const result = await runLoad({ url: server.url, ...short, method: 'POST', body: 'b'.repeat(100_000), pipeline: 2 })
    expect(result.errorsByKind).toMatchObject({ parse: 0, reset: 0, stream: 0, goaway: 0 })
    expect(result.requests).toBeGreaterThan(8)
  })
})

test('a header table of another size, and none', async () => {
  for (const headerTableSize of [0, 100, 65_536]) {
    await using server = await serveHttp2(helloHttp2, { settings: { headerTableSize } })
    const result = await runLoad({ url: server.url, ...short, headers: { 'x-long': 'v'.repeat(300) } })
    expect(result, String(headerTableSize)).toMatchObject({ errors: 0 })
  }
})

test('fewer streams than were asked for: kept to, and said', async () => {
  let most = 0
  let now = 0
  await using server = await serveHttp2(
    (...stream) => {
      most = Math.max(most, ++now)
      setTimeout(() => {
        now--
        helloHttp2(...stream)
      }, 5)
    },
    { settings: { maxConcurrentStreams: 3 } },
  )
  const result = await runLoad({ url: server.url, ...short, connections: 1, pipeline: 8 })
  expect([most, result.errors, result.valid]).toEqual([3, 0, false])
  expect(result.reasons).toEqual([expect.stringMatching(/^the server allows 3 streams in flight .* the 8 asked for/)])
  // Little's law is about the streams that there were.
  expect(result.littleRatio).toBeGreaterThan(0.85)
  expect(result.littleRatio).toBeLessThan(1.15)
})

test('an answer without content, and one to HEAD', async () => {
  await using server = await serveHttp2((stream) => stream.respond({ ':status': 204 }, { endStream: true }))
  expect(await runLoad({ url: server.url, ...short })).toMatchObject({ errors: 0, status: { 204: expect.anything() } })
  await using other = await serveHttp2((stream) =>
    stream.respond({ ':status': 200, 'content-length': 5 }, { endStream: true }),
  )
  expect(await runLoad({ url: other.url, ...short, method: 'HEAD' })).toMatchObject({ errors: 0, valid: true })
})

test('interim answers and trailers are passed over', async () => {
  await using server = await serveHttp2((stream) => {
    stream.additionalHeaders({ ':status': 103, link: '</a>' })
    stream.respond({ ':status': 200, 'content-length': 5 }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-some': 'trailer' }))
    stream.end('hello')
  })
  expect(await runLoad({ url: server.url, ...short })).toMatchObject({ errors: 0, valid: true })
})

test('a server that says goodbye loses only what it had not looked at, and the load goes on over a new connection', async () => {
  let sessions = 0
  await using server = await serveHttp2(helloHttp2)
  server.server.on('session', (session) => {
    // The first one is the look that is taken before the load.
    if (sessions++ > 0 && sessions < 8) setTimeout(() => session.close(), 40)
  })
  const result = await runLoad({ url: server.url, ...short, connections: 2, durationS: 0.5 })
  expect(sessions).toBeGreaterThan(4)
  // What is sent while GOAWAY is under way was not looked at: that, and nothing else, can be lost.
  expect(result.errors).toBe(result.errorsByKind.goaway! + result.errorsByKind.stream!)
  expect(result.errors).toBeLessThanOrEqual(sessions)
  expect(result.requests).toBeGreaterThan(100)
})

test('a server that stops in order ends the run, without an error', async () => {
  const sessions = new Set<{ close(): void }>()
  let served = 0
  await using server = await serveHttp2((stream, headers) => {
    helloHttp2(stream, headers)
    if (++served !== 5) return
    server.server.close()
    for (const session of sessions) session.close()
  })
  server.server.on('session', (session) => sessions.add(session))
  const result = await runLoad({ url: server.url, ...short, connections: 2, rateQps: 20, durationS: 30 })
  expect(result.errors).toBe(0)
  expect(result.requests).toBeGreaterThanOrEqual(5)
  expect(result.reasons).toContainEqual(expect.stringMatching(/^server stopped listening after \d\.\d s/))
})

test('a stream that the server resets is an error of kind stream, and no other is touched', async () => {
  let served = 0
  await using server = await serveHttp2((stream, headers) => {
    if (served++ % 4 === 3) stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    else helloHttp2(stream, headers)
  })
  const result = await runLoad({ url: server.url, ...short, connections: 1, pipeline: 4 })
  expect(result.errors).toBe(result.errorsByKind.stream)
  expect(result.errors).toBeGreaterThan(5)
  expect(result.requests).toBeGreaterThan(result.errors)
})

test('statuses and lengths are checked', async () => {
  let served = 0
  await using server = await serveHttp2((stream) => {
    served++
    const body = served % 3 === 0 ? 'hello!' : 'hello'
    stream.respond({ ':status': served % 5 === 0 ? 503 : 200, 'content-length': body.length })
    stream.end(body)
  })
  const result = await runLoad({ url: server.url, ...short, connections: 1 })
  const { status, length } = result.errorsByKind
  expect(Math.min(status, length)).toBeGreaterThan(3)
  expect(result.errors).toBe(status + length)
  expect(result.status['503']).toBe(status)
})

test('a server that answers nothing: timeouts, each stream for itself', async () => {
  let served = 0
  await using server = await serveHttp2((stream, headers) => {
    if (served++ % 10 !== 9) setTimeout(() => helloHttp2(stream, headers), 2)
  })
  const result = await runLoad({ url: server.url, ...short, connections: 1, pipeline: 4, durationS: 1, timeoutS: 0.2 })
  expect(result.errors).toBe(result.errorsByKind.timeout)
  expect(result.errors).toBeGreaterThan(3)
  expect(result.requests).toBeGreaterThan(20)
})

test('a server of HTTP/1.1 is refused at once, with what to do', async () => {
  await using server = await serve(hello)
  const error: unknown = await runLoad({ url: server.url, ...short }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({
    code: 'QPS_PROTOCOL',
    message: expect.stringContaining('not with HTTP/2') as string,
    hint: expect.stringContaining('--protocol h1') as string,
  })
})

const found = probe()
const backends = (['io_uring', 'epoll', 'libuv'] as const).filter((backend) => found[backend] === undefined)

describe.each([...backends, 'node:net'])('over %s', (name) => {
  test('large bodies on many streams', async () => {
    await using server = await serveHttp2(echo)
    // A worker thread gets a copy of the environment when it starts.
    vi.stubEnv('QPS_NETPOLL_FORBID', backends.slice(0, backends.indexOf(name as (typeof backends)[0])).join(','))
    const options: LoadOptions = { url: server.url, ...short, pipeline: 10, method: 'POST', body: 'b'.repeat(20_000) }
    const transport = name === 'node:net' ? 'net' : 'netpoll'
    const result = await runLoad({ ...options, transport }).finally(() => vi.unstubAllEnvs())
    expect(result).toMatchObject({ errors: 0, transport: name })
    expect(result.requests).toBeGreaterThan(10)
  })
})
