import { createClient, parseRetryAfter, RetryBudget } from '@qps/client'
import { ManualClock } from '@qps/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { startHttp, startTcp } from '../client/servers.ts'

const nowMs = Date.UTC(2026, 0, 1)

test.each([
  ['0', 0],
  ['5', 5000],
  [' 60 ', 60_000],
  ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
  ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
])('Retry-After %j asks for %i ms', (value, expected) => {
  expect(parseRetryAfter(value, nowMs)).toBe(expected)
})

test.each([
  '',
  '-5',
  '1.5',
  '1e3',
  '0x10',
  'Infinity',
  'soon',
  '5, 10',
  '99999999999',
  '2026-01-01T00:00:30Z',
  'Thu, 99 Foo 2026 00:00:30 GMT',
])('Retry-After %j is nonsense', (value) => expect(parseRetryAfter(value, nowMs)).toBeUndefined())

test('whatever Retry-After holds, it is a wait of at least 0 or nothing', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.integer().map(String), fc.constant(undefined), fc.array(fc.string())),
      (value) => {
        const asked = parseRetryAfter(value, nowMs)
        expect(asked === undefined || asked >= 0).toBe(true)
      },
    ),
  )
})

test('a budget of a tenth allows one retry in ten requests beyond its reserve', () => {
  const budget = new RetryBudget({ ratio: 0.1, reserve: 2 })
  let retries = 0
  for (let request = 0; request < 1000; request++) {
    budget.earn()
    if (budget.spend()) retries++
  }
  expect(retries).toBe(102)
})

test('quiet times save up at most 100 retries', () => {
  const budget = new RetryBudget({ ratio: 1, reserve: 0 })
  for (let request = 0; request < 10_000; request++) budget.earn()
  let retries = 0
  while (budget.spend()) retries++
  expect(retries).toBe(100)
})

test('a server that fails everything sees at most a tenth more than was asked', async () => {
  let hits = 0
  await using server = await startHttp((_, response) => {
    hits++
    response.writeHead(503).end('no')
  })
  await using client = createClient({ origin: server.origin, connectionsMax: 8, retryReserve: 0, random: () => 0 })
  const statuses = await Promise.all(
    Array.from({ length: 300 }, async () => {
      const { statusCode, body } = await client.request({ path: '/' })
      expect(await body.text()).toBe('no')
      return statusCode
    }),
  )
  expect(new Set(statuses)).toEqual(new Set([503]))
  expect(hits).toBeGreaterThan(300)
  expect(hits).toBeLessThanOrEqual(330)
  expect(client.stats).toMatchObject({ requests: 300, sent: hits, retries: hits - 300 })
  expect(client.stats.retriesRefused).toBeGreaterThan(0)
})

test('an answer that asks for later is repeated then, not before, and with jitter', async () => {
  const clock = new ManualClock()
  let hits = 0
  await using server = await startHttp((_, response) => {
    if (++hits === 1) response.writeHead(503, { 'retry-after': '60' }).end('come back')
    else response.end('ok')
  })
  await using client = createClient({ origin: server.origin, clock, random: () => 0.5, lifetimeMs: 1e9 })
  const answer = client.request({ path: '/' })
  await expect.poll(() => clock.pending).toBe(2)
  clock.advance(62_999)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(hits).toBe(1)
  clock.advance(1)
  expect(await (await answer).body.text()).toBe('ok')
  expect(client.stats).toMatchObject({ requests: 1, sent: 2, retries: 1 })
})

test.each([
  ['61', 1],
  ['86400', 1],
  ['a while', 3],
])('of Retry-After %j, after an attempt that failed, come %i attempts in all', async (value, attempts) => {
  let hits = 0
  await using server = await startHttp((_, response) => {
    hits++
    response.writeHead(429, { 'retry-after': value }).end()
  })
  await using client = createClient({ origin: server.origin, random: () => 0.01 })
  const { statusCode, headers } = await client.request({ path: '/' })
  expect([statusCode, headers['retry-after'], hits]).toEqual([429, value, attempts])
})

test.each([
  ['POST', undefined, 1],
  ['PATCH', undefined, 1],
  ['PUT', undefined, 3],
  ['DELETE', undefined, 3],
  ['POST', true, 3],
  ['GET', false, 1],
] as const)(
  'a connection that ends under %s, idempotent: %s, is tried %i times',
  async (method, idempotent, attempts) => {
    let hits = 0
    await using server = await startTcp((socket) =>
      socket.once('data', () => {
        hits++
        socket.destroy()
      }),
    )
    await using client = createClient({ origin: `http://127.0.0.1:${server.port}` })
    const request = { path: '/', method, ...(idempotent === undefined ? {} : { idempotent }) }
    await expect(client.request(request)).rejects.toMatchObject({ code: 'QPS_CLIENT_RESET', retryable: true })
    expect([hits, client.stats.resets]).toEqual([attempts, attempts])
  },
)

test('a body is sent again in full; a stream is not tried again, for it is spent', async () => {
  const bodies: string[] = []
  await using server = await startHttp((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      bodies.push(body)
      response.writeHead(bodies.length < 3 ? 503 : 200).end()
    })
  })
  await using client = createClient({ origin: server.origin, random: () => 0 })
  expect((await client.request({ path: '/', method: 'PUT', body: 'payload' })).statusCode).toBe(200)
  expect(bodies).toEqual(['payload', 'payload', 'payload'])
  bodies.length = 0
  const { Readable } = await import('node:stream')
  const streamed = await client.request({ path: '/', method: 'PUT', body: Readable.from(['spent']) })
  expect([streamed.statusCode, bodies]).toEqual([503, ['spent']])
})

test('a connection that ends after the first byte of an answer is not repeated', async () => {
  let hits = 0
  await using server = await startTcp((socket) =>
    socket.once('data', () => {
      hits++
      socket.end('HTTP/1.1 200 OK\r\nContent-')
    }),
  )
  await using client = createClient({ origin: `http://127.0.0.1:${server.port}` })
  await expect(client.request({ path: '/' })).rejects.toMatchObject({ code: expect.stringMatching(/RESET|PROTOCOL/) })
  expect([hits, client.stats.resets]).toEqual([1, 0])
})

test('a caller that gives up while a retry waits is told so at once, and no attempt follows', async () => {
  const clock = new ManualClock()
  let hits = 0
  await using server = await startHttp((_, response) => {
    hits++
    response.writeHead(503, { 'retry-after': '30' }).end()
  })
  await using client = createClient({ origin: server.origin, clock })
  const controller = new AbortController()
  const answer = client.request({ path: '/', signal: controller.signal })
  await expect.poll(() => clock.pending).toBe(2)
  controller.abort(new Error('enough'))
  await expect(answer).rejects.toThrow('enough')
  expect(clock.pending, "only the connection's lifetime").toBe(1)
  clock.advance(60_000)
  expect(hits).toBe(1)
})
