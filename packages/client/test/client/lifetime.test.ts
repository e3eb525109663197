import { createClient, type PooledClient } from '@qps/client'
import { ManualClock } from '@qps/core'
import { expect, test } from 'vitest'
import { startHttp } from './servers.ts'

const lifetimeMs = 300_000

async function answerOf(client: PooledClient, path = '/'): Promise<string> {
  const { body } = await client.request({ path })
  return body.text()
}

test('a connection in use all the time is replaced at the end of its life, and finds the new instance', async () => {
  await using old = await startHttp((_, response) => response.end('old'))
  await using next = await startHttp((_, response) => response.end('next'))
  let port = old.port
  const clock = new ManualClock()
  await using client = createClient({
    origin: 'http://service.test',
    resolve: () => ({ host: '127.0.0.1', port }),
    connectionsMax: 1,
    lifetimeMs,
    clock,
  })
  expect(await answerOf(client)).toBe('old')
  port = next.port
  const seen: string[] = []
  for (let minute = 0; minute < 6; minute++) {
    seen.push(await answerOf(client))
    clock.advance(60_000)
  }
  expect(seen.slice(0, 4)).toEqual(['old', 'old', 'old', 'old'])
  expect(await answerOf(client)).toBe('next')
  expect(client.stats).toMatchObject({ connectionsOpened: 2, resets: 0, retries: 0 })
})

test('an idle connection is closed at the end of its life, without waiting for a request', async () => {
  await using server = await startHttp((_, response) => response.end('ok'))
  const clock = new ManualClock()
  await using client = createClient({ origin: server.origin, lifetimeMs, clock })
  await answerOf(client)
  expect(client.stats.connectionsOpen).toBe(1)
  clock.advance(lifetimeMs)
  await expect.poll(() => client.stats.connectionsOpen).toBe(0)
  expect(clock.pending).toBe(0)
})

test('a request under way at the end of life is answered on its connection; the next one goes out on another', async () => {
  let release = (): void => {}
  await using server = await startHttp((request, response) => {
    if (request.url === '/slow') release = () => response.end(String(request.socket.remotePort))
    else response.end(String(request.socket.remotePort))
  })
  const clock = new ManualClock()
  await using client = createClient({ origin: server.origin, connectionsMax: 1, lifetimeMs, clock })
  const first = await answerOf(client)
  const slow = answerOf(client, '/slow')
  const queued = answerOf(client)
  await expect.poll(() => client.stats.sent).toBe(2)
  clock.advance(lifetimeMs)
  release()
  expect(await slow).toBe(first)
  expect(await queued).not.toBe(first)
})

test('under a queue that never empties, lifetimes hold and the maximum too', async () => {
  const clock = new ManualClock()
  let served = 0
  let openMax = 0
  let open = 0
  await using server = await startHttp((_, response) => {
    if (++served % 50 === 0) clock.advance(lifetimeMs)
    response.end()
  })
  server.server.on('connection', (socket) => {
    openMax = Math.max(openMax, ++open)
    socket.once('close', () => open--)
  })
  await using client = createClient({ origin: server.origin, connectionsMax: 4, lifetimeMs, clock })
  await Promise.all(Array.from({ length: 500 }, () => answerOf(client)))
  expect(client.stats).toMatchObject({ requests: 500, resets: 0, retries: 0 })
  expect(client.stats.connectionsOpened).toBeGreaterThanOrEqual(4 * 9)
  // A connection is closed before another takes its place; the server may hear of it a moment later.
  expect(openMax).toBeLessThanOrEqual(8)
})

test('lifetimes are jittered: connections of one burst do not end together', async () => {
  await using server = await startHttp((_, response) => setTimeout(() => response.end(), 20))
  const clock = new ManualClock()
  const draws = [0, 0.5, 1]
  await using client = createClient({
    origin: server.origin,
    lifetimeMs,
    lifetimeJitterRatio: 0.5,
    clock,
    random: () => draws.shift()!,
  })
  await Promise.all([answerOf(client), answerOf(client), answerOf(client)])
  const open: number[] = []
  for (const atMs of [150_000, 75_000, 75_000]) {
    clock.advance(atMs)
    await expect.poll(() => client.stats.connectionsOpen).toBe(2 - open.length)
    open.push(client.stats.connectionsOpen)
  }
  expect(open).toEqual([2, 1, 0])
})

test('an instance that dies under requests is left for the next one without an error', async () => {
  let port = 0
  await using dying = await startHttp((request) => {
    port = next.port
    request.socket.destroy()
  })
  await using next = await startHttp((_, response) => response.end('next'))
  port = dying.port
  await using client = createClient({ origin: 'http://service.test', resolve: () => ({ host: '127.0.0.1', port }) })
  expect(await Promise.all([answerOf(client), answerOf(client), answerOf(client)])).toEqual(['next', 'next', 'next'])
  expect(client.stats).toMatchObject({ resets: 3, retries: 3 })
})
