import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { rawExchange, statuses } from '@qps/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { addRoutes, type Listening, listening, makeApp, seen, servers, until } from './fastify-app.ts'

const json = { 'content-type': 'application/json' }
const big = 'x'.repeat(1024 * 1024 - 64)

describe.each(servers)('fastify on %s', (server) => {
  let at: Listening
  beforeAll(async () => {
    const app = makeApp(server)
    addRoutes(app)
    at = await listening(app)
  })
  afterAll(() => at.app.close())
  afterEach(() => void seen.splice(0))

  const get = (path: string, options?: RequestInit) => fetch(`${at.url}${path}`, options)
  const post = (path: string, body: string | Uint8Array<ArrayBuffer>, type = 'application/json') =>
    fetch(`${at.url}${path}`, { method: 'POST', body, headers: { 'content-type': type } })
  const raw = (text: string, options = {}) => rawExchange(at.port, text, options)

  describe('reads', () => {
    test('parameters, a wildcard and the query', async () => {
      expect(await (await get('/users/a%20b?x=1&x=2')).json()).toEqual({
        params: { id: 'a b' },
        query: { x: ['1', '2'] },
      })
      expect(await (await get('/files/a/b.txt')).json()).toEqual({ params: { '*': 'a/b.txt' } })
    })

    test('header fields by the rules of Node', async () => {
      const { text } = await raw(
        [
          'GET /head HTTP/1.1',
          'Host: example.org:81',
          'X-Twice: 1',
          'x-twice:  2 ',
          'Cookie: a=1',
          'cookie: b=2',
          'User-Agent: one',
          'user-agent: two',
          '__proto__: polluted',
          'constructor: x',
          'X-Latin: gr\xfcn',
          'X-Empty:',
          'Connection: close',
        ].join('\r\n') + '\r\n\r\n',
      )
      const { headers, ...others } = JSON.parse(
        Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1').toString(),
      ) as {
        headers: Record<string, string>
      }
      // JSON of an object with an own `__proto__`.
      expect(Object.entries(headers).filter(([name]) => name !== '__proto__')).toEqual([
        ['host', 'example.org:81'],
        ['x-twice', '1, 2'],
        ['cookie', 'a=1; b=2'],
        ['user-agent', 'one'],
        ['constructor', expect.stringMatching(/x$/)],
        ['x-latin', 'grün'],
        ['x-empty', ''],
        ['connection', 'close'],
      ])
      expect(others).toMatchObject({
        version: ['1.1', 1, 1],
        distinct: ['1', '2'],
        host: 'example.org:81',
        protocol: 'http',
      })
      expect((others as unknown as { raw: string[] }).raw.slice(0, 6)).toEqual([
        'Host',
        'example.org:81',
        'X-Twice',
        '1',
        'x-twice',
        '2',
      ])
    })

    test('the socket', async () => {
      expect(await (await get('/socket')).json()).toEqual({
        ip: '127.0.0.1',
        remoteAddress: '127.0.0.1',
        family: 'IPv4',
        hasPort: true,
        encrypted: false,
        destroyed: false,
        chained: true,
      })
    })

    test('decorators and plugins', async () => {
      expect(await (await get('/decorated')).text()).toBe('HELLO')
      expect(await (await get('/plugin/inside')).text()).toBe('a plugin')
    })

    test('a route or method that there is not', async () => {
      for (const [path, method] of [
        ['/nowhere', 'GET'],
        ['/', 'PUT'],
        ['/string', 'DELETE'],
      ] as const) {
        const answer = await get(path, { method })
        expect([answer.status, await answer.json()]).toEqual([
          404,
          { message: `Route ${method}:${path} not found`, error: 'Not Found', statusCode: 404 },
        ])
      }
    })
  })

  describe('bodies', () => {
    test('are validated and serialized', async () => {
      const good = await post('/validated', '{"name":"Ada","age":3}')
      expect([good.status, await good.json()]).toEqual([200, { name: 'Ada' }])
      const bad = await post('/validated', '{"age":3}')
      expect([bad.status, await bad.json()]).toMatchObject([400, { code: 'FST_ERR_VALIDATION' }])
      const broken = await post('/validated', '{"age":')
      expect(broken.status).toBe(400)
    })

    test('of a megabyte arrive whole', async () => {
      const answer = await post('/json', JSON.stringify(big))
      expect(((await answer.json()) as { got: string }).got).toBe(big)
    })

    test('are parsed as strings, bytes and streams', async () => {
      expect(await (await post('/parsed', 'grüße', 'text/upper')).json()).toEqual({ parsed: 'GRÜSSE' })
      expect(await (await post('/parsed', new Uint8Array(70_000), 'application/bytes')).json()).toEqual({
        parsed: 70_000,
      })
      expect(await (await post('/parsed', new Uint8Array(70_000), 'application/pieces')).json()).toEqual({
        parsed: 70_000,
      })
      expect((await post('/parsed', 'x', 'application/unknown')).status).toBe(415)
    })

    test('in chunks', async () => {
      const body = '5\r\n[1,2,\r\n2\r\n3]\r\n0\r\n\r\n'
      const { text } = await raw(
        `POST /json HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
      )
      expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*{"got":\[1,2,3\]}$/)
    })

    test('are piped back as they come', async () => {
      const answer = await post('/piped', big, 'application/unread')
      expect(await answer.text()).toBe(big)
    })

    test('wait for a hook that takes its time, and may be replaced by one', async () => {
      expect(await (await post('/slow-hook', '[1]')).json()).toEqual({ got: [1] })
      expect(await (await post('/slow-hook', JSON.stringify(big))).json()).toEqual({ got: big })
      const replaced = await raw(
        'POST /replaced HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nbefore\r\n0\r\n\r\n',
      )
      expect(replaced.text).toMatch(/{"got":"after"}$/)
    })

    test('that nobody reads leave the connection usable', async () => {
      const { text } = await raw(
        'POST /ignored HTTP/1.1\r\nHost: a\r\nContent-Type: application/unread\r\nContent-Length: 5\r\n\r\nhello' +
          'GET /string HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      )
      expect(statuses(text)).toEqual([200, 200])
      expect(text).toMatch(/text$/)
    })

    test('beyond the limit are refused', async () => {
      const long = await post('/small', JSON.stringify('x'.repeat(200)))
      expect([long.status, await long.json()]).toMatchObject([413, { code: 'FST_ERR_CTP_BODY_TOO_LARGE' }])
      expect(long.headers.get('connection')).toBe('close')
      const { text, closed } = await raw(
        `POST /small HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n96\r\n${'1'.repeat(150)}\r\n`,
      )
      expect(text).toMatch(/^HTTP\/1.1 413 /)
      expect(closed).not.toBe('open')
    })

    test('wait for 100 Continue', async () => {
      const sent = httpRequest(`${at.url}/json`, {
        method: 'POST',
        headers: { ...json, expect: '100-continue', 'content-length': 3 },
      })
      sent.flushHeaders()
      await once(sent, 'continue')
      sent.end('[7]')
      const [answer] = (await once(sent, 'response')) as [AsyncIterable<Buffer>]
      let text = ''
      for await (const piece of answer) text += piece.toString()
      expect(text).toBe('{"got":[7]}')
    })
  })

  describe('answers', () => {
    test.each(['/string', '/utf8', '/', '/stream', '/web-stream', '/bytes'])('%s', async (path) => {
      const answer = await get(path)
      const expected = {
        '/string': 'text',
        '/utf8': 'grüße, 世界 🎉',
        '/': '{"hello":"world"}',
        '/stream': 'one two three',
        '/web-stream': 'from the web',
        '/bytes': Buffer.from([0, 1, 254, 255]).toString(),
      }
      expect([answer.status, await answer.text()]).toEqual([200, expected[path as '/']])
    })

    test('a Response of the web', async () => {
      const answer = await get('/web-response')
      expect([answer.status, answer.headers.get('x-web'), answer.headers.getSetCookie(), await answer.text()]).toEqual([
        201,
        'yes',
        ['w=1'],
        'created',
      ])
    })

    test('of a megabyte, to a reader that takes its time', async () => {
      for (const path of ['/big', '/big-buffer']) {
        const socket = connect(at.port, '127.0.0.1')
        socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
        await once(socket, 'readable')
        await new Promise((resolve) => setTimeout(resolve, 50))
        let bytes = 0
        for await (const piece of socket) bytes += (piece as Buffer).length
        expect(bytes).toBeGreaterThan(1024 * 1024)
      }
    })

    test('without content: 204, 304, a redirect, HEAD', async () => {
      expect((await get('/empty')).status).toBe(204)
      const { text } = await raw('GET /unchanged HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(text).toMatch(/^HTTP\/1.1 304 Not Modified\r\n[^]*\r\n\r\n$/)
      const moved = await get('/moved', { redirect: 'manual' })
      expect([moved.status, moved.headers.get('location')]).toEqual([302, '/elsewhere'])
      const head = await raw('HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(head.text).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*content-length: 17\r\n[^]*\r\n\r\n$/i)
      const stream = await raw('HEAD /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(stream.text).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\n$/i)
    })

    test('with several cookies', async () => {
      expect((await get('/cookies')).headers.getSetCookie()).toEqual(['a=1', 'b=2', 'c=3'])
    })

    test('with trailers', async () => {
      const { text } = await raw('GET /trailer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(text).toMatch(/\r\ntrailer: x-sum\r\n[^]*\r\n\r\n7\r\ncontent\r\n0\r\nx-sum: 7\r\n\r\n$/i)
      const stream = await raw('GET /trailer-stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(stream.text).toMatch(/\r\n0\r\nx-end: done\r\n\r\n$/i)
    })

    test('of handlers that fail', async () => {
      const thrown = await get('/throws')
      expect([thrown.status, await thrown.json()]).toEqual([
        418,
        { statusCode: 418, error: "I'm a Teapot", message: 'teapot' },
      ])
      const early = await get('/broken-early')
      expect([early.status, await early.json()]).toMatchObject([500, { message: 'no file' }])
      const header = await get('/bad-header')
      expect([header.status, await header.json()]).toMatchObject([500, { code: 'ERR_INVALID_CHAR' }])
      const late = await raw('GET /broken-stream HTTP/1.1\r\nHost: a\r\n\r\n')
      expect(late.closed).not.toBe('open')
      expect(late.text).toMatch(/4\r\nsome\r\n$/)
    })

    test('in order, to requests that came together', async () => {
      const paths = ['/later', '/string', '/stream', '/users/7', '/']
      const requests = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join('')
      const { text } = await raw(
        `${requests}GET /close HTTP/1.1\r\nHost: a\r\n\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n`,
      )
      expect(statuses(text)).toEqual([200, 200, 200, 200, 200, 200])
      const marks = ['\r\n\r\nlater', '\r\n\r\ntext', 'three', '"7"', 'hello', 'bye'].map((mark) => text.indexOf(mark))
      expect(marks).toEqual(marks.toSorted((a, b) => a - b))
    })

    test('and the connection stays or goes', async () => {
      const old = await raw('GET /string HTTP/1.0\r\n\r\n')
      expect(old.closed).toBe('end')
      expect(old.text).toMatch(/text$/)
      const oldStream = await raw('GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
      expect(oldStream.closed).toBe('end')
      expect(oldStream.text).toMatch(/\r\n\r\none two three$/)
      const kept = await raw('GET /string HTTP/1.1\r\nHost: a\r\n\r\n', { timeoutMs: 100 })
      expect(kept.closed).toBe('open')
      const close = await raw('GET /close HTTP/1.1\r\nHost: a\r\n\r\n')
      expect(close.closed).toBe('end')
      expect(close.text).toMatch(/\r\nconnection: close\r\n/i)
    })

    test('behind early hints', async () => {
      const { text } = await raw('GET /hints HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(text).toMatch(
        /^HTTP\/1.1 103 Early Hints\r\nLink: <\/a.css>; rel=preload; as=style\r\n\r\nHTTP\/1.1 200 OK\r\n/,
      )
    })
  })

  describe('the raw response', () => {
    test('writes by hand', async () => {
      const { text } = await raw('GET /hijacked HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(text).toMatch(/^HTTP\/1.1 202 Quite Accepted\r\nX-One: 1\r\nx-list: a\r\nx-list: b\r\nx-two: 2\r\n/)
      await until(() => seen.length === 2)
      expect(seen).toEqual(['written', 'ended'])
      expect(await (await get('/hijacked')).text()).toBe('hello!')
    })

    test('takes fields as names and values by turns', async () => {
      const { text } = await raw('GET /pairs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(text).toMatch(/\r\nx-a: 1\r\nx-a: 2\r\n/)
    })

    test('has the errors of Node', async () => {
      expect(await (await get('/raw-errors')).json()).toEqual([
        'ERR_INVALID_HTTP_TOKEN',
        'ERR_INVALID_CHAR',
        'ERR_HTTP_INVALID_HEADER_VALUE',
        'ERR_HTTP_INVALID_STATUS_CODE',
        'ERR_STREAM_NULL_VALUES',
        'ERR_INVALID_ARG_TYPE',
        false,
        'unset',
      ])
    })

    test('has the events of Node, with its fields as they are then', async () => {
      await (await get('/events')).text()
      await until(() => seen.length === 2)
      expect(seen).toEqual(['finish:11110', 'close:11111'])
    })
  })

  test('injecting needs no server', async () => {
    const injected = await at.app.inject({ method: 'POST', url: '/json', payload: { a: 1 } })
    expect([injected.statusCode, injected.json()]).toEqual([200, { got: { a: 1 } }])
  })
})
