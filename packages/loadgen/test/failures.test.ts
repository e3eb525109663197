import { Server as TcpServer } from 'node:net'
import { type ErrorCounts, runLoad } from '@qps/loadgen'
import { expect, test } from 'vitest'
import { hello, serve, serveBytes } from './servers.ts'

const short = { durationS: 0.4, connections: 4 }
const answer = (length: number): string => `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`

/** The kinds that occurred. */
function kindsOf({ errorsByKind }: { errorsByKind: ErrorCounts }): string[] {
  return Object.entries(errorsByKind).flatMap(([kind, count]) => (count > 0 ? [kind] : []))
}

test('an answer that is not 2xx is an error of kind status, and its latency is not counted', async () => {
  let served = 0
  await using server = await serve((request, response) => {
    const fails = served++ % 2 === 1
    if (fails) response.statusCode = 503
    setTimeout(hello, fails ? 30 : 0, request, response)
  })
  const result = await runLoad({ url: server.url, ...short, connections: 1 })
  expect(kindsOf(result)).toEqual(['status'])
  expect(result.status).toEqual({ 200: result.requests, 503: result.errors })
  expect(result.valid).toBe(false)
  expect(result.reasons).toContain('answers that are not 2xx: 503')
  expect(result.reasons).toContain(`${result.errors} errors: ${result.errors} status`)
  expect(result.latencyMs.p50).toBeLessThan(25)
})

test('only errors: every figure is zero and the reason stands there', async () => {
  await using server = await serve((_request, response) => response.writeHead(500).end())
  const result = await runLoad({ url: server.url, ...short })
  expect(result).toMatchObject({ requests: 0, achievedQps: 0, littleRatio: 0, latencyMs: { mean: 0, p99: 0, max: 0 } })
  expect(result.reasons).toContain('no correct answer was measured')
  expect(JSON.stringify(result)).not.toContain('null,"p')
})

test('a body of another length is an error of kind length', async () => {
  let served = 0
  await using server = await serveBytes((socket) => {
    socket.on('data', () => socket.write(answer(served++ === 10 ? 6 : 5)))
  })
  const result = await runLoad({ url: server.url, ...short, connections: 1 })
  expect(result.errorsByKind.length).toBe(1)
  expect(kindsOf(result)).toEqual(['length'])
})

test('with lengthVaries it is not', async () => {
  let served = 0
  await using server = await serveBytes((socket) => {
    socket.on('data', () => socket.write(answer(served++ % 10)))
  })
  expect(await runLoad({ url: server.url, ...short, lengthVaries: true })).toMatchObject({ errors: 0, valid: true })
})

test('a connection cut with a request outstanding is an error of kind reset', async () => {
  let served = 0
  await using server = await serve((request, response) => {
    if (served++ === 20) request.socket.resetAndDestroy()
    else hello(request, response)
  })
  const result = await runLoad({ url: server.url, ...short })
  expect(result.errorsByKind.reset).toBe(1)
  expect(kindsOf(result)).toEqual(['reset'])
  expect(result.requests).toBeGreaterThan(20)
})

test('a close in order with requests outstanding loses each of them', async () => {
  let connections = 0
  await using server = await serveBytes((socket) => {
    const cut = ++connections === 2
    socket.on('data', (bytes) => {
      const requests = bytes.toString('latin1').split('\r\n\r\n').length - 1
      if (cut && requests === 8) socket.end(answer(1).repeat(3))
      else socket.write(answer(1).repeat(requests))
    })
  })
  const result = await runLoad({ url: server.url, durationS: 0.3, connections: 1, pipeline: 8 })
  // Five of the first eight, and the three that were sent when three answers had arrived.
  expect(result.errorsByKind.reset).toBe(8)
  expect(kindsOf(result)).toEqual(['reset'])
})

test('a server that never answers gives timeouts', async () => {
  await using server = await serveBytes((socket) => socket.resume())
  const result = await runLoad({ url: server.url, ...short, timeoutS: 0.1 })
  expect(kindsOf(result)).toEqual(['timeout'])
  expect(result.errors).toBeGreaterThanOrEqual(4)
})

test('an answer that trickles in does not escape the timeout', async () => {
  await using server = await serveBytes((socket) => {
    const drip = setInterval(() => socket.write('X: y\r\n'), 20)
    socket.write('HTTP/1.1 200 OK\r\n')
    socket.resume().once('close', () => clearInterval(drip))
  })
  const result = await runLoad({ url: server.url, durationS: 0.3, connections: 1, timeoutS: 0.1 })
  expect(kindsOf(result)).toContain('timeout')
})

test('nonsense is an error of kind parse', async () => {
  let served = 0
  await using server = await serveBytes((socket) => {
    socket.on('data', () => socket.write(served++ === 5 ? 'what?\r\n' : answer(1)))
  })
  const result = await runLoad({ url: server.url, ...short, connections: 1 })
  expect(kindsOf(result)).toEqual(['parse'])
  expect(result.errorsByKind.parse).toBe(1)
  expect(result.requests).toBeGreaterThan(5)
})

test('more answers than requests are an error of kind parse', async () => {
  let served = 0
  await using server = await serveBytes((socket) => {
    socket.on('data', () => socket.write(answer(1).repeat(served++ === 5 ? 2 : 1)))
  })
  const result = await runLoad({ url: server.url, ...short, connections: 1 })
  expect(kindsOf(result)).toContain('parse')
})

test('a connection too many, refused with 503 before it asks, is an error of kind status', async () => {
  let connections = 0
  await using server = await serveBytes((socket) => {
    if (++connections > 3)
      socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    else socket.on('data', () => socket.write(answer(1)))
  })
  const result = await runLoad({ url: server.url, ...short })
  expect(kindsOf(result)).toContain('status')
  expect(result.status['503']).toBeGreaterThan(0)
})

test('Connection: close on every answer is no error', async () => {
  await using server = await serve((request, response) => {
    response.shouldKeepAlive = false
    hello(request, response)
  })
  const result = await runLoad({ url: server.url, ...short })
  expect(result).toMatchObject({ errors: 0, valid: true })
  expect(result.requests).toBeGreaterThan(10)
})

test('idle connections that the server closes are opened again without error', async () => {
  await using server = await serve(hello)
  server.server.on('connection', (socket) => void setTimeout(() => socket.end(), 120))
  // Far apart, so that no request is under way when a connection ends.
  const result = await runLoad({ url: server.url, connections: 2, durationS: 1, rateQps: 5 })
  expect([result.requests, result.errors]).toEqual([5, 0])
})

test('a server that stops in order ends the run early, without an error', async () => {
  await using server = await serve(hello)
  server.server.once('request', () => setTimeout(stop, 300))
  const stop = (): void => {
    server.server.prependListener('request', (_request, response) => void (response.shouldKeepAlive = false))
    // As net.Server closes: http.Server would also cut connections whose next request is on its way.
    TcpServer.prototype.close.call(server.server)
  }
  const beganMs = performance.now()
  const result = await runLoad({ url: server.url, connections: 16, durationS: 30 })
  expect(performance.now() - beganMs).toBeLessThan(10_000)
  expect(result).toMatchObject({ errors: 0, valid: false })
  expect(result.reasons).toEqual([expect.stringMatching(/^server stopped listening after \d\.\d s$/)])
  expect(result.status['200']).toBe(result.requests)
})

test('an open loop ends early too when the server stops', async () => {
  await using server = await serve(hello)
  const stop = (): void => {
    server.server.prependListener('request', (_request, response) => void (response.shouldKeepAlive = false))
    TcpServer.prototype.close.call(server.server)
  }
  server.server.once('request', () => setTimeout(stop, 300))
  const result = await runLoad({ url: server.url, connections: 4, durationS: 30, rateQps: 50 })
  expect(result.reasons).toContainEqual(expect.stringMatching(/^server stopped listening after/))
  expect(result.errorsByKind).toMatchObject({ reset: 0, connect: 0, timeout: 0 })
})

test('what an overloaded server cannot take in time is counted, not forgotten', async () => {
  let served = 0
  await using server = await serve((request, response) => {
    served++
    setTimeout(hello, 50, request, response)
  })
  const result = await runLoad({ url: server.url, connections: 1, durationS: 0.5, rateQps: 200, timeoutS: 0.2 })
  expect(result.requests + result.errors).toBe(100)
  expect(result.errorsByKind.unsent).toBeGreaterThan(50)
  // The last one is sent shortly before the time is up, and has a time of its own to be answered.
  expect(result.errorsByKind.timeout).toBe(0)
  expect(result.requests).toBeLessThanOrEqual(served)
  expect(result.valid).toBe(false)
  expect(result.reasons).toContainEqual(expect.stringMatching(/% of the offered rate was achieved/))
})
