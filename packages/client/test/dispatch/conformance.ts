import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CreateDispatcher, type DispatcherOptions, exchange, type HttpDispatcher } from '@qps/client'
import { expect, test } from 'vitest'
import { startHttp, startTcp } from '../client/servers.ts'

/** What every implementation of HttpDispatcher must do, whatever it stands on. */
export function dispatcherConformance(create: CreateDispatcher): void {
  const large = Buffer.alloc(300_000, 'large ')
  const startServer = (): ReturnType<typeof startHttp> =>
    startHttp(async (request, response) => {
      if (request.url === '/large') return response.setHeader('Content-Length', large.length).end(large)
      if (request.url === '/slow') await sleep(60)
      if (request.url === '/cookies') response.setHeader('Set-Cookie', ['a=1', 'b=2'])
      if (request.url === '/missing') response.statusCode = 404
      if (request.url === '/cut') return response.write('half', () => request.socket.destroy())
      const body: Buffer[] = []
      for await (const chunk of request) body.push(chunk as Buffer)
      response.setHeader('X-Seen', `${request.method} ${request.url} ${String(request.headers['x-mark'] ?? '')}`)
      return response.end(Buffer.concat(body))
    })
  const open = (options: DispatcherOptions): HttpDispatcher => create({ parts: 2, connectionsMax: 4, ...options })
  const codeOf = (answer: Promise<unknown>): Promise<unknown> =>
    answer.then(
      () => 'none',
      (error: { code?: unknown }) => error.code,
    )

  test.each([
    ['GET', undefined],
    ['POST', 'text ✓'],
    ['PUT', Buffer.from([0, 1, 254, 255])],
    ['DELETE', undefined],
  ])('%s: method, path, headers and body arrive, and the answer comes back whole', async (method, body) => {
    await using server = await startServer()
    await using dispatcher = open(server)
    const request = { method, path: '/a?b=c', headers: { 'x-mark': 'here' }, ...(body === undefined ? {} : { body }) }
    const answer = await exchange(dispatcher, request)
    expect(answer.status).toBe(200)
    expect(answer.headers['x-seen']).toBe(`${method} /a?b=c here`)
    expect(Buffer.from(answer.body)).toEqual(Buffer.from(body ?? ''))
  })

  test('pipelined or not, many over one connection are each answered with their own answer', async () => {
    await using server = await startServer()
    await using dispatcher = open({ ...server, parts: 1, connectionsMax: 1, pipelining: 8 })
    const paths = Array.from({ length: 50 }, (_, index) => `/${index}`)
    const answers = await Promise.all(paths.map((path) => exchange(dispatcher, { path, headers: { 'x-mark': 'm' } })))
    expect(answers.map(({ headers }) => headers['x-seen'])).toEqual(paths.map((path) => `GET ${path} m`))
  })

  test('a request that cannot be sent is an error with a code, and no harm to the others', async () => {
    await using server = await startServer()
    await using dispatcher = open(server)
    expect(await codeOf(exchange(dispatcher, { path: 'no slash' }))).toBe('QPS_CLIENT_REQUEST')
    expect(await codeOf(exchange(dispatcher, { path: '/', headers: { 'x-mark': 'a\r\nb: c' } }))).toBe(
      'QPS_CLIENT_REQUEST',
    )
    expect((await exchange(dispatcher, { path: '/' })).status).toBe(200)
  })

  test('status, repeated fields, HEAD and a body of several reads', async () => {
    await using server = await startServer()
    await using dispatcher = open(server)
    expect((await exchange(dispatcher, { path: '/missing' })).status).toBe(404)
    expect((await exchange(dispatcher, { path: '/cookies' })).headers['set-cookie']).toEqual(['a=1', 'b=2'])
    const head = await exchange(dispatcher, { method: 'HEAD', path: '/large' })
    expect([head.headers['content-length'], head.body.length]).toEqual([String(large.length), 0])
    const { body } = await exchange(dispatcher, { path: '/large' })
    expect(createHash('sha256').update(body).digest()).toEqual(createHash('sha256').update(large).digest())
  })

  test('many at once are each answered with their own answer, over few connections', async () => {
    await using server = await startServer()
    let accepted = 0
    server.server.on('connection', () => accepted++)
    await using dispatcher = open(server)
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, index) =>
        exchange(dispatcher, { method: 'POST', path: '/', body: `no. ${index}` }),
      ),
    )
    expect(answers.map(({ body }) => Buffer.from(body).toString())).toEqual(answers.map((_, index) => `no. ${index}`))
    expect(accepted).toBeLessThanOrEqual(4)
  })

  test('a handler is called in order, ends once, and never from inside dispatch', async () => {
    await using server = await startServer()
    await using dispatcher = open(server)
    const calls: string[] = []
    const ended = Promise.withResolvers<void>()
    dispatcher.dispatch(
      { method: 'POST', path: '/', body: 'x' },
      {
        onHead: () => calls.push('head'),
        onData: () => calls.push('data'),
        onEnd: () => ended.resolve(void calls.push('end')),
        onError: (error) => ended.reject(error),
      },
    )
    calls.push('returned')
    await ended.promise
    await sleep(5)
    expect(calls).toEqual(['returned', 'head', 'data', 'end'])
  })

  test('an answer that is cut, or malformed, is an error with a code', async () => {
    await using server = await startServer()
    await using dispatcher = open(server)
    expect(await codeOf(exchange(dispatcher, { path: '/cut' }))).toBe('QPS_CLIENT_RESET')
    expect((await exchange(dispatcher, { path: '/' })).status, 'the next one is answered').toBe(200)
    await using broken = await startTcp((socket) => socket.on('data', () => socket.write('220 smtp ready\r\n')))
    await using toBroken = open({ origin: `http://127.0.0.1:${broken.port}` })
    expect(await codeOf(exchange(toBroken, { path: '/' }))).toBe('QPS_CLIENT_PROTOCOL')
  })

  test('nobody listening is an error with a code', async () => {
    await using dispatcher = open({ origin: 'http://127.0.0.1:1' })
    expect(await codeOf(exchange(dispatcher, { path: '/' }))).toBe('QPS_CLIENT_CONNECT')
  })

  test('requests under way are bounded, and a refusal comes after dispatch has returned', async () => {
    await using server = await startServer()
    await using dispatcher = open({ ...server, outstandingMax: 3 })
    const codes = Promise.all(Array.from({ length: 5 }, () => codeOf(exchange(dispatcher, { path: '/slow' }))))
    expect(await codes).toEqual(['none', 'none', 'none', 'QPS_CLIENT_BUSY', 'QPS_CLIENT_BUSY'])
    expect(await codeOf(exchange(dispatcher, { path: '/' })), 'room again').toBe('none')
  })

  test('close answers what is under way, refuses what comes after, and may be repeated', async () => {
    await using server = await startServer()
    let open_ = 0
    server.server.on('connection', (socket) => {
      open_++
      socket.once('close', () => open_--)
    })
    const dispatcher = open(server)
    const answers = Promise.all(Array.from({ length: 6 }, () => exchange(dispatcher, { path: '/slow' })))
    const closing = dispatcher.close()
    expect(await codeOf(exchange(dispatcher, { path: '/' }))).toBe('QPS_CLIENT_CLOSED')
    expect((await answers).map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 200))
    await closing
    await dispatcher.close()
    await expect.poll(() => open_).toBe(0)
  })

  test('a wrong option is refused with its name', () => {
    expect(() => open({ origin: 'ftp://a' })).toThrow('origin must be http://host:port')
    expect(() => open({ origin: 'http://a', connectionsMax: 0 })).toThrow('connectionsMax must be')
  })
}
