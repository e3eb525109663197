import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, type Dispatcher, Pool } from 'undici'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { startHttp } from './servers.ts'

/*
 * What undici does where the client here does otherwise, or must know. A test that fails after an update of undici says that
 * a reason is gone.
 */
afterEach(() => vi.useRealTimers())

async function portSeen(dispatcher: Dispatcher, origin: string): Promise<string> {
  const { body } = await dispatcher.request({ origin, path: '/', method: 'GET' })
  return body.text()
}

const startEcho = (): ReturnType<typeof startHttp> =>
  startHttp((request, response) => response.end(String(request.socket.remotePort)))

describe('clientTtl', () => {
  test('it replaces a connection that is in use when the next request comes', async () => {
    await using server = await startEcho()
    const pool = new Pool(server.origin, { clientTtl: 300, connections: 1, keepAliveTimeout: 5000 })
    const first = await portSeen(pool, server.origin)
    expect(await portSeen(pool, server.origin)).toBe(first)
    await sleep(350)
    expect(await portSeen(pool, server.origin)).not.toBe(first)
    await pool.close()
  })

  test('it goes by the wall clock: a clock that is set an hour ahead replaces every connection', async () => {
    await using server = await startEcho()
    const pool = new Pool(server.origin, { clientTtl: 300_000, connections: 1, keepAliveTimeout: 5000 })
    const first = await portSeen(pool, server.origin)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 })
    expect(await portSeen(pool, server.origin)).not.toBe(first)
    vi.useRealTimers()
    await pool.close()
  })

  test('it opens the next connection while the old one still answers: more than `connections` are open', async () => {
    await using server = await startHttp((_, response) => setTimeout(() => response.end(), 15))
    const pool = new Pool(server.origin, { clientTtl: 20, connections: 1, keepAliveTimeout: 5000 })
    let open = 0
    let openMax = 0
    server.server.on('connection', (socket) => {
      openMax = Math.max(openMax, ++open)
      socket.once('close', () => open--)
    })
    await Promise.all(Array.from({ length: 10 }, () => portSeen(pool, server.origin)))
    expect(openMax).toBeGreaterThan(1)
    await pool.close()
  })

  test('it does not close a connection that nobody uses', async () => {
    await using server = await startEcho()
    const pool = new Pool(server.origin, { clientTtl: 20, keepAliveTimeout: 5000 })
    await portSeen(pool, server.origin)
    await sleep(100)
    expect(pool.stats.connected).toBe(1)
    await pool.close()
  })

  test('an Agent with one connection for each origin ignores it', async () => {
    await using server = await startEcho()
    const agent = new Agent({ clientTtl: 20, connections: 1, keepAliveTimeout: 5000 })
    const first = await portSeen(agent, server.origin)
    await sleep(60)
    expect(await portSeen(agent, server.origin)).toBe(first)
    await agent.close()
  })
})

test('a connection is free one turn after its answer: who sends again at once opens a second', async () => {
  await using server = await startEcho()
  const pool = new Pool(server.origin, { connections: 8, keepAliveTimeout: 5000 })
  const first = await portSeen(pool, server.origin)
  expect(await portSeen(pool, server.origin)).not.toBe(first)
  await pool.close()
})

test('a pool takes the first free connection in a fixed order: few of many stay hot', async () => {
  await using server = await startHttp((request, response) =>
    setTimeout(() => response.end(String(request.socket.remotePort)), 5),
  )
  const pool = new Pool(server.origin, { connections: 8, keepAliveTimeout: 5000 })
  const all = await Promise.all(Array.from({ length: 8 }, () => portSeen(pool, server.origin)))
  expect(new Set(all).size).toBe(8)
  const later = new Set<string>()
  for (let sent = 0; sent < 10; sent++) {
    await sleep(1)
    later.add(await portSeen(pool, server.origin))
  }
  expect(later.size).toBeLessThanOrEqual(2)
  await pool.close()
})
