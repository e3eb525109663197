import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { type Request, type Response, Router } from '@qps/http1'
import { statuses } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { backends, bodies, Client, exchange, get, last, start } from './server-under-test.ts'

describe.each(backends)('messages that are used again: %s', (backend) => {
  test('a handler that answers before it returns gets the same two objects for every request', async () => {
    const requests = new Set<Request>()
    const responses = new Set<Response>()
    await using serving = await start(
      backend,
      (request, response) => {
        requests.add(request)
        responses.add(response)
        response.end(request.path)
      },
      { reuseMessages: true },
    )
    for (let round = 0; round < 3; round++) {
      const paths = Array.from({ length: 50 }, (_, index) => `/${round}/${index}`)
      const got = await exchange(serving, paths.map((path) => get(path)).join('') + last('/'))
      expect(bodies(got)).toEqual([...paths, '/'])
    }
    expect([requests.size, responses.size]).toEqual([1, 1])
  })

  test('without being asked for, every request has its own', async () => {
    const requests = new Set<Request>()
    await using serving = await start(backend, (request, response) => {
      requests.add(request)
      response.end()
    })
    await exchange(serving, get('/') + get('/') + last('/'))
    expect(requests.size).toBe(3)
  })

  test('nothing of one request is left in the next', async () => {
    const seen: unknown[] = []
    const router = new Router()
      .get('/users/:id', (request, response) => {
        seen.push({ ...request.params }, request.headers['x-a'], request.query)
        response.setHeader('x-own', '1').addTrailer('x-t', '1').writeHead(201).end('one')
      })
      .on(['GET', 'POST'], '/', (request, response) => {
        seen.push({ ...request.params }, request.headers['x-a'], request.query, response.getHeader('x-own'))
        response.end('two')
      })
    await using serving = await start(backend, router.handler, { reuseMessages: true })
    const got = await exchange(serving, get('/users/7?q=1', 'X-A: 1\r\n') + last('/'))
    expect(seen).toEqual([{ id: '7' }, '1', 'q=1', {}, undefined, '', undefined])
    expect(got.match(/x-own/g)).toHaveLength(1)
    expect(got.match(/x-t/g)).toHaveLength(1)
    expect(got).toMatch(/^HTTP\/1\.1 201 [^]*HTTP\/1\.1 200 [^]*content-length: 3\r\n[^]*two$/)
  })

  test('whoever goes on behind its return keeps its own', async () => {
    const late: string[] = []
    await using serving = await start(
      backend,
      async (request, response) => {
        if (request.path.startsWith('/late')) await sleep(2)
        const { path } = request
        response.end(path)
        await turn()
        // The answer is over, others are being answered, and this is still the one that was.
        expect(response.ended).toBe(true)
        expect(() => request.rawHeaders()).toThrow(expect.objectContaining({ code: 'QPS_REQUEST_OVER' }))
        late.push(path)
      },
      { reuseMessages: true },
    )
    const clients = Array.from({ length: 8 }, () => new Client(serving))
    const texts = await Promise.all(
      clients.map((client, index) =>
        client.send(get(`/late/${index}`) + get(`/${index}`) + last(`/late/${index}/b`)).until(),
      ),
    )
    for (const [index, got] of texts.entries()) {
      expect(bodies(got)).toEqual([`/late/${index}`, `/${index}`, `/late/${index}/b`])
    }
    expect(late).toHaveLength(24)
  })

  test('a handler that fails, before its answer or behind it, spoils nothing for the next', async () => {
    const errors: string[] = []
    await using serving = await start(
      backend,
      ({ path }, response) => {
        if (path === '/before') throw new Error('before')
        response.end(path)
        if (path === '/behind') throw new Error('behind')
      },
      { reuseMessages: true, onError: (error) => errors.push((error as Error).message) },
    )
    const got = await exchange(serving, get('/a') + get('/before') + get('/b') + get('/behind') + last('/c'))
    expect(statuses(got)).toEqual([200, 500, 200, 200, 200])
    expect(bodies(got).filter((body) => body.startsWith('/'))).toEqual(['/a', '/b', '/behind', '/c'])
    expect(errors).toEqual(['before', 'behind'])
  })

  test("a body that comes behind the answer is nobody else's", async () => {
    await using serving = await start(backend, ({ path }, response) => response.end(path), { reuseMessages: true })
    using client = new Client(serving)
    client.send('POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe')
    await client.until((text) => text.includes('/first'))
    expect(bodies(await client.send(`llo${last('/second')}`).until())).toEqual(['/first', '/second'])
  })
})
