import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { Agent, get as httpGet, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { type NodeRequest, nodeServer } from '@qps/http1'
import { rawExchange, statuses } from '@qps/testkit'
import fastify, { type FastifyInstance } from 'fastify'
import { expect, test } from 'vitest'

// What the adapter does that Node does not.

const app = (options: Parameters<typeof nodeServer>[0] = {}) => {
  const node = nodeServer(options)
  return { node, app: fastify({ serverFactory: node.serverFactory }) as FastifyInstance }
}
const portOf = async (it: FastifyInstance): Promise<number> =>
  Number(new URL(await it.listen({ port: 0, host: '127.0.0.1' })).port)

test('the limits of the engine stand before the application', async () => {
  const refused: string[] = []
  const { app: it } = app({
    limits: { headerFieldsMax: 5, bodyBytesMax: 10 },
    onRefused: (reason) => refused.push(reason),
  })
  it.post('/', () => 'never')
  const port = await portOf(it)
  const many = await rawExchange(port, `GET / HTTP/1.1\r\nHost: a\r\n${'A: b\r\n'.repeat(5)}\r\n`)
  const smuggled = await rawExchange(
    port,
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  )
  const long = await rawExchange(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n')
  expect([many, smuggled, long].map(({ text }) => statuses(text))).toEqual([[431], [400], [413]])
  expect(refused).toHaveLength(3)
  await it.close()
})

test("an application's larger bodyLimit is let through", async () => {
  const node = nodeServer()
  const it = fastify({ serverFactory: node.serverFactory, bodyLimit: 2 * 1024 * 1024 })
  it.post('/', (request) => String(request.body).length)
  const port = await portOf(it as unknown as FastifyInstance)
  const answer = await fetch(`http://127.0.0.1:${port}`, {
    method: 'POST',
    body: 'x'.repeat(1_500_000),
    headers: { 'content-type': 'text/plain' },
  })
  expect(await answer.json()).toBe(1_500_000)
  await it.close()
})

test('content that contradicts content-length breaks the connection off, before the client can mistake it', async () => {
  const { app: it } = app()
  it.get('/long', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-length': 2 })
    reply.raw.end('three')
  })
  it.get('/short', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-length': 10 })
    reply.raw.write('three')
    reply.raw.end()
  })
  const port = await portOf(it)
  const long = await rawExchange(port, 'GET /long HTTP/1.1\r\nHost: a\r\n\r\n')
  expect([long.text, long.closed === 'open']).toEqual(['', false])
  const short = await rawExchange(port, 'GET /short HTTP/1.1\r\nHost: a\r\n\r\n')
  expect(short.closed).not.toBe('open')
  expect(short.text).not.toMatch(/0\r\n\r\n$/)
  await it.close()
})

test('the length is told where Node would send chunks, or nothing', async () => {
  const { app: it } = app()
  it.get('/', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'text/plain' })
    reply.raw.end('content')
  })
  const port = await portOf(it)
  for (const version of ['1.0', '1.1']) {
    const answer = await rawExchange(port, `GET / HTTP/${version}\r\nHost: a\r\nConnection: close\r\n\r\n`)
    expect(answer.text).toMatch(/\r\ncontent-length: 7\r\n[^]*\r\n\r\ncontent$/)
  }
  await it.close()
})

test('each request is reported once, with its route where the application names it', async () => {
  const done: unknown[] = []
  const { app: it } = app({ onRequestDone: (...report) => done.push(report) })
  it.addHook('onRequest', async (request) => {
    const { url } = request.routeOptions
    if (url !== undefined) (request.raw as unknown as NodeRequest).route = url
  })
  it.get('/users/:id', (_request, reply) => reply.code(201).send('x'))
  const port = await portOf(it)
  await fetch(`http://127.0.0.1:${port}/users/7`).then((answer) => answer.text())
  await fetch(`http://127.0.0.1:${port}/none`).then((answer) => answer.text())
  expect(done).toEqual([
    ['GET', '/users/:id', 201, expect.any(Number), 1],
    ['GET', 'unmatched', 404, expect.any(Number), 1],
  ])
  await it.close()
})

test('an async context lasts from a hook to the answer, and to nobody else', async () => {
  const store = new AsyncLocalStorage<string>()
  const { app: it } = app()
  it.addHook('onRequest', (request, _reply, done) => store.run(request.url, done))
  const found: string[] = []
  it.addHook('onResponse', async (request) => void found.push(`${request.url} ${store.getStore()}`))
  it.get('/:name', async () => {
    await sleep(5)
    return store.getStore()
  })
  const port = await portOf(it)
  const asked = ['/a', '/b', '/c', '/d']
  const answers = await Promise.all(
    asked.map((path) => fetch(`http://127.0.0.1:${port}${path}`).then((answer) => answer.text())),
  )
  expect(answers).toEqual(asked)
  await it.close()
  expect(found.toSorted()).toEqual(asked.map((path) => `${path} ${path}`))
})

test('draining tells clients that keep asking, loses none of their requests, and closes', async () => {
  const { node, app: it } = app()
  it.get('/', async () => {
    await sleep(2)
    return 'ok'
  })
  const port = await portOf(it)
  const answered: number[] = []
  const busy = Promise.withResolvers<void>()
  // Each asks until it is told that its connection closes, and a lost request rejects.
  const clients = Array.from({ length: 4 }, async () => {
    using agent = Object.assign(new Agent({ keepAlive: true }), { [Symbol.dispose]: () => agent.destroy() })
    for (;;) {
      const [answer] = (await once(httpGet({ port, agent }), 'response')) as [IncomingMessage]
      if (answered.push(answer.statusCode!) === 20) busy.resolve()
      await text(answer)
      if (answer.headers.connection === 'close') return
    }
  })
  await busy.promise
  const report = await node.drain()
  await Promise.all(clients)
  expect(answered.every((status) => status === 200)).toBe(true)
  expect(report.dropped).toBe(0)
  expect(report.completed).toBeGreaterThanOrEqual(clients.length)
  expect(node.server.listening).toBe(false)
  await it.close()
})

test('an error that a handler throws reaches the process, and its client is cut', async () => {
  const thrown: unknown[] = []
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.once('uncaughtException', (error) => thrown.push(error))
  const node = nodeServer()
  const server = node.serverFactory(() => {
    throw new Error('a mistake')
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => void server.once('listening', resolve))
  const cut = await rawExchange(node.server.port!, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  for (const listener of before) process.on('uncaughtException', listener)
  expect([cut.text, cut.closed === 'open', thrown]).toEqual([
    '',
    false,
    [expect.objectContaining({ message: 'a mistake' })],
  ])
  await node.server[Symbol.asyncDispose]()
})

test('what cannot be is said: TLS, HTTP/2, two applications, no server', () => {
  const node = nodeServer()
  expect(() => node.server).toThrow(/nobody has called serverFactory/)
  expect(() => fastify({ serverFactory: node.serverFactory, http2: true } as object)).toThrow(
    /http2 needs a server that speaks it/,
  )
  expect(() => fastify({ serverFactory: node.serverFactory, https: {} } as object)).toThrow(
    /https needs a server that speaks it/,
  )
  node.serverFactory(() => {})
  expect(() => node.serverFactory(() => {})).toThrow(/called twice/)
})

test('an upgrade is answered as any request, CONNECT is refused, and the socket takes no bytes', async () => {
  const { app: it } = app()
  it.get('/', (request) => {
    try {
      return request.raw.socket.write('bytes')
    } catch (error) {
      return (error as NodeJS.ErrnoException).code
    }
  })
  const port = await portOf(it)
  const upgrade = await rawExchange(
    port,
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n',
  )
  expect(upgrade.text).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*ERR_METHOD_NOT_IMPLEMENTED$/)
  const tunnel = await rawExchange(port, 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n')
  expect(statuses(tunnel.text)).toEqual([405])
  await it.close()
})

test('timeouts of http.Server are those of the limits', () => {
  const node = nodeServer({ limits: { idleMs: 7_000 } })
  const server = node.serverFactory(() => {})
  expect(server.keepAliveTimeout).toBe(7_000)
  server.keepAliveTimeout = 0
  server.requestTimeout = 1_234
  expect([server.keepAliveTimeout, server.requestTimeout]).toEqual([0, 1_234])
})
