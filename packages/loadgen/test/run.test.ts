import { once } from 'node:events'
import { errorKinds, type LoadOptions, type LoadProgress, type LoadResult, runLoad } from '@qps/loadgen'
import { probe } from '@qps/netpoll'
import { describe, expect, test, vi } from 'vitest'
import { hello, serve, serveBytes } from './servers.ts'

const short = { durationS: 0.3, connections: 4 }

test('a closed loop counts every answer, once', async () => {
  let served = 0
  await using server = await serve((request, response) => {
    served++
    hello(request, response)
  })
  const result = await runLoad({ url: server.url, ...short })
  expect(result).toMatchObject({
    event: 'load',
    url: server.url,
    durationS: 0.3,
    connections: 4,
    pipeline: 1,
    threads: 1,
  })
  expect(result).toMatchObject({ offeredQps: null, errors: 0, status: { 200: result.requests } })
  // Those outstanding at the end are answered too, and not counted.
  expect(served - result.requests).toBeGreaterThanOrEqual(0)
  expect(served - result.requests).toBeLessThanOrEqual(4)
  expect(result.achievedQps).toBeCloseTo(result.requests / 0.3, 5)
  expect(result.generatorCpuUsPerRequest).toBeGreaterThan(0)
  expect(result.generatorBusy).toBeGreaterThan(0)
  expect(Object.keys(result.errorsByKind)).toEqual([...errorKinds])
})

test('latencies are ordered, and Little’s law holds', async () => {
  await using server = await serve((request, response) => void setTimeout(hello, 5, request, response))
  const { latencyMs, littleRatio, reasons, valid } = await runLoad({ url: server.url, ...short, durationS: 0.6 })
  expect(reasons).toEqual([])
  expect(valid).toBe(true)
  expect(latencyMs.p50).toBeGreaterThanOrEqual(4.5)
  expect(latencyMs.p50).toBeLessThanOrEqual(latencyMs.p90)
  expect(latencyMs.p90).toBeLessThanOrEqual(latencyMs.p99)
  expect(latencyMs.p99).toBeLessThanOrEqual(latencyMs.p999)
  expect(latencyMs.p999).toBeLessThanOrEqual(latencyMs.max)
  expect(littleRatio).toBeGreaterThan(0.9)
  expect(littleRatio).toBeLessThan(1.1)
})

test('an open loop offers exactly its rate', async () => {
  let served = 0
  await using server = await serve((request, response) => {
    served++
    hello(request, response)
  })
  const result = await runLoad({ url: server.url, ...short, durationS: 0.5, rateQps: 400 })
  expect([result.offeredQps, result.requests, served]).toEqual([400, 200, 200])
  expect(result.errors).toBe(0)
  expect(result.littleRatio).toBeGreaterThan(0.5)
})

test('a stall is in the latency of every request that was intended during it', async () => {
  let servedFirstMs: number | undefined
  await using server = await serve((request, response) => {
    const nowMs = performance.now()
    servedFirstMs ??= nowMs
    const inStall = nowMs - servedFirstMs >= 100 && nowMs - servedFirstMs < 300
    setTimeout(hello, inStall ? servedFirstMs + 300 - nowMs : 0, request, response)
  })
  // One connection only: a generator that waits for the answer would send, and count, a single slow request.
  const result = await runLoad({ url: server.url, connections: 1, durationS: 0.5, rateQps: 100 })
  expect(result.requests).toBe(50)
  expect(result.latencyMs.p50).toBeLessThan(60)
  expect(result.latencyMs.p90).toBeGreaterThan(100)
  expect(result.latencyMs.max).toBeGreaterThan(180)
})

test('a pipeline keeps so many requests outstanding on a connection', async () => {
  let outstanding = 0
  let most = 0
  await using server = await serveBytes((socket) => {
    socket.on('data', (bytes) => {
      const requests = bytes.toString('latin1').split('\r\n\r\n').length - 1
      outstanding += requests
      most = Math.max(most, outstanding)
      setTimeout(() => {
        outstanding -= requests
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'.repeat(requests))
      }, 2)
    })
  })
  const result = await runLoad({ url: server.url, connections: 1, pipeline: 8, durationS: 0.2 })
  expect([most, result.errors, result.pipeline]).toEqual([8, 0, 8])
  expect(result.requests).toBeGreaterThan(8)
})

test('threads share connections and rate', async () => {
  const ports = new Set<number>()
  await using server = await serve((request, response) => {
    ports.add(request.socket.remotePort!)
    hello(request, response)
  })
  const result = await runLoad({ url: server.url, connections: 5, threads: 2, durationS: 0.5, rateQps: 200 })
  expect([result.threads, result.requests, result.errors, ports.size]).toEqual([2, 100, 0, 5])
})

test('the warm-up is not in the figures', async () => {
  let served = 0
  await using server = await serve((request, response) => {
    served++
    setTimeout(hello, served <= 20 ? 100 : 0, request, response)
  })
  const result = await runLoad({ url: server.url, connections: 20, warmupS: 0.5, durationS: 0.3, rateQps: 40 })
  expect([result.requests, result.errors]).toEqual([12, 0])
  expect(served).toBe(32)
  expect(result.latencyMs.max).toBeLessThan(90)
})

test('progress is reported while it runs', async () => {
  await using server = await serve(hello)
  const reports: LoadProgress[] = []
  const result = await runLoad({
    url: server.url,
    ...short,
    durationS: 0.9,
    onProgress: (progress) => reports.push(progress),
  })
  expect(reports.length).toBeGreaterThanOrEqual(2)
  for (const report of reports) expect(report.qps).toBeGreaterThan(0)
  expect(reports.at(-1)!.requests).toBeLessThanOrEqual(result.requests)
  expect(reports.at(-1)!.elapsedS).toBeGreaterThan(reports[0]!.elapsedS)
})

test('an abort ends the run early, with what was measured', async () => {
  await using server = await serve(hello)
  const beganMs = performance.now()
  const result = await runLoad({ url: server.url, connections: 4, durationS: 60, signal: AbortSignal.timeout(800) })
  expect(performance.now() - beganMs).toBeLessThan(10_000)
  expect(result.durationS).toBeLessThan(5)
  expect(result.requests).toBeGreaterThan(0)
  expect(result).toMatchObject({
    errors: 0,
    valid: false,
    reasons: [expect.stringMatching(/^ended early by the caller/)],
  })
})

test('an abort before the beginning measures nothing', async () => {
  await using server = await serve(hello)
  const result = await runLoad({ url: server.url, durationS: 60, signal: AbortSignal.abort() })
  expect(result).toMatchObject({ requests: 0, durationS: 0, achievedQps: 0, errors: 0, valid: false })
})

test.each(['HEAD', 'POST', 'DELETE'])('%s is sent with its body and answered', async (method) => {
  const bodies = new Set<string>()
  await using server = await serve(async (request, response) => {
    let body = ''
    for await (const piece of request) body += String(piece)
    bodies.add(`${request.method} ${body}`)
    response.end(body)
  })
  const body = method === 'POST' ? { body: 'ping' } : {}
  const result = await runLoad({ url: server.url, ...short, method, ...body })
  expect(result).toMatchObject({ errors: 0, valid: true })
  expect([...bodies]).toEqual([method === 'POST' ? 'POST ping' : `${method} `])
})

test('chunked answers may differ in length', async () => {
  let served = 0
  await using server = await serve((_request, response) => {
    response.write('x'.repeat(1 + (served++ % 3)))
    response.end()
  })
  expect(await runLoad({ url: server.url, ...short })).toMatchObject({ errors: 0, valid: true })
})

test('nobody listens: says so at once', async () => {
  const server = await serve(hello)
  await server[Symbol.asyncDispose]()
  const error: unknown = await runLoad({ url: server.url, ...short }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({
    code: 'QPS_UNREACHABLE',
    message: expect.stringMatching(/^cannot connect to http:.*: nobody listens on port \d+ of 127\.0\.0\.1$/) as string,
    hint: expect.stringContaining('start a server') as string,
  })
})

test('a transport of another module carries the load', async () => {
  await using server = await serve(hello)
  const transport = new URL('counting-transport.ts', import.meta.url).href
  const result = await runLoad({ url: server.url, ...short, transport })
  expect(result).toMatchObject({ errors: 0, valid: true, transport: 'counting' })
})

const found = probe()
const backends = (['io_uring', 'epoll', 'libuv'] as const).filter((backend) => found[backend] === undefined)

describe.each(backends)('over %s', (backend) => {
  // A worker thread gets a copy of the environment when it starts.
  const forbidden = backends.slice(0, backends.indexOf(backend)).join(',')
  const over = (options: LoadOptions): Promise<LoadResult> => {
    vi.stubEnv('QPS_NETPOLL_FORBID', forbidden)
    return runLoad(options).finally(() => vi.unstubAllEnvs())
  }

  test('a closed loop, pipelined, with a body over 4 KiB', async () => {
    await using server = await serve(hello)
    const body = 'b'.repeat(6000)
    const result = await over({ url: server.url, ...short, pipeline: 8, method: 'POST', body })
    expect(result).toMatchObject({ errors: 0, transport: backend })
    expect(result.requests).toBeGreaterThan(0)
  })

  test('an open loop sends what it offers', async () => {
    await using server = await serve(hello)
    const result = await over({ url: server.url, connections: 4, durationS: 0.5, rateQps: 400 })
    expect(result).toMatchObject({ errors: 0, requests: 200, transport: backend })
  })
})

test('node:net can still be chosen', async () => {
  await using server = await serve(hello)
  const result = await runLoad({ url: server.url, ...short, transport: 'net' })
  expect(result).toMatchObject({ errors: 0, transport: 'node:net' })
})

test('a transport that does not exist is an error, not a hang', async () => {
  await using server = await serve(hello)
  await expect(runLoad({ url: server.url, transport: 'file:///no/such/transport.js' })).rejects.toThrow(
    /generating thread failed/,
  )
})

test('nothing stays open', async () => {
  await using server = await serve(hello)
  await runLoad({ url: server.url, ...short })
  const deadlineMs = performance.now() + 2000
  const open = (): Promise<number> =>
    new Promise((resolve) => server.server.getConnections((_, count) => resolve(count)))
  while ((await open()) > 0 && performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(await open()).toBe(0)
  server.server.close()
  await once(server.server, 'close')
})
