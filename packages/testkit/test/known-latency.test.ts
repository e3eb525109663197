import { connect } from 'node:net'
import { knownLatencyMs, type LatencyLaw, rawExchange, startKnownLatency } from '@qps/testkit'
import { expect, test } from 'vitest'

test('the law of a stall is that of requests spread evenly over the run', () => {
  const law: LatencyLaw = { kind: 'stall', delayMs: 2, stallAfterMs: 1000, stallMs: 400 }
  // By counting: a request a microsecond apart each would give the same.
  const latencies = Array.from({ length: 40_000 }, (_, index) => {
    const dueMs = index / 10 + 2
    return dueMs >= 1000 && dueMs < 1400 ? 1400 - index / 10 : 2
  }).toSorted((left, right) => left - right)
  for (const ratio of [0.1, 0.5, 0.9, 0.95, 0.99, 0.999]) {
    expect(knownLatencyMs(law, ratio, 4)).toBeCloseTo(latencies[Math.ceil(ratio * latencies.length) - 1]!, 0)
  }
})

test('the laws without a stall', () => {
  const bimodal: LatencyLaw = { kind: 'bimodal', fastMs: 1, slowMs: 9, slowRatio: 0.05, seed: 1 }
  expect(knownLatencyMs({ kind: 'constant', delayMs: 3 }, 0.99, 5)).toBe(3)
  expect([knownLatencyMs(bimodal, 0.5, 5), knownLatencyMs(bimodal, 0.94, 5), knownLatencyMs(bimodal, 0.99, 5)]).toEqual(
    [1, 1, 9],
  )
})

test('it answers pipelined requests, cut anywhere, and never early', async () => {
  await using server = await startKnownLatency({ kind: 'constant', delayMs: 20 })
  const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  const socket = connect(server.port, '127.0.0.1')
  const beganMs = performance.now()
  for (const piece of [request.slice(0, 3), request.slice(3, -1), request.slice(-1) + request]) {
    socket.write(piece)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  let text = ''
  for await (const bytes of socket) {
    text += String(bytes)
    if (text.split('ok').length > 2) break
  }
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(20)
  expect(text).toBe('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'.repeat(2))
  expect(await server.lateMs()).toBeGreaterThanOrEqual(0)
})

test('stopping it again is a no-op', async () => {
  const server = await startKnownLatency({ kind: 'constant', delayMs: 0 })
  await server.stop()
  await server.stop()
  expect((await rawExchange(server.port, 'GET / HTTP/1.1\r\n\r\n')).text).toBe('')
})
