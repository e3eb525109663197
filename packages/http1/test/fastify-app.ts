import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { nodeServer } from '@qps/http1'
import { type Backend, probe } from '@qps/netpoll'
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'

/** The servers that one suite runs on: Node's, and ours on each backend that works here. */
export const servers: readonly ('node:http' | Backend)[] = [
  'node:http',
  ...(['io_uring', 'epoll', 'libuv'] as const).filter((backend) => probe()[backend] === undefined),
]

export type Options = Omit<FastifyServerOptions, 'serverFactory'>

export function makeApp(server: 'node:http' | Backend, options: Options = {}): FastifyInstance {
  if (server === 'node:http') return fastify({ ...options, forceCloseConnections: 'idle' })
  const { serverFactory } = nodeServer({ backend: server })
  return fastify({ ...options, serverFactory }) as FastifyInstance
}

export interface Listening {
  app: FastifyInstance
  port: number
  url: string
}

export async function listening(app: FastifyInstance): Promise<Listening> {
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, url, port: Number(new URL(url).port) }
}

/** What happened in the application, in order. */
export const seen: string[] = []

/** Waits until `happened` holds; an error names what was seen instead. */
export async function until(happened: () => boolean, limitMs = 3_000): Promise<void> {
  const endMs = performance.now() + limitMs
  while (!happened()) {
    if (performance.now() > endMs) throw new Error(`it did not happen; seen: ${seen.join(', ')}`)
    await sleep(5)
  }
}

/** An application that uses what Fastify has, as far as it touches requests, responses and the server. */
export function addRoutes(app: FastifyInstance): void {
  addReads(app)
  addBodies(app)
  addAnswers(app)
  addRaw(app)
}

function addReads(app: FastifyInstance): void {
  app.get('/', () => ({ hello: 'world' }))
  app.get('/users/:id', (request) => ({ params: request.params, query: request.query }))
  app.get('/files/*', (request) => ({ params: request.params }))
  app.get('/head', (request) => ({
    headers: request.headers,
    raw: request.raw.rawHeaders,
    version: [request.raw.httpVersion, request.raw.httpVersionMajor, request.raw.httpVersionMinor],
    distinct: request.raw.headersDistinct['x-twice'],
    host: request.host,
    protocol: request.protocol,
  }))
  app.get('/socket', ({ socket, ip }) => ({
    ip,
    remoteAddress: socket.remoteAddress,
    family: socket.remoteFamily,
    hasPort: socket.remotePort! > 0,
    encrypted: (socket as unknown as { encrypted?: boolean }).encrypted ?? false,
    destroyed: socket.destroyed,
    chained: socket.setTimeout(0) === socket,
  }))
  app.decorateRequest('started', null)
  app.decorateReply('shout', function (this: { send(text: string): unknown }, text: string) {
    return this.send(text.toUpperCase())
  })
  app.get('/decorated', (_request, reply) => (reply as unknown as { shout(text: string): unknown }).shout('hello'))
  app.register(
    async (plugin) => {
      await Promise.resolve()
      plugin.get('/inside', () => 'a plugin')
    },
    { prefix: '/plugin' },
  )
}

function addBodies(app: FastifyInstance): void {
  const body = {
    type: 'object',
    required: ['name'],
    properties: { name: { type: 'string' }, age: { type: 'integer' } },
  }
  const response = { 200: { type: 'object', properties: { name: { type: 'string' } } } }
  app.post('/validated', { schema: { body, response } }, (request) => ({ ...(request.body as object), secret: 1 }))
  app.post('/json', (request) => ({ got: request.body }))
  app.post('/small', { bodyLimit: 100 }, (request) => ({ got: request.body }))
  app.addContentTypeParser('text/upper', { parseAs: 'string' }, (_request, text, done) =>
    done(null, String(text).toUpperCase()),
  )
  app.addContentTypeParser('application/bytes', { parseAs: 'buffer' }, (_request, bytes, done) =>
    done(null, bytes.length),
  )
  app.addContentTypeParser('application/pieces', async (_request: unknown, payload: AsyncIterable<Buffer>) => {
    let bytes = 0
    for await (const piece of payload) bytes += piece.length
    return bytes
  })
  app.addContentTypeParser('application/unread', (_request, payload, done) => done(null, payload))
  app.post('/parsed', (request) => ({ parsed: request.body }))
  app.post('/piped', (request, reply) => reply.type('application/octet-stream').send(request.body))
  app.post('/ignored', () => 'not read')
  app.post('/slow-hook', { preParsing: () => sleep(30) }, (request) => ({ got: request.body }))
  app.post(
    '/replaced',
    { preParsing: async (_request, _reply, payload) => Readable.from(pieces(payload)) },
    (request) => ({ got: request.body }),
  )
}

async function* pieces(payload: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of payload) yield Buffer.from(piece.toString().replace('before', 'after'))
}

function addAnswers(app: FastifyInstance): void {
  app.get('/string', () => 'text')
  app.get('/utf8', () => 'grüße, 世界 🎉')
  app.get('/bytes', () => Buffer.from([0, 1, 254, 255]))
  app.get('/stream', (_request, reply) => reply.send(Readable.from(['one ', 'two ', 'three'])))
  app.get('/big', (_request, reply) => reply.send(Readable.from(blocks(16))))
  app.get('/big-buffer', () => Buffer.alloc(1024 * 1024, 'b'))
  app.get('/web-stream', (_request, reply) => reply.send(new Response('from the web').body))
  app.get(
    '/web-response',
    () => new Response('created', { status: 201, headers: { 'x-web': 'yes', 'set-cookie': 'w=1' } }),
  )
  app.get('/broken-stream', (_request, reply) => reply.send(Readable.from(broken())))
  app.get('/broken-early', (_request, reply) =>
    reply.send(
      new Readable({
        read() {
          this.destroy(new Error('no file'))
        },
      }),
    ),
  )
  app.get('/empty', (_request, reply) => reply.code(204).send())
  app.get('/unchanged', (_request, reply) => reply.code(304).header('etag', '"1"').send())
  app.get('/moved', (_request, reply) => reply.redirect('/elsewhere'))
  app.get('/cookies', (_request, reply) =>
    reply.header('set-cookie', ['a=1', 'b=2']).header('set-cookie', 'c=3').send('ok'),
  )
  app.get('/throws', () => {
    throw Object.assign(new Error('teapot'), { statusCode: 418 })
  })
  app.get('/bad-header', (_request, reply) => reply.header('x-bad', 'a\r\nb: c').send('never'))
  app.get('/close', (_request, reply) => reply.header('connection', 'close').send('bye'))
  app.get('/trailer', (_request, reply) => {
    void reply.trailer('x-sum', (_reply, payload, done) => done(null, String((payload as string).length)))
    return reply.send('content')
  })
  app.get('/trailer-stream', (_request, reply) => {
    void reply.trailer('x-end', async () => 'done')
    return reply.send(Readable.from(['a', 'b']))
  })
  app.get('/later', async () => {
    await sleep(60)
    return 'later'
  })
  app.get('/hints', (_request, reply) => {
    reply.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' })
    return 'hinted'
  })
}

function* blocks(count: number): Generator<Buffer> {
  for (let index = 0; index < count; index++) yield Buffer.alloc(64 * 1024, 97 + index)
}

async function* broken(): AsyncGenerator<string> {
  yield 'some'
  await sleep(5)
  throw new Error('the source broke')
}

function addRaw(app: FastifyInstance): void {
  app.get('/hijacked', (_request, reply) => {
    reply.hijack()
    const { raw } = reply
    raw.setHeader('X-One', '1')
    raw.appendHeader('x-list', 'a')
    raw.appendHeader('x-list', 'b')
    raw.setHeader('x-gone', 'never')
    raw.removeHeader('X-Gone')
    raw.writeHead(202, 'Quite Accepted', { 'x-two': '2' })
    raw.write('he')
    raw.write(Buffer.from('llo'), () => seen.push('written'))
    raw.end('!', () => seen.push('ended'))
  })
  app.get('/pairs', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, ['x-a', '1', 'x-a', '2']).end('pairs')
  })
  app.get('/raw-errors', (_request, reply) => {
    const { raw } = reply
    const code = (act: () => unknown): unknown => {
      try {
        act()
        return 'no error'
      } catch (error) {
        return (error as NodeJS.ErrnoException).code
      }
    }
    const codes = [
      code(() => raw.setHeader('a b', '1')),
      code(() => raw.setHeader('a', 'x\ny')),
      code(() => raw.setHeader('a', undefined as unknown as string)),
      code(() => raw.writeHead(99)),
      code(() => raw.write(null as unknown as string)),
      code(() => raw.write(5 as unknown as string)),
      raw.headersSent,
      raw.getHeader('a') ?? 'unset',
    ]
    return codes
  })
  app.get('/events', (_request, reply) => {
    for (const name of ['finish', 'close'] as const) {
      reply.raw.on(name, () => {
        const { finished, writableEnded, writableFinished, headersSent, closed } = reply.raw as typeof reply.raw & {
          closed: boolean
        }
        seen.push(`${name}:${[finished, writableEnded, writableFinished, headersSent, closed].map(Number).join('')}`)
      })
    }
    reply.raw.on('error', () => seen.push('error'))
    return 'events'
  })
}
