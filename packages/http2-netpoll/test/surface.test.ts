import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { serveHttp2Netpoll, surfaceHandler } from '@qps/http2-netpoll'
import { probe } from '@qps/netpoll'
import { describe, expect, test } from 'vitest'
import { ask, backends, eventually, kept, session } from './support.ts'

test.for(['io_uring', 'epoll', 'libuv'] as const)('HTTP/2 on %s', (backend, { skip }) => {
  const why = probe()[backend]
  if (why !== undefined) skip(why)
})

describe.each(backends)('the surface over HTTP/2 on %s', (backend) => {
  const serve = (bodyBytesMax = 1024 * 1024, options = {}) =>
    serveHttp2Netpoll({ port: 0, backend, ...options }, surfaceHandler(bodyBytesMax))

  test('GET / says ok with the time; HEAD says how long that is, also of what is not there', async () => {
    await using server = await serve()
    using client = await session(server.port)
    const { status, headers, body } = await ask(client, { ':path': '/?a=1' })
    expect([status, headers['content-type'], headers['content-length']]).toEqual([200, 'application/json', '34'])
    expect(Math.abs(Date.parse(String(headers['date'])) - Date.now())).toBeLessThan(5_000)
    expect(String(body)).toMatch(/^\{"status":"ok","ts":\d{13}\}$/)
    const head = await ask(client, { ':method': 'HEAD', ':path': '/' })
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '34', 0])
    expect((await ask(client, { ':method': 'HEAD', ':path': '/no' })).status).toBe(404)
    expect(String((await ask(client, { ':path': '/plaintext' })).body)).toBe('Hello, World!')
  })

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s / returns the body and its type', async (method) => {
    await using server = await serve()
    using client = await session(server.port)
    const body = Buffer.alloc(700_000, 'é \0 \r\n')
    const answer = await ask(client, { ':method': method, ':path': '/', 'content-type': 'application/x-thing' }, body)
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/x-thing'])
    expect(answer.body.equals(body)).toBe(true)
  })

  test('unknown path 404, wrong method 405 with allow, both with a JSON error', async () => {
    await using server = await serve()
    using client = await session(server.port)
    const missing = await ask(client, { ':path': '/__proto__' })
    expect([missing.status, JSON.parse(String(missing.body))]).toMatchObject([404, { error: { code: 'not_found' } }])
    const wrong = await ask(client, { ':method': 'POST', ':path': '/plaintext' }, 'x')
    expect([wrong.status, wrong.headers['allow']]).toEqual([405, 'GET, HEAD'])
  })

  test('a body over the limit is refused with 413, announced or not, and its sender is told to stop', async () => {
    await using server = await serve(1000, { limits: { lingerMs: 30, sweepMs: 10 } })
    using client = await session(server.port)
    const large = Buffer.alloc(5000, 'x')
    const announced = await ask(client, { ':method': 'POST', ':path': '/echo', 'content-length': 5000 }, large)
    const surprised = await ask(client, { ':method': 'POST', ':path': '/echo' }, large)
    expect([announced.status, surprised.status]).toEqual([413, 413])
    expect((await ask(client, { ':method': 'POST', ':path': '/echo' }, large.subarray(0, 1000))).body.length).toBe(1000)
    const endless = client.request({ ':method': 'POST', ':path': '/echo' })
    endless.resume().write(large)
    await once(endless, 'close')
    expect(endless.rstCode).toBe(0)
    expect(server.server.lingering.size).toBe(0)
  })

  test('S8: the settings; more bytes or fields of a header section than they allow is 431', async () => {
    await using server = await serve()
    using client = await session(server.port)
    await ask(client, { ':path': '/' })
    expect(client.remoteSettings).toMatchObject({
      maxConcurrentStreams: 100,
      enablePush: false,
      maxHeaderListSize: 16 * 1024,
      initialWindowSize: 65_535,
    })
    const fields = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`x-${index}`, 'y']))
    expect((await ask(client, { ':path': '/', ...fields })).status).toBe(431)
    expect((await ask(client, { ':path': '/', 'x-long': 'y'.repeat(17_000) })).status).toBe(431)
    expect((await ask(client, { ':path': '/' })).status).toBe(200)
  })

  test('what was asked, answered and how long it took is told, once for each stream', async () => {
    const done: unknown[][] = []
    await using server = await serve(1000, { onRequestDone: (...facts: unknown[]) => done.push(facts) })
    using client = await session(server.port)
    await ask(client, { ':path': '/?a=1' })
    await ask(client, { ':path': '/nowhere' })
    const left = client.request({ ':method': 'POST', ':path': '/echo' })
    left.on('error', () => {}).write('half')
    await sleep(20)
    client.destroy()
    await eventually(() => done.length === 3)
    expect(done.map((facts) => facts.slice(0, 3))).toEqual([
      ['GET', '/', 200],
      ['GET', '/nowhere', 404],
      ['POST', '/echo', 499],
    ])
    for (const [, , , seconds] of done) expect(seconds).toBeLessThan(1)
    await eventually(() => kept(server) === 0)
  })

  test('streams one after the other, and then 500 at once, leave nothing behind', async () => {
    const sequential = backend === backends[0] ? 1000 : 200
    await using server = await serve()
    using client = await session(server.port)
    for (let count = 0; count < sequential; count++) expect((await ask(client, { ':path': '/' })).status).toBe(200)
    const statuses = await Promise.all(Array.from({ length: 500 }, () => ask(client, { ':path': '/plaintext' })))
    expect(statuses.every(({ status }) => status === 200)).toBe(true)
    expect(server.server.answered).toBe(sequential + 500)
    const [only] = server.server.sessions
    expect([only!.streams.size, only!.sender.waiting.size, only!.sender.queuedBytes]).toEqual([0, 0, 0])
    client.destroy()
    await eventually(() => kept(server) === 0)
  })
})
