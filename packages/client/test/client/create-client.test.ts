import { fetch as undiciFetch, request as undiciRequest } from 'undici'
import { clientDefaults, createClient, type PooledClient } from '@qps/client'
import { expect, test } from 'vitest'
import { startHttp, startTcp } from './servers.ts'

async function codeOf(answer: Promise<unknown>): Promise<unknown> {
  return answer.then(
    () => 'none',
    (error: { code?: unknown }) => error.code,
  )
}

async function text(client: PooledClient, path = '/'): Promise<string> {
  const { body } = await client.request({ path })
  return body.text()
}

test('counts connections, reuse and hit ratio, for each client alone', async () => {
  await using server = await startHttp((_, response) => response.end('ok'))
  await using client = createClient({ origin: server.origin, connectionsMax: 1 })
  await using other = createClient({ origin: server.origin, connectionsMax: 1 })
  for (let sent = 0; sent < 10; sent++) await text(client)
  await text(other)
  await (await undiciRequest(server.origin, { reset: true })).body.dump()
  await (await fetch(server.origin, { headers: { connection: 'close' } })).text()
  expect(client.stats).toEqual({
    requests: 10,
    sent: 10,
    connectionsOpened: 1,
    connectionsOpen: 1,
    hitRatio: 0.9,
    resets: 0,
    retries: 0,
    retriesRefused: 0,
  })
  expect(other.stats).toMatchObject({ sent: 1, hitRatio: 0 })
})

test('never opens more than connectionsMax, and refuses what its queue cannot hold', async () => {
  let open = 0
  let openMax = 0
  await using server = await startHttp((_, response) => setTimeout(() => response.end('ok'), 20))
  server.server.on('connection', (socket) => {
    openMax = Math.max(openMax, ++open)
    socket.once('close', () => open--)
  })
  await using client = createClient({ origin: server.origin, connectionsMax: 3, queueMax: 5 })
  const codes = await Promise.all(Array.from({ length: 12 }, () => codeOf(text(client))))
  expect(codes.filter((code) => code === 'QPS_CLIENT_BUSY').length).toBe(4)
  expect(codes.filter((code) => code === 'none').length).toBe(8)
  expect(openMax).toBe(3)
  expect(await text(client), 'room again').toBe('ok')
})

test("a server's announced idle time shortens ours by the margin, and cannot stretch it", async () => {
  await using brief = await startTcp((socket) =>
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n')),
  )
  await using client = createClient({ origin: `http://127.0.0.1:${brief.port}`, idleMarginMs: 900 })
  await text(client)
  await expect.poll(() => client.stats.connectionsOpen, { timeout: 5000 }).toBe(0)

  await using generous = await startTcp((socket) =>
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=600\r\nContent-Length: 0\r\n\r\n')),
  )
  await using strict = createClient({ origin: `http://127.0.0.1:${generous.port}`, idleTimeoutMs: 50 })
  await text(strict)
  await expect.poll(() => strict.stats.connectionsOpen, { timeout: 5000 }).toBe(0)
})

const header = 'HTTP/1.1 200 OK\r\n'
test.each([
  ['headers that never come', '', 'QPS_CLIENT_HEADERS_TIMEOUT', { headersTimeoutMs: 50 }],
  ['a body that stops', `${header}Content-Length: 9\r\n\r\nhalf`, 'QPS_CLIENT_BODY_TIMEOUT', { bodyTimeoutMs: 50 }],
  [
    'a body beyond its bound',
    `${header}Content-Length: 9\r\n\r\ntoo large`,
    'QPS_CLIENT_RESPONSE_SIZE',
    { responseBytesMax: 8 },
  ],
  [
    'a header beyond its bound',
    `${header}X: ${'x'.repeat(600)}\r\n\r\n`,
    'QPS_CLIENT_HEADER_SIZE',
    { headerBytesMax: 512 },
  ],
  ['what is not HTTP', 'SSH-2.0-OpenSSH\r\n', 'QPS_CLIENT_PROTOCOL', {}],
])('%s ends the request with a code of its own', async (_, bytes, code, options) => {
  await using server = await startTcp((socket) => socket.on('data', () => socket.write(bytes)))
  await using client = createClient({ origin: `http://127.0.0.1:${server.port}`, ...options })
  expect(await codeOf(text(client))).toBe(code)
})

test('an abort ends a request at once, though it still waits for a connection', async () => {
  const reason = new Error('the user left')
  await using server = await startHttp((request, response) => {
    if (request.url === '/') response.end('ok')
  })
  const client = createClient({ origin: server.origin, connectionsMax: 1 })
  const first = codeOf(text(client, '/never'))
  const controller = new AbortController()
  const waiting = client.request({ path: '/', signal: controller.signal })
  controller.abort(reason)
  await expect(waiting).rejects.toBe(reason)
  await expect(client.request({ path: '/', signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  await client.destroy()
  expect(await first).toBe('QPS_CLIENT_CLOSED')
})

test('close answers what is under way and refuses what comes after', async () => {
  await using server = await startHttp((_, response) => setTimeout(() => response.end('ok'), 30))
  const client = createClient({ origin: server.origin, connectionsMax: 2 })
  const answers = Promise.all([text(client), text(client), text(client)])
  await client.close()
  expect(await answers).toEqual(['ok', 'ok', 'ok'])
  expect(client.stats.connectionsOpen).toBe(0)
  expect(await codeOf(text(client))).toBe('QPS_CLIENT_CLOSED')
  await client.close()
})

test('an answer holds its connection until its body has been read', async () => {
  await using server = await startHttp((_, response) => response.end(Buffer.alloc(1_000_000)))
  await using client = createClient({ origin: server.origin, connectionsMax: 1 })
  const first = await client.request({ path: '/' })
  let second = false
  const waiting = text(client).then(() => (second = true))
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(second).toBe(false)
  await first.body.dump()
  await waiting
  expect(client.stats.connectionsOpened).toBeLessThanOrEqual(2)
})

test("undici's fetch runs over the same pool, with its retries and counters", async () => {
  let hits = 0
  await using server = await startHttp((_, response) => response.writeHead(++hits === 1 ? 503 : 200).end('ok'))
  await using client = createClient({ origin: server.origin, random: () => 0 })
  const answer = await undiciFetch(server.origin, { dispatcher: client.dispatcher })
  expect([answer.status, await answer.text()]).toEqual([200, 'ok'])
  expect(client.stats).toMatchObject({ requests: 1, sent: 2, retries: 1 })
})

test('a wrong request is told apart from a wrong server', async () => {
  await using server = await startHttp((_, response) => response.end('ok'))
  await using client = createClient({ origin: server.origin })
  expect(await codeOf(client.request({ path: '/a b\r\nX: y' }))).toBe('QPS_CLIENT_REQUEST')
})

test.each([
  [{ origin: 'localhost:80' }, 'origin must be http://host:port or https://host:port, not "localhost:80"'],
  [{ origin: 'http://a/b' }, 'origin must be http://host:port or https://host:port, not "http://a/b"'],
  [{ connectionsMax: 0 }, 'connectionsMax must be a whole number from 1 to 65536, not 0'],
  [{ idleTimeoutMs: Number.NaN }, 'idleTimeoutMs must be a number from 1 to 86400000, not NaN'],
  [{ retryRatio: '10%' as never }, 'retryRatio must be a number from 0 to 1, not "10%"'],
])('a wrong option is named with its value and range: %o', (options, message) => {
  expect(() => createClient({ origin: 'http://a', ...options })).toThrow(message)
})

test('every limit has a default', () => {
  expect(clientDefaults).toMatchObject({ connectionsMax: 64, idleTimeoutMs: 30_000, connectTimeoutMs: 5000 })
})
