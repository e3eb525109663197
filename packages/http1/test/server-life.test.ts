import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ManualClock } from '@qps/core'
import { HttpServer, PreparedFields, serve } from '@qps/http1'
import { createPoller } from '@qps/netpoll'
import { statuses } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { backends, bodies, Client, eventually, exchange, get, last, start } from './server-under-test.ts'

describe.each(backends)('the life of a server: %s', (backend) => {
  test('a unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'http1-'))
    const path = join(folder, 'socket')
    try {
      await using serving = await start(
        backend,
        (request, response) => response.end(`from ${request.remoteAddress}.`),
        {
          path,
          limits: { connectionsPerAddressMax: 1 },
        },
      )
      expect([serving.url, serving.port]).toEqual([`unix:${path}`, 0])
      using other = new Client(path)
      await eventually(() => serving.connections() === 1)
      using client = new Client(path)
      expect(bodies(await client.send(last('/')).until())).toEqual(['from .'])
      expect(other.ended).toBe(false)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('two servers on one thread, and one goes on when the other is drained', async () => {
    await using one = await start(backend, (_request, response) => response.end('one'))
    await using two = await start(backend, (_request, response) => response.end('two'))
    using kept = new Client(one)
    await kept.send(get('/')).until((text) => text.endsWith('one'))
    expect(bodies(await exchange(two, last('/')))).toEqual(['two'])
    await two.drain(0)
    kept.text = ''
    const text = await kept.send(get('/')).until((got) => got.endsWith('one'))
    expect(Math.abs(Date.parse(/date: (.*)\r/i.exec(text)![1]!) - Date.now())).toBeLessThan(2_500)
  })

  test('drained twice it is drained once, and both know how it went', async () => {
    await using serving = await start(backend, (_request, response) => response.end(), { limits: { drainGraceMs: 30 } })
    using client = new Client(serving)
    await client.send(get('/')).until((text) => text.includes('\r\n\r\n'))
    const reports = await Promise.all([serving.drain(), serving.drain(), serving.server.drain()])
    expect(reports[0]).toMatchObject({ completed: 0, dropped: 0 })
    expect(reports[1]).toEqual(reports[0])
    expect(reports[2]).toEqual(reports[0])
    expect(client.ended || (await client.until()) !== '').toBe(true)
  })

  test('requests that come while the backlog empties are held, and answered: the last ones told to leave', async () => {
    await using serving = await start(backend, ({ path }, response) => response.end(path), {
      limits: { headersTimeoutMs: 500, sweepMs: 5 },
    })
    const { server, poller } = serving
    using idle = new Client(serving)
    using ending = new Client(serving)
    for (const client of [idle, ending]) await client.send(get('/first')).until((text) => text.endsWith('/first'))
    // Older than any head may be: that its next request has to wait for us is not its fault.
    await sleep(550)
    server.draining = server.holding = true
    const bytesBefore = poller.stats.bytesRead
    idle.send(get('/held'))
    ending.socket.end(get('/held') + get('/held'))
    await eventually(() => poller.stats.bytesRead === bytesBefore + 3 * get('/held').length)
    await sleep(60)
    expect(server.answered).toBe(2)
    server.release()
    expect(bodies(await idle.until())).toEqual(['/first', '/held'])
    expect(bodies(await ending.until())).toEqual(['/first', '/held', '/held'])
    expect(idle.text.match(/Connection: close/g)).toHaveLength(1)
  })

  test('with no time left, what waited is still begun, and what is answered at once is sent', async () => {
    const busyMs = 3
    await using serving = await start(backend, (_request, response) => {
      for (const endMs = performance.now() + busyMs; performance.now() < endMs;);
      response.end('late')
    })
    const clients = [1, 2, 3, 4].map(() => new Client(serving))
    await eventually(() => serving.connections() === clients.length)
    const draining = serving.drain(0)
    for (const client of clients) client.send(get('/'))
    expect(await draining).toMatchObject({ completed: clients.length, dropped: 0 })
    for (const client of clients) expect(bodies(await client.until())).toEqual(['late'])
  })

  test('an answer that its client has not taken at the limit is cut, and counted', async () => {
    const large = Buffer.alloc(16 * 1024 * 1024)
    await using serving = await start(backend, (_request, response) => response.end(large))
    using client = new Client(serving)
    client.socket.pause()
    client.send(get('/'))
    await eventually(() => serving.server.answered === 1)
    expect(await serving.drain(20)).toMatchObject({ completed: 0, dropped: 1 })
  })

  test('what is not answered at the limit is cut, and counted', async () => {
    await using serving = await start(backend, () => {})
    using client = new Client(serving)
    client.send(get('/'))
    await eventually(() => serving.server.inFlight === 1)
    expect(await serving.drain(20)).toMatchObject({ completed: 0, dropped: 1 })
    expect(await client.until()).toBe('')
  })

  test.each([
    ['connections', { connectionsMax: 2 }],
    ['address-connections', { connectionsPerAddressMax: 2 }],
  ])('beyond the cap of %s: 503 with Retry-After and close; room again when one leaves', async (reason, limits) => {
    const refused: string[] = []
    await using serving = await start(backend, (_request, response) => response.end(), {
      limits,
      onRefused: (why) => refused.push(why),
    })
    using first = new Client(serving)
    using second = new Client(serving)
    await eventually(() => serving.connections() === 2)
    const text = await exchange(serving, get('/'))
    expect(statuses(text)).toEqual([503])
    expect(text).toMatch(/\r\nretry-after: [1-5]\r\n/i)
    expect(refused).toEqual([reason])
    first.socket.destroy()
    await eventually(() => serving.connections() === 1)
    expect(statuses(await exchange(serving, last('/')))).toEqual([200])
    expect(second.ended).toBe(false)
  })

  test('what was answered, or given up, is counted once, with its status', async () => {
    const done: string[] = []
    await using serving = await start(
      backend,
      ({ path }, response) => {
        if (path !== '/never') response.writeHead(path === '/ok' ? 200 : 404).end()
      },
      { onRequestDone: (method, route, status) => void done.push(`${method} ${route} ${status}`) },
    )
    using client = new Client(serving)
    client.send(get('/ok') + get('/none') + get('/never'))
    await eventually(() => serving.server.inFlight === 1)
    client.socket.resetAndDestroy()
    await eventually(() => done.length === 3)
    expect(done).toEqual(['GET unmatched 200', 'GET unmatched 404', 'GET unmatched 499'])
    expect([serving.server.answered, serving.server.inFlight]).toEqual([2, 0])
  })

  test('one sweep for all connections, and none without any', async () => {
    const clock = new ManualClock()
    await using poller = createPoller({ backend })
    const server = new HttpServer(poller, (_request, response) => response.end(), { clock })
    const { port } = await server.listen({ port: 0 })
    expect(clock.pending).toBe(0)
    for (let round = 0; round < 2; round++) {
      const clients = [0, 1, 2].map(() => new Client(port))
      await eventually(() => server.connections === 3)
      expect(clock.pending).toBe(1)
      for (const client of clients) client.socket.destroy()
      await eventually(() => server.connections === 0)
      expect(clock.pending).toBe(0)
    }
  })

  test('a connection that never asks is told so when the clock says it, one in use is left alone', async () => {
    const clock = new ManualClock()
    await using poller = createPoller({ backend })
    const server = new HttpServer(poller, () => {}, { clock })
    const { port } = await server.listen({ port: 0 })
    using busy = new Client(port)
    using silent = new Client(port)
    busy.send(get('/'))
    await eventually(() => server.inFlight === 1 && server.connections === 2)
    clock.advance(4_500)
    expect(silent.ended).toBe(false)
    clock.advance(600)
    expect(statuses(await silent.until())).toEqual([408])
    expect(busy.ended).toBe(false)
  })

  test('Date changes with the second, in prepared heads as well', async () => {
    const text = new PreparedFields({ 'content-type': 'text/plain' })
    await using serving = await start(backend, (_request, response) => response.writeHead(200, text).end('x'))
    using client = new Client(serving)
    const dates = new Set<string>()
    while (dates.size < 3) {
      client.text = ''
      const got = await client.send(get('/')).until((all) => all.endsWith('x'))
      const date = /date: (.*)\r/i.exec(got)![1]!
      if (!dates.has(date)) expect(Date.now() - Date.parse(date)).toBeLessThan(1_500)
      dates.add(date)
      await sleep(20)
    }
  })
})

test('a port in use is one clear error, and leaves nothing running', async () => {
  await using serving = await serve({ port: 0 }, () => {})
  await expect(serve({ port: serving.port }, () => {})).rejects.toMatchObject({ code: 'QPS_PORT_IN_USE' })
})
