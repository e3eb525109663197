import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, get as httpGet, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Stream, Transform } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { nodeServer } from '@qps/http1'
import { rawExchange, statuses } from '@qps/testkit'
import { afterEach, describe, expect, test } from 'vitest'
import { servers } from './fastify-app.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const ask = (path = '/', fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`
const last = 'Connection: close\r\n'

describe.each(servers)('a handler of node:http on %s', (kind) => {
  const open: Server[] = []
  const seen: string[] = []
  afterEach(async () => {
    seen.splice(0)
    for (const server of open.splice(0)) {
      server.closeAllConnections()
      if (server.listening) await new Promise((resolve) => void server.close(resolve))
    }
  })

  const make = (handler: Handler): Server => {
    const server = kind === 'node:http' ? createServer(handler) : nodeServer({ backend: kind }).serverFactory(handler)
    open.push(server)
    return server
  }
  async function serve(handler: Handler): Promise<number> {
    const server = make(handler).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  async function until(mark: string): Promise<void> {
    for (let tries = 0; !seen.includes(mark); tries++) {
      if (tries > 300) throw new Error(`no ${mark}; seen: ${seen.join(', ')}`)
      await sleep(10)
    }
  }

  describe('the request as a stream', () => {
    const post = (body: string, fields = ''): string =>
      `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`

    test('is a Readable, read by events, iteration, pipe or a consumer', async () => {
      const ways: ((request: IncomingMessage) => Promise<string>)[] = [
        (request) =>
          new Promise((resolve) => {
            let all = ''
            request.setEncoding('utf8')
            request.on('data', (piece: string) => (all += piece))
            request.on('end', () => resolve(all))
          }),
        async (request) => {
          let all = ''
          for await (const piece of request) all += (piece as Buffer).toString()
          return all
        },
        (request) => textOf(request.pipe(new Transform({ transform: (piece, _encoding, done) => done(null, piece) }))),
        (request) => textOf(request),
        async (request) => {
          await sleep(20)
          request.once('readable', () => seen.push('readable'))
          return textOf(request)
        },
      ]
      for (const way of ways) {
        const port = await serve((request, response) => {
          expect(request).toBeInstanceOf(Readable)
          void (async () => {
            const all = await way(request)
            expect([request.complete, request.readableEnded, request.aborted]).toEqual([true, true, false])
            response.end(all)
          })()
        })
        const { text } = await rawExchange(port, post('a body'))
        expect(text).toMatch(/\r\n\r\na body$/)
      }
      expect(seen).toEqual(['readable'])
    })

    test('ends at once where there is no body', async () => {
      const port = await serve((request, response) => void textOf(request).then((all) => response.end(`<${all}>`)))
      expect((await rawExchange(port, ask('/', last))).text).toMatch(/<>$/)
    })

    test('has trailers when it is complete', async () => {
      const port = await serve((request, response) => {
        request.resume().on('end', () => response.end(JSON.stringify([request.trailers, request.rawTrailers])))
      })
      const { text } = await rawExchange(
        port,
        'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n',
      )
      expect(text).toMatch(/\[{"x-sum":"1"},\["X-Sum","1"\]\]$/)
    })

    test('holds the client back while nobody reads', async () => {
      const bytes = 900_000
      const asked = Promise.withResolvers<IncomingMessage>()
      const port = await serve((request) => asked.resolve(request))
      const socket = connect(port, '127.0.0.1')
      socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`)
      socket.write(Buffer.alloc(bytes))
      const stream = await asked.promise
      await sleep(50)
      expect(stream.readableLength).toBeLessThan(300_000)
      let got = 0
      for await (const piece of stream) {
        got += (piece as Buffer).length
        if (got % 3 === 0) await sleep(1)
      }
      expect(got).toBe(bytes)
      socket.destroy()
    })

    test('destroyed by the handler, it takes its connection along', async () => {
      const port = await serve((request) => {
        request.on('close', () => seen.push(`close ${request.aborted}`))
        request.destroy()
      })
      const { text, closed } = await rawExchange(port, ask())
      expect([text, closed]).toEqual(['', expect.stringMatching(/end|reset/)])
      await until('close true')
    })

    test('fails a pipeline when the client leaves', async () => {
      const port = await serve((request, response) => {
        pipeline(request, async (source) => {
          for await (const _piece of source) seen.push('piece')
        }).then(
          () => seen.push('whole'),
          (error: NodeJS.ErrnoException) => seen.push(error.code!),
        )
        response.on('close', () => seen.push('response close'))
      })
      const socket = connect(port, '127.0.0.1')
      socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello')
      await until('piece')
      socket.destroy()
      await until('response close')
      await until('ECONNRESET')
    })
  })

  describe('the response as a stream', () => {
    test('is a legacy Stream that takes a pipe and a pipeline', async () => {
      const port = await serve((request, response) => {
        expect(response).toBeInstanceOf(Stream)
        response.on('pipe', () => seen.push('pipe'))
        const source = Readable.from(['a', 'b', 'c'])
        if (request.url === '/pipe') source.pipe(response)
        else void pipeline(source, response).then(() => seen.push('pipeline'))
      })
      for (const path of ['/pipe', '/pipeline']) {
        const { text } = await rawExchange(port, ask(path, last))
        expect(text).toMatch(/\r\n\r\n[^]*a\r\n[^]*b\r\n[^]*c\r\n0\r\n\r\n$|abc\r\n0\r\n\r\n$/)
      }
      await until('pipeline')
      expect(seen).toEqual(['pipe', 'pipe', 'pipeline'])
    })

    test('finishes for `finished`, before and after, and fails for it', async () => {
      const port = await serve((request, response) => {
        if (request.url === '/ok') {
          void (async () => {
            await finished(response)
            await finished(response)
            seen.push('finished')
          })()
          response.end('ok')
        } else if (request.url === '/quiet') {
          response.end('quiet')
          setImmediate(() => void finished(response).then(() => seen.push('quiet')))
        } else {
          finished(response).catch((error: Error) => seen.push(error.message))
          response.write('some')
          setTimeout(() => response.destroy(new Error('why')), 5)
        }
      })
      await rawExchange(port, ask('/ok', last))
      await until('finished')
      await rawExchange(port, ask('/quiet', last))
      await until('quiet')
      expect((await rawExchange(port, ask('/fail'))).closed).not.toBe('open')
      await until('Premature close')
    })

    test('asks to wait, and says when to go on', async () => {
      const port = await serve((_request, response) => {
        let left = 64
        const go = (): void => {
          while (left-- > 0) if (!response.write(Buffer.alloc(64 * 1024))) return void response.once('drain', go)
          response.end()
          seen.push('ended')
        }
        response.on('drain', () => seen.push('drain'))
        go()
      })
      const socket = connect(port, '127.0.0.1')
      socket.write(ask('/', last))
      await sleep(50)
      let bytes = 0
      for await (const piece of socket) bytes += (piece as Buffer).length
      expect(bytes).toBeGreaterThan(64 * 64 * 1024)
      await until('ended')
      expect(seen.filter((each) => each === 'drain').length).toBeGreaterThan(0)
    })

    test('reports what comes behind its end', async () => {
      const port = await serve((_request, response) => {
        response.on('error', (error: NodeJS.ErrnoException) => seen.push(error.code!))
        response.end('x', () => {
          response.end((error: NodeJS.ErrnoException) => seen.push(error.code!))
        })
        expect(() => response.setHeader('a', '1')).toThrow(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }))
        expect(() => response.writeHead(200)).toThrow(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }))
        response.write('late')
      })
      await rawExchange(port, ask('/', last))
      await until('ERR_STREAM_WRITE_AFTER_END')
      await until('ERR_STREAM_ALREADY_FINISHED')
    })

    test('flushes its head, keeps its fields, and knows their names', async () => {
      const port = await serve((_request, response) => {
        response.setHeader('X-Number', 5)
        response.setHeaders(new Headers({ 'x-web': 'w' }))
        response.sendDate = false
        response.flushHeaders()
        seen.push(
          JSON.stringify([
            response.headersSent,
            response.getHeaderNames(),
            { ...response.getHeaders() },
            response.hasHeader('x-number'),
          ]),
        )
        setTimeout(() => response.end(), 20)
      })
      const { text } = await rawExchange(port, ask('/', last))
      expect(seen).toEqual(['[true,["x-number","x-web"],{"x-number":5,"x-web":"w"},true]'])
      expect(text).toMatch(/^HTTP\/1.1 200 OK\r\nX-Number: 5\r\nx-web: w\r\n/)
      expect(text).not.toMatch(/\r\ndate:/i)
    })

    test('may be late: the client has left', async () => {
      const port = await serve((_request, response) => {
        seen.push('asked')
        response.on('close', () => {
          response.writeHead(200)
          response.end('late')
          seen.push(`ended ${response.writableEnded} ${response.writableFinished}`)
        })
      })
      const socket = connect(port, '127.0.0.1')
      socket.write(ask())
      await until('asked')
      socket.destroy()
      await until('ended true false')
    })
  })

  describe('the server', () => {
    test('is not running before it listens, and closes once', async () => {
      const server = make(() => {})
      expect([server.listening, server.address()]).toEqual([false, null])
      const error = await new Promise<NodeJS.ErrnoException | undefined>(
        (resolve) => void server.close(resolve as () => void),
      )
      expect(error?.code).toBe('ERR_SERVER_NOT_RUNNING')
      server.listen({ port: 0, host: '127.0.0.1' }, () => seen.push('listening'))
      await once(server, 'listening')
      expect(seen).toEqual(['listening'])
      expect(() => server.listen(0)).toThrow(expect.objectContaining({ code: 'ERR_SERVER_ALREADY_LISTEN' }))
      const count = await new Promise<number>((resolve) => server.getConnections((_error, open) => resolve(open)))
      expect(count).toBe(0)
      await new Promise((resolve) => void server.close(resolve))
      expect([server.listening, server.address()]).toEqual([false, null])
    })

    test('listens in each of the forms that Node knows', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'node-server-'))
      const path = join(folder, 'it.sock')
      const listening = (): void => void seen.push('listening')
      const forms: ((server: Server) => unknown)[] = [
        (server) => server.listen(),
        (server) => server.listen(0),
        (server) => server.listen(listening),
        (server) => server.listen(0, '127.0.0.1'),
        (server) => server.listen(0, '127.0.0.1', 16, listening),
        (server) => server.listen(0, 16),
        (server) => server.listen({ port: 0, host: 'localhost', backlog: 16 }, listening),
        (server) => server.listen(path, listening),
        (server) => server.listen({ path: `${path}2` }),
      ]
      for (const form of forms) {
        const server = make((_request, response) => response.end('here'))
        form(server)
        await once(server, 'listening')
        const at = server.address()
        const where = typeof at === 'string' ? { socketPath: at } : { port: at!.port, host: 'localhost' }
        const [answer] = (await once(httpGet({ ...where, agent: false }), 'response')) as [IncomingMessage]
        expect(await textOf(answer)).toBe('here')
      }
      expect(seen).toHaveLength(4)
      rmSync(folder, { recursive: true, force: true })
    })

    test('listens again after it was closed, and after it could not', async () => {
      const taken = createServer().listen(0, '127.0.0.1')
      open.push(taken)
      await once(taken, 'listening')
      const server = make((_request, response) => response.end('again'))
      const failed = once(server, 'error')
      server.listen({ port: (taken.address() as AddressInfo).port, host: '127.0.0.1' })
      expect(await failed).toMatchObject([{ code: 'EADDRINUSE' }])
      for (let times = 0; times < 2; times++) {
        server.listen(0, '127.0.0.1')
        await once(server, 'listening')
        const { text } = await rawExchange((server.address() as AddressInfo).port, ask('/', last))
        expect(text).toMatch(/again$/)
        const closed = new Promise((resolve) => void server.close(resolve))
        expect(server.address()).toBe(null)
        expect(await closed).toBe(undefined)
      }
    })

    test('closes when its signal is aborted', async () => {
      const abort = new AbortController()
      const server = make(() => {}).listen({ port: 0, host: '127.0.0.1', signal: abort.signal })
      await once(server, 'listening')
      abort.abort()
      await once(server, 'close')
      expect(server.listening).toBe(false)
    })

    test('tells each listener of a request, and a socket of its end', async () => {
      const port = await serve((request, response) => {
        request.socket.once('close', () => seen.push('socket close'))
        response.end('ok')
      })
      open.at(-1)!.on('request', () => seen.push('request'))
      await rawExchange(port, ask('/', last))
      await until('socket close')
      expect(seen).toContain('request')
    })
  })
})

test.each(servers.filter((kind) => kind !== 'node:http'))('%s writes what node:http writes', async (kind) => {
  const answer: Handler = (request, response) => wire[request.url!]!(response)
  expect(await answers(nodeServer({ backend: kind }).serverFactory(answer))).toEqual(
    await answers(createServer(answer)),
  )
})

/** What the server says to each path, by each method and version. */
async function answers(server: Server): Promise<Record<string, string>> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const all: Record<string, string> = {}
  for (const path of Object.keys(wire)) {
    for (const [method, version] of [
      ['GET', '1.1'],
      ['HEAD', '1.1'],
      ['GET', '1.0'],
    ] as const) {
      const { text } = await rawExchange(port, `${method} ${path} HTTP/${version}\r\nHost: a\r\n${last}\r\n`)
      expect(statuses(text)).toHaveLength(1)
      all[`${method} ${path} ${version}`] = comparable(
        text,
        version === '1.0' ? /^(date|connection|keep-alive|content-length):/i : /^(date|connection|keep-alive):/i,
      )
    }
  }
  server.closeAllConnections()
  await new Promise((resolve) => void server.close(resolve))
  return all
}

/** Answers that have one right form on the wire. */
const wire: Record<string, (response: ServerResponse) => void> = {
  '/length': (response) =>
    void response.writeHead(200, { 'content-length': 2, 'content-type': 'text/plain' }).end('ok'),
  '/counted': (response) => void response.end('counted'),
  '/utf8': (response) => void response.end('grüße'),
  '/latin1': (response) => void response.setHeader('x', 'ü').end('ü', 'latin1'),
  '/nothing': (response) => void response.end(),
  '/no-content': (response) => void response.writeHead(204).end(),
  '/phrase': (response) => void response.writeHead(299, 'Fine', { 'content-length': 4 }).end('fine'),
  '/unknown': (response) => void response.writeHead(599, { 'content-length': 0 }).end(),
  '/cookies': (response) => void response.setHeader('Set-Cookie', ['a=1', 'b=2']).end('c'),
}

/** Without the fields in which the servers differ: Date, how a connection is kept, and the length that we tell 1.0, too. */
function comparable(text: string, differs: RegExp): string {
  const [head, body] = text.split('\r\n\r\n', 2)
  const [line, ...fields] = head!.split('\r\n')
  const kept = fields
    .filter((field) => !differs.test(field))
    .map((field) => field.replace(/^[^:]+/, (name) => name.toLowerCase()))
  return [line, ...kept.toSorted(), '', body].join('\n')
}
