import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, get as httpGet, request as httpRequest } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { rawExchange, statuses } from '@qps/testkit'
import type { FastifyInstance } from 'fastify'
import { afterEach, describe, expect, test } from 'vitest'
import { type Listening, listening, makeApp, type Options, seen, servers, until } from './fastify-app.ts'

describe.each(servers)('the life of fastify on %s', (server) => {
  const apps: FastifyInstance[] = []
  const make = (options?: Options): FastifyInstance => {
    const app = makeApp(server, options)
    apps.push(app)
    return app
  }
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()))
    seen.splice(0)
  })

  async function started(app: FastifyInstance): Promise<Listening> {
    return listening(app)
  }

  describe('hooks', () => {
    test('run in the order of Fastify, onResponse when the answer is out', async () => {
      const app = make()
      app.addHook('onRequest', async () => void seen.push('onRequest'))
      app.addHook('preParsing', async () => void seen.push('preParsing'))
      app.addHook('preValidation', async () => void seen.push('preValidation'))
      app.addHook('preHandler', async () => void seen.push('preHandler'))
      app.addHook('preSerialization', async (_request, _reply, payload) => {
        seen.push('preSerialization')
        return { ...(payload as object), added: true }
      })
      app.addHook('onSend', async (_request, reply, payload) => {
        seen.push('onSend')
        void reply.header('x-length', String(payload).length)
        return payload
      })
      app.addHook('onResponse', async (request, reply) => {
        seen.push(
          `onResponse ${request.method} ${request.url} ${request.headers.host !== undefined} ${reply.statusCode} ${reply.elapsedTime > 0}`,
        )
      })
      app.addHook('onError', async (_request, _reply, error) => void seen.push(`onError ${error.message}`))
      app.post('/', () => ({ a: 1 }))
      app.get('/fails', async () => {
        await sleep(1)
        throw new Error('no')
      })
      const { url } = await started(app)
      const answer = await fetch(url, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
      expect([await answer.json(), answer.headers.get('x-length')]).toEqual([{ a: 1, added: true }, '20'])
      await until(() => seen.length === 7)
      expect(seen.splice(0)).toEqual([
        'onRequest',
        'preParsing',
        'preValidation',
        'preHandler',
        'preSerialization',
        'onSend',
        'onResponse POST / true 200 true',
      ])
      expect((await fetch(`${url}/fails`)).status).toBe(500)
      await until(() => seen.some((each) => each.startsWith('onResponse')))
      expect(seen).toContain('onError no')
    })

    test('may answer themselves, and an error handler may too', async () => {
      const app = make()
      app.addHook('onRequest', async (request, reply) => {
        if (request.url === '/forbidden') await reply.code(403).send('no')
      })
      app.setErrorHandler((error, _request, reply) => reply.code(409).send({ handled: (error as Error).message }))
      app.setNotFoundHandler((_request, reply) => reply.code(404).send('nothing here'))
      app.get('/forbidden', () => 'never')
      app.get('/throws', () => {
        throw new Error('a')
      })
      const { url } = await started(app)
      const answers = await Promise.all(
        ['/forbidden', '/throws', '/none'].map(async (path) => {
          const answer = await fetch(url + path)
          return `${answer.status} ${await answer.text()}`
        }),
      )
      expect(answers).toEqual(['403 no', '409 {"handled":"a"}', '404 nothing here'])
    })

    test('a handler that takes too long is answered for', async () => {
      const app = make({ handlerTimeout: 50 })
      app.get('/', async (request) => {
        await once(request.signal, 'abort')
        seen.push('aborted')
        await sleep(10)
        return 'too late'
      })
      const { url } = await started(app)
      expect((await fetch(url)).status).toBe(503)
      expect(seen).toEqual(['aborted'])
    })
  })

  describe('a client that leaves', () => {
    const watch = (app: FastifyInstance): void => {
      app.addHook('onRequestAbort', async (request) => void seen.push(`onRequestAbort ${request.raw.aborted}`))
      app.addHook('onRequest', async ({ raw }, reply) => {
        raw.on('aborted', () => seen.push('aborted'))
        raw.on('close', () => seen.push(`close ${raw.destroyed}`))
        reply.raw.on('close', () => seen.push(`response close ${reply.raw.writableFinished}`))
      })
    }

    test('before the answer aborts the request', async () => {
      const app = make()
      watch(app)
      app.get('/', async (_request, reply) => {
        seen.push('handled')
        await until(() => seen.includes('response close false'))
        seen.push(`too late ${reply.raw.destroyed}`)
        return 'too late'
      })
      const { port } = await started(app)
      const socket = connect(port, '127.0.0.1')
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await until(() => seen.includes('handled'))
      socket.destroy()
      await until(() => seen.includes('too late true'))
      expect(seen.toSorted()).toEqual([
        'aborted',
        'close true',
        'handled',
        'onRequestAbort true',
        'response close false',
        'too late true',
      ])
    })

    test('in the middle of the body fails the parser', async () => {
      const app = make()
      watch(app)
      app.addHook('onError', async (_request, _reply, error) => void seen.push(`onError ${error.code}`))
      app.post('/', () => 'never')
      const { port } = await started(app)
      const socket = connect(port, '127.0.0.1')
      socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nhello')
      await sleep(30)
      socket.resetAndDestroy()
      await until(() => seen.includes('onRequestAbort true') && seen.some((each) => each.startsWith('onError')))
      expect(seen.toSorted()).toEqual([
        'aborted',
        'close true',
        'onError ECONNRESET',
        'onRequestAbort true',
        'response close false',
      ])
    })

    test('in the middle of the answer stops its source', async () => {
      const app = make()
      app.get('/', (_request, reply) => reply.send(endless()))
      const { port } = await started(app)
      const socket = connect(port, '127.0.0.1')
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await once(socket, 'data')
      socket.resetAndDestroy()
      await until(() => seen.includes('source over'))
    })

    test('does no harm, and a request that is answered closes without being aborted', async () => {
      const app = make()
      watch(app)
      app.get('/', () => 'ok')
      const { url } = await started(app)
      expect(await (await fetch(url)).text()).toBe('ok')
      await until(() => seen.length === 2)
      expect(seen.toSorted()).toEqual(['close true', 'response close true'])
    })
  })

  describe('listening', () => {
    test('tells its address', async () => {
      const app = make()
      expect(app.server.address()).toBe(null)
      const { port } = await started(app)
      expect(app.server.address()).toEqual({ address: '127.0.0.1', family: 'IPv4', port })
      expect(app.addresses()).toEqual([{ address: '127.0.0.1', family: 'IPv4', port }])
      expect([app.server.listening, port > 0]).toEqual([true, true])
    })

    test('on a name, and on a unix socket', async () => {
      const named = make()
      named.get('/', () => 'named')
      await named.listen({ port: 0 })
      const { port } = named.server.address() as { port: number }
      expect(await (await fetch(`http://localhost:${port}`)).text()).toBe('named')
      const folder = mkdtempSync(join(tmpdir(), 'fastify-'))
      const path = join(folder, 'app.sock')
      const local = make()
      local.get('/', (request) => [request.ip ?? 'none', request.socket.remoteAddress ?? 'none'])
      expect(await local.listen({ path })).toContain(path)
      expect(local.server.address()).toBe(path)
      const [answer] = (await once(httpGet({ socketPath: path, agent: new Agent() }), 'response')) as [
        AsyncIterable<Buffer>,
      ]
      let text = ''
      for await (const piece of answer) text += piece.toString()
      expect(text).toBe('["none","none"]')
      await local.close()
      rmSync(folder, { recursive: true, force: true })
    })

    test('fails with the codes of Node', async () => {
      const other = createServer().listen(0, '127.0.0.1')
      await once(other, 'listening')
      const { port } = other.address() as { port: number }
      await expect(make().listen({ port, host: '127.0.0.1' })).rejects.toMatchObject({
        code: 'EADDRINUSE',
        syscall: 'listen',
        address: '127.0.0.1',
        port,
      })
      other.close()
      await expect(make().listen({ port: 0, host: '192.0.2.1' })).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
      await expect(make().listen({ port: 0, host: 'no.such.name.invalid' })).rejects.toMatchObject({
        code: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/),
      })
    })

    test('twice is an error', async () => {
      const app = make()
      await started(app)
      await expect(app.listen({ port: 0 })).rejects.toMatchObject({ code: 'FST_ERR_REOPENED_SERVER' })
    })
  })

  describe('closing', () => {
    test('answers what is in flight', async () => {
      const app = make()
      app.get('/', async () => {
        seen.push('handled')
        await sleep(80)
        return 'answered'
      })
      app.addHook('onClose', async () => void seen.push('onClose'))
      const { port } = await started(app)
      const answer = rawExchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', {
        until: (all) => all.endsWith('answered'),
      })
      await until(() => seen.includes('handled'))
      const closing = app.close()
      const { text } = await answer
      expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*answered$/)
      // Node tells nobody that it is closing.
      if (server !== 'node:http') expect(text).toMatch(/\r\nConnection: close\r\n/)
      await closing
      expect(seen).toEqual(['handled', 'onClose'])
      await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow()
      expect(app.server.listening).toBe(false)
    })

    test('refuses what comes on connections that are busy, unless told not to', async () => {
      for (const return503OnClosing of [true, false]) {
        const app = make({ return503OnClosing })
        const closingBegan = Promise.withResolvers<void>()
        const mayClose = Promise.withResolvers<void>()
        app.get('/slow', async () => {
          seen.push('handled')
          await closingBegan.promise
          return 'slow'
        })
        app.get('/', () => 'quick')
        // Between the two Fastify is closing, and the server is not yet.
        app.addHook('preClose', () => {
          closingBegan.resolve()
          return mayClose.promise
        })
        const { port } = await started(app)
        const agent = new Agent({ keepAlive: true, maxSockets: 1 })
        const first = httpGet({ port, path: '/slow', agent })
        await until(() => seen.includes('handled'))
        const closing = app.close()
        const second = once(httpGet({ port, path: '/', agent }), 'response') as Promise<
          [{ statusCode: number; resume(): void }]
        >
        const [slow] = (await once(first, 'response')) as [{ statusCode: number; resume(): void }]
        slow.resume()
        const [quick] = await second
        quick.resume()
        expect([slow.statusCode, quick.statusCode]).toEqual([200, return503OnClosing ? 503 : 200])
        mayClose.resolve()
        await closing
        agent.destroy()
        seen.splice(0)
      }
    })

    test('closes connections that are idle', async () => {
      const app = make()
      app.get('/', () => 'ok')
      const { port } = await started(app)
      const socket: Socket = connect(port, '127.0.0.1')
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await once(socket, 'data')
      await app.close()
      if (!socket.destroyed) await once(socket.resume(), 'close')
    })
  })

  test('the log names requests and addresses', async () => {
    const lines: Record<string, unknown>[] = []
    const app = make({
      requestIdHeader: 'x-request-id',
      logger: {
        level: 'info',
        stream: { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
      },
    })
    app.get('/', (request) => request.id)
    const { url, port } = await started(app)
    expect(await (await fetch(url, { headers: { 'x-request-id': 'mine' } })).text()).toBe('mine')
    await until(() => lines.length === 3)
    expect(lines).toMatchObject([
      { msg: `Server listening at http://127.0.0.1:${port}` },
      {
        msg: 'incoming request',
        reqId: 'mine',
        req: { method: 'GET', url: '/', host: `127.0.0.1:${port}`, remoteAddress: '127.0.0.1' },
      },
      { msg: 'request completed', reqId: 'mine', res: { statusCode: 200 } },
    ])
    expect((lines[1]!['req'] as { remotePort: number }).remotePort).toBeGreaterThan(0)
  })

  test('a URL may be rewritten, constraints and proxies are seen', async () => {
    const app = make({ rewriteUrl: (request) => request.url!.replace('/old', '/new'), trustProxy: true })
    app.get('/new', (request) => [request.url, request.originalUrl, request.ip])
    app.route({ method: 'GET', url: '/versioned', constraints: { version: '2.0.0' }, handler: () => 'two' })
    app.route({ method: 'GET', url: '/hosted', constraints: { host: 'b.example' }, handler: () => 'b' })
    const { url, port } = await started(app)
    const old = await fetch(`${url}/old`, { headers: { 'x-forwarded-for': '203.0.113.9' } })
    expect(await old.json()).toEqual(['/new', '/old', '203.0.113.9'])
    expect(await (await fetch(`${url}/versioned`, { headers: { 'accept-version': '2.x' } })).text()).toBe('two')
    expect((await fetch(`${url}/versioned`)).status).toBe(404)
    const hosted = await rawExchange(port, 'GET /hosted HTTP/1.1\r\nHost: b.example\r\nConnection: close\r\n\r\n')
    expect(statuses(hosted.text)).toEqual([200])
  })

  test('a connection is told after so many requests', async () => {
    const app = make()
    app.get('/', () => 'ok')
    app.server.maxRequestsPerSocket = 2
    const { port } = await started(app)
    const { text, closed } = await rawExchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', {
      until: (all) => all.endsWith('ok'),
    })
    expect([statuses(text), closed]).toEqual([[200], 'open'])
    const socket = connect(port, '127.0.0.1')
    let all = ''
    socket.on('data', (piece: Buffer) => (all += piece.toString()))
    for (let count = 1; count <= 2; count++) {
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await until(() => statuses(all).length === count && all.endsWith('ok'))
    }
    expect(all).toMatch(/connection: close/i)
    socket.destroy()
  })

  test('an upload that is refused early is not read to its end', async () => {
    const app = make({ bodyLimit: 1000 })
    app.post('/', () => 'never')
    const { port } = await started(app)
    const sent = httpRequest({
      port,
      method: 'POST',
      headers: { 'content-type': 'text/plain', 'content-length': 900_000 },
    })
    sent.on('error', () => {})
    sent.write('x'.repeat(2000))
    const [answer] = (await once(sent, 'response')) as [{ statusCode: number; resume(): void }]
    expect(answer.statusCode).toBe(413)
    answer.resume()
    sent.destroy()
  })
})

async function* steps(): AsyncGenerator<Buffer> {
  try {
    for (;;) {
      yield Buffer.alloc(16 * 1024)
      await sleep(1)
    }
  } finally {
    seen.push('source over')
  }
}

function endless(): NodeJS.ReadableStream {
  return Readable.from(steps())
}
