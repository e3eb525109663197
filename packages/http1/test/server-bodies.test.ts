import { setTimeout as sleep } from 'node:timers/promises'
import { type Handler, Router, type ServeOptions } from '@qps/http1'
import { statuses } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { backends, bodies, Client, eventually, exchange, get, last, start } from './server-under-test.ts'

const post = (path: string, body: string, fields = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`
const expecting = 'Expect: 100-continue\r\n'

const handler: Handler = new Router()
  .post('/read', async (request, response) => response.end(await request.text()))
  .post('/late', async (request, response) => {
    await sleep(15)
    response.end(await request.text())
  })
  .post('/twice', async (request, response) => {
    response.end(String((await request.text()) === (await request.text())))
  })
  .post('/pieces', async (request, response) => {
    let bytes = 0
    for await (const piece of request.body) bytes += piece.length
    response.end(String(bytes))
  })
  .post('/trailers', async (request, response) => {
    await request.bytes()
    response.json(request.body.trailers)
  })
  .post('/ignore', (_request, response) => response.end('ignored'))
  .post('/ignore-late', async (_request, response) => {
    await sleep(15)
    response.end('ignored')
  })
  .post('/peek', async (request, response) => {
    for await (const piece of request.body) return response.end(String(piece[0]))
  })
  .get('/next', (_request, response) => response.end('next')).handler

describe.each(backends)('bodies: %s', (backend) => {
  const serve = (options: Omit<ServeOptions, 'backend'> = {}): ReturnType<typeof start> =>
    start(backend, handler, options)

  test.each(['/read', '/late'])('%s: a body is there in full whenever it is asked for', async (path) => {
    await using serving = await serve()
    for (const size of [1, 100, 9_000, 200_000, 1024 * 1024]) {
      const body = 'abcdefghij'.repeat(Math.ceil(size / 10)).slice(0, size)
      expect(bodies(await exchange(serving, post(path, body) + last('/next')))).toEqual([body, 'next'])
    }
  })

  test('a late reader gets a chunked body that came in pieces, and the request behind it is answered', async () => {
    await using serving = await serve()
    using client = new Client(serving)
    client.send('POST /late HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab')
    await sleep(3)
    client.send('c\r\n4\r\ndefg\r')
    await sleep(30)
    client.send('\n0\r\n\r\n' + last('/next'))
    expect(bodies(await client.until())).toEqual(['abcdefg', 'next'])
  })

  test('FIN behind a body that nobody has asked for yet loses nothing of it', async () => {
    await using serving = await serve()
    using client = new Client(serving)
    client.socket.end(post('/late', 'all of it'))
    expect(bodies(await client.until())).toEqual(['all of it'])
  })

  test.each(['/read', '/late'])('%s: FIN within a body is 400', async (path) => {
    await using serving = await serve()
    using client = new Client(serving)
    client.socket.end(post(path, 'half').slice(0, -2))
    expect(statuses(await client.until())).toEqual([400])
  })

  test('asked for twice it is the same', async () => {
    await using serving = await serve()
    expect(bodies(await exchange(serving, post('/twice', 'x', 'Connection: close\r\n')))).toEqual(['true'])
  })

  test('piece by piece it is as long', async () => {
    await using serving = await serve()
    const text = await exchange(serving, post('/pieces', 'p'.repeat(700_000), 'Connection: close\r\n'))
    expect(bodies(text)).toEqual(['700000'])
  })

  test('the fields behind a chunked body', async () => {
    await using serving = await serve()
    const head = 'POST /trailers HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n'
    const text = await exchange(serving, `${head}1\r\nx\r\n0\r\nX-Sum: 7\r\n__proto__: 8\r\n\r\n`)
    expect(JSON.parse(bodies(text)[0]!)).toEqual([
      ['X-Sum', '7'],
      ['__proto__', '8'],
    ])
  })

  test.each(['/ignore', '/ignore-late', '/peek', '/none'])(
    '%s: what is left of a body when its answer has ended is dropped, however long, and the next request answered',
    async (path) => {
      await using serving = await serve()
      using client = new Client(serving)
      const body = 'x'.repeat(1024 * 1024)
      client.send(post(path, body).slice(0, -900_000))
      await client.until((text) => text.includes('\r\n\r\n'))
      client.send(body.slice(-900_000) + last('/next'))
      expect(bodies(await client.until()).at(-1)).toBe('next')
    },
  )

  test('a body that turns out to be malformed behind its answer closes the connection without a second answer', async () => {
    await using serving = await serve()
    using client = new Client(serving)
    client.send('POST /ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    await client.until((text) => text.includes('ignored'))
    client.send('zz\r\n' + get('/next'))
    expect(statuses(await client.until())).toEqual([200])
  })

  test('a body that goes on too slowly behind its answer is cut without a second answer', async () => {
    await using serving = await serve({ limits: { requestTimeoutMs: 60, sweepMs: 20, lingerQuietMs: 20 } })
    using client = new Client(serving)
    client.send(post('/ignore', 'xyz').slice(0, -1))
    expect(statuses(await client.until())).toEqual([200])
  })

  test('the time in which a handler does not ask is not the client to blame for', async () => {
    const refused: string[] = []
    await using serving = await start(
      backend,
      async (request, response) => {
        await sleep(150)
        response.end(await request.text())
      },
      { limits: { requestTimeoutMs: 80, sweepMs: 10 }, onRefused: (reason) => refused.push(reason) },
    )
    using client = new Client(serving)
    client.send(post('/', 'slow').slice(0, -1))
    await sleep(190)
    client.send('w')
    await client.until((text) => text.endsWith('slow'))
    expect(statuses(client.text)).toEqual([200])
    expect(refused).toEqual([])
  })

  describe('Expect: 100-continue', () => {
    test('is answered when the body is asked for, once, and the connection stays', async () => {
      await using serving = await serve()
      using client = new Client(serving)
      for (const path of ['/read', '/late']) {
        client.text = ''
        client.send(post(path, 'body', expecting).slice(0, -4))
        expect(await client.until((text) => text.includes('\r\n\r\n'))).toBe('HTTP/1.1 100 Continue\r\n\r\n')
        client.send('body')
        await client.until((text) => text.endsWith('body'))
        expect(statuses(client.text)).toEqual([100, 200])
      }
    })

    test.each(['/ignore', '/ignore-late'])('%s: is not where nobody asks; then the connection closes', async (path) => {
      await using serving = await serve()
      using client = new Client(serving)
      client.send(post(path, 'body', expecting).slice(0, -4))
      expect(statuses(await client.until())).toEqual([200])
      expect(client.text).toContain('Connection: close')
    })

    test('of a body that is too large is refused unread', async () => {
      await using serving = await serve()
      using client = new Client(serving)
      client.send(`POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n${expecting}\r\n`)
      expect(statuses(await client.until())).toEqual([413])
    })

    test('without a body says nothing, and the connection stays', async () => {
      await using serving = await serve()
      const text = await exchange(serving, post('/read', '', expecting) + last('/next'))
      expect(statuses(text)).toEqual([200, 200])
    })

    test('of HTTP/1.0 is ignored', async () => {
      await using serving = await serve()
      const text = await exchange(serving, post('/read', 'old', expecting).replace('HTTP/1.1', 'HTTP/1.0'))
      expect(statuses(text)).toEqual([200])
    })
  })

  test('a client that leaves within a body fails the reader, not the process, and is no error', async () => {
    const errors: unknown[] = []
    let failed: unknown
    await using serving = await start(
      backend,
      async (request, response) => {
        try {
          await request.text()
        } catch (error) {
          failed = error
        }
        response.end(request.header('host'))
      },
      { onError: (error) => errors.push(error) },
    )
    using client = new Client(serving)
    client.send(post('/', 'half').slice(0, -2))
    await eventually(() => serving.server.inFlight === 1)
    client.socket.resetAndDestroy()
    await eventually(() => failed !== undefined)
    await sleep(1)
    expect([failed, errors]).toMatchObject([{ code: 'QPS_BODY' }, []])
  })

  test('reading on behind the end of the answer fails', async () => {
    const errors: unknown[] = []
    await using serving = await start(
      backend,
      async (request, response) => {
        const { body } = request
        response.end('early')
        await body.bytes()
      },
      { onError: (error) => errors.push(error) },
    )
    using client = new Client(serving)
    client.send(post('/', 'half').slice(0, -2))
    await eventually(() => errors.length === 1)
    expect(errors).toMatchObject([{ code: 'QPS_BODY' }])
  })
})
