import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createAuthority } from '@qps/tls'
import { expect, test } from 'vitest'
import { ask, authority, connect, credentials, pause, serveSurface, until, withQuic } from './support.ts'

withQuic('the surface over HTTP/3', () => {
  test('GET /, HEAD / and GET /plaintext', async () => {
    await using server = await serveSurface()
    await using client = await connect(server.port)
    const { status, headers, body } = await ask(client, { path: '/?a=1' })
    expect([status, headers.get('content-type'), headers.get('content-length')]).toEqual([
      200,
      'application/json',
      '34',
    ])
    expect(Math.abs(Date.parse(headers.get('date')!) - Date.now())).toBeLessThan(5_000)
    expect(String(body)).toMatch(/^\{"status":"ok","ts":\d{13}\}$/)
    const head = await ask(client, { method: 'HEAD', path: '/' })
    expect([head.status, head.headers.get('content-length'), head.body.length]).toEqual([200, '34', 0])
    expect(String((await ask(client, { path: '/plaintext' })).body)).toBe('Hello, World!')
  })

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s / returns the body and its type', async (method) => {
    await using server = await serveSurface()
    await using client = await connect(server.port)
    const body = Buffer.from('{"a":"é \0 \r\n"}')
    const answer = await ask(client, { method, path: '/', body, headers: [['content-type', 'application/x-thing']] })
    expect([answer.status, answer.headers.get('content-type'), answer.body]).toEqual([200, 'application/x-thing', body])
  })

  test('unknown path 404, wrong method 405 with allow, a tunnel 405, each with a JSON error', async () => {
    await using server = await serveSurface()
    await using client = await connect(server.port)
    const missing = await ask(client, { path: '/__proto__' })
    expect([missing.status, JSON.parse(String(missing.body))]).toMatchObject([404, { error: { code: 'not_found' } }])
    const wrong = await ask(client, { method: 'POST', path: '/plaintext', body: 'x' })
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  test('a body of exactly the limit comes back; one byte more is 413, announced or not', async () => {
    await using server = await serveSurface()
    await using client = await connect(server.port)
    const largest = Buffer.alloc(1024 * 1024, 'abcdefghi')
    const { status, body } = await ask(client, { path: '/echo', body: largest })
    expect([status, body.equals(largest)]).toEqual([200, true])
    const tooLarge = await ask(client, { path: '/echo', body: Buffer.alloc(1024 * 1024 + 1) })
    expect([tooLarge.status, JSON.parse(String(tooLarge.body))]).toMatchObject([
      413,
      { error: { code: 'body_too_large' } },
    ])
    expect((await ask(client, { path: '/' })).status).toBe(200)
  })

  test('a hundred requests at once, and more that wait for a stream, each get their own answer', async () => {
    await using server = await serveSurface()
    await using client = await connect(server.port)
    const bodies = Array.from({ length: 250 }, (_, index) => `body ${index} ${'x'.repeat(index)}`)
    const answers = await Promise.all(bodies.map((body) => ask(client, { path: '/echo', body })))
    expect(answers.map(({ body }) => String(body))).toEqual(bodies)
    expect(server.server.inFlight).toBe(0)
  })

  test('a head over the limits is 431, and the connection goes on', async () => {
    await using server = await serveSurface()
    await using client = await connect(server.port)
    const many = Array.from({ length: 110 }, (_, index) => [`x-${index}`, '1'] as const)
    expect((await ask(client, { path: '/', headers: many })).status).toBe(431)
    expect((await ask(client, { path: '/', headers: [['x-long', 'x'.repeat(17_000)]] })).status).toBe(431)
    // Not Huffman-coded into less than the frame may have: refused before it is read.
    expect((await ask(client, { path: '/', headers: [['x-long', '\u00ff'.repeat(17_000)]] })).status).toBe(431)
    expect((await ask(client, { path: '/' })).status).toBe(200)
  })

  test('bodies that are collected have a bound together: 503, and the room is free again', async () => {
    await using server = await serveSurface({ limits: { bodiesBytesMax: 100_000 } })
    await using client = await connect(server.port)
    const refused = await ask(client, { path: '/echo', body: Buffer.alloc(200_000) })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    expect(server.server.room.bytes).toBe(0)
    expect((await ask(client, { path: '/echo', body: Buffer.alloc(90_000) })).status).toBe(200)
    expect(server.server.room.bytes).toBe(0)
  })
})

withQuic('handlers', () => {
  test('what one throws, or rejects with, ends its stream and no other', async () => {
    const errors: unknown[] = []
    await using server = await serveSurface({ onError: (error) => errors.push(error) }, async (exchange) => {
      if (exchange.path === '/throws') throw new Error('on purpose')
      exchange.respond(200, [], 'fine')
    })
    await using client = await connect(server.port)
    await expect(ask(client, { path: '/throws' })).rejects.toThrow('H3_INTERNAL_ERROR')
    expect(String((await ask(client, { path: '/' })).body)).toBe('fine')
    expect(errors).toEqual([new Error('on purpose')])
  })

  test('what was asked, answered and how long it took is told, once for each request', async () => {
    const done: unknown[][] = []
    await using server = await serveSurface({ onRequestDone: (...facts) => done.push(facts) }, async (exchange) => {
      if (exchange.path === '/never') await new Promise(() => {})
      exchange.respond(exchange.path === '/?a=1' ? 200 : 404, [])
    })
    await using client = await connect(server.port)
    await ask(client, { path: '/?a=1' })
    await ask(client, { path: '/nowhere' })
    const leaving = new AbortController()
    const left = expect(ask(client, { path: '/never', signal: leaving.signal })).rejects.toThrow('given up')
    await until(() => server.server.inFlight === 1)
    leaving.abort()
    await left
    await until(() => done.length === 3)
    expect(done.map((facts) => facts.slice(0, 3))).toEqual([
      ['GET', '/', 200],
      ['GET', '/nowhere', 404],
      ['GET', '/never', 499],
    ])
  })

  test('an answer before the end of the request is heard', async () => {
    await using server = await serveSurface({}, (exchange) => exchange.respond(200, [], 'enough'))
    await using client = await connect(server.port)
    expect(String((await ask(client, { path: '/', body: Buffer.alloc(900_000) })).body)).toBe('enough')
    await until(() => server.server.inFlight === 0)
    expect((await ask(client, { path: '/' })).status).toBe(200)
  })
})

withQuic('connecting', () => {
  test('needs a certificate that is trusted and for this name', async () => {
    await using server = await serveSurface()
    for (const host of ['127.0.0.1', 'localhost'])
      await (await connect(server.port, { host, serverName: host })).close()
    const stranger = createAuthority().cert
    await expect(connect(server.port, { ca: stranger })).rejects.toMatchObject({ code: 'QPS_QUIC_HANDSHAKE' })
    for (const serverName of ['other.example', '127.0.0.2']) {
      await expect(connect(server.port, { serverName })).rejects.toMatchObject({ code: 'QPS_QUIC_HANDSHAKE' })
    }
  })

  test('to nobody ends after the timeout', async () => {
    const silent = createSocket('udp4').bind(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address()
    await expect(connect(port, { timeoutMs: 200 })).rejects.toMatchObject({ code: 'QPS_QUIC_TIMEOUT', retryable: true })
    silent.close()
  })

  test('tells apart what a person got wrong', async () => {
    await expect(connect(1, { ca: 'no PEM' })).rejects.toMatchObject({ code: 'QPS_OPTION' })
    await expect(serveSurface({ key: 'no PEM' })).rejects.toMatchObject({ code: 'QPS_OPTION' })
    await expect(serveSurface({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'QPS_ADDRESS_UNAVAILABLE' })
    await using server = await serveSurface()
    await expect(serveSurface({ port: server.port })).rejects.toMatchObject({ code: 'QPS_PORT_IN_USE' })
  })

  test('over IPv6', async ({ skip }) => {
    const probe = createServer()
    const hasIpv6 = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false))
      probe.listen(0, '::1', () => probe.close(() => resolve(true)))
    })
    if (!hasIpv6) return skip('this machine has no ::1')
    await using server = await serveSurface({ host: '::1' })
    await using client = await connect(server.port, { host: '::1' })
    expect(server.address).toBe(`[::1]:${server.port}`)
    expect((await ask(client, { path: '/' })).status).toBe(200)
  })

  test('to all addresses of the machine, by that of an older family', async ({ skip }) => {
    const server = await serveSurface({ host: '::' }).catch(() => undefined)
    if (server === undefined) return skip('this machine has no IPv6')
    await using client = await connect(server.port)
    expect((await ask(client, { path: '/' })).status).toBe(200)
    expect((await client.migrate()).after).toEqual(client.local)
    expect((await ask(client, { path: '/' })).status).toBe(200)
    await server.drain(0)
  })

  test('is over when the server is gone: what is asked fails, and no socket stays', async () => {
    const server = await serveSurface({ ...credentials }, async () => {
      await new Promise(() => {})
    })
    const client = await connect(server.port, { ca: authority.cert })
    const asked = expect(ask(client, { path: '/' })).rejects.toMatchObject({ code: 'QPS_QUIC_CLOSED' })
    await until(() => server.server.inFlight === 1)
    expect(await server.drain(100)).toMatchObject({ dropped: 1 })
    await asked
    await expect(client.request({ path: '/' })).rejects.toMatchObject({ code: 'QPS_QUIC_CLOSED' })
    await client.close()
    await pause(0)
  })
})
