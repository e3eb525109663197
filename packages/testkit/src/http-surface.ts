import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rawExchange, statuses } from './raw-exchange.ts'

export interface SurfaceUnderTest {
  /** `http://127.0.0.1:8080`. */
  url: string
  /** The admin port's URL, where the server has one: its pages are then tested as well. */
  admin?: string
  stop(): Promise<unknown>
}

/**
 * The HTTP surface of the contract as a suite: each sentence a test. Every variant of every stage passes it.
 *
 * @param name what is tested, for the report.
 * @param start called once; the server stays up for the whole suite.
 * @param more defines further tests of the same server, behind those of the suite; the last one of them may stop it.
 */
export function httpSurfaceConformance<Subject extends SurfaceUnderTest>(
  name: string,
  start: () => Promise<Subject>,
  more?: (subject: () => Subject) => void,
): void {
  describe(`HTTP surface of ${name}`, () => {
    let subject: Subject
    let port: number
    const get = (path: string, init?: RequestInit): Promise<Response> => fetch(subject.url + path, init)
    const raw = (bytes: string, options = {}): ReturnType<typeof rawExchange> => rawExchange(port, bytes, options)
    beforeAll(async () => {
      subject = await start()
      port = Number(new URL(subject.url).port)
    })
    afterAll(() => subject?.stop())

    describe('GET /', () => {
      test('says ok with the time in Unix milliseconds', async () => {
        const beforeMs = Date.now()
        const response = await get('/')
        const text = await response.text()
        expect(response.status).toBe(200)
        expect(text).toMatch(/^\{"status":"ok","ts":\d{13}\}$/)
        const { ts } = JSON.parse(text) as { ts: number }
        expect(ts).toBeGreaterThanOrEqual(beforeMs)
        expect(ts).toBeLessThanOrEqual(Date.now())
      })

      test('is application/json with Content-Length and Date', async () => {
        const { headers } = await get('/')
        expect(headers.get('content-type')).toBe('application/json')
        expect(headers.get('content-length')).toBe('34')
        expect(Math.abs(Date.parse(headers.get('date')!) - Date.now())).toBeLessThan(5_000)
      })

      test('ignores the query', async () => expect((await get('/?a=1&__proto__=2')).status).toBe(200))

      test('keeps the connection and answers pipelined requests in order', async () => {
        const one = 'GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n'
        const last = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
        const { text, closed } = await raw(one + one + last)
        expect(statuses(text)).toEqual([200, 200, 200])
        expect(text.indexOf('Hello')).toBeLessThan(text.indexOf('"ts"'))
        expect(closed).toBe('end')
      })
    })

    test('HEAD / has the header section of GET / and no body', async () => {
      const { text } = await raw('HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
      expect(text).toMatch(/\r\ncontent-length: 34\r\n/i)
      expect(text.endsWith('\r\n\r\n')).toBe(true)
    })

    test('GET /plaintext says Hello, World!', async () => {
      const response = await get('/plaintext')
      expect(response.headers.get('content-type')).toBe('text/plain')
      expect(await response.text()).toBe('Hello, World!')
    })

    describe('echo', () => {
      const body = Buffer.from('{"a":"é \0 \r\n"}')
      test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s / returns the body and its type', async (method) => {
        const response = await get('/', { method, body, headers: { 'content-type': 'application/x-thing; v=1' } })
        expect(response.status).toBe(200)
        expect(response.headers.get('content-type')).toBe('application/x-thing; v=1')
        expect(Buffer.from(await response.arrayBuffer())).toEqual(body)
      })

      test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'QUERY'])(
        '%s /echo returns the body',
        async (method) => {
          const { text } = await raw(
            `${method} /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello`,
          )
          expect(statuses(text)).toEqual([200])
          expect(text).toMatch(/\r\ncontent-type: application\/octet-stream\r\n/i)
          expect(text.endsWith('\r\n\r\nhello')).toBe(true)
        },
      )

      test('HEAD /echo answers without a body', async () => {
        const { text } = await raw('HEAD /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        expect(text).toMatch(/^HTTP\/1\.1 200 [^]*\r\n\r\n$/)
      })

      test('an empty body comes back empty', async () => {
        const response = await get('/echo', { method: 'POST' })
        expect(response.headers.get('content-length')).toBe('0')
        expect(await response.text()).toBe('')
      })

      test('a chunked body comes back whole', async () => {
        const { text } = await raw(
          'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n' +
            '3\r\nabc\r\n4;note=1\r\ndefg\r\n0\r\n\r\n',
        )
        expect(text.endsWith('abcdefg')).toBe(true)
        expect(text).toMatch(/\r\ncontent-length: 7\r\n/i)
      })

      test('a body of exactly 1 MiB comes back', async () => {
        const large = Buffer.alloc(1024 * 1024, 'abcdefghi')
        const response = await get('/echo', { method: 'POST', body: large })
        expect(Buffer.from(await response.arrayBuffer()).equals(large)).toBe(true)
        expect(response.headers.get('content-length')).toBe(String(large.length))
      })
    })

    describe('errors', () => {
      const expectProblem = async (response: Response): Promise<void> => {
        expect(response.headers.get('content-type')).toBe('application/json')
        const { error } = (await response.json()) as { error: { code: string; message: string } }
        expect(error).toEqual({ code: expect.any(String), message: expect.any(String) })
      }

      test.each(['/nope', '/echo/', '//', '/%zz', '/__proto__', '/constructor', '/Echo'])(
        '%s is 404 as JSON',
        async (path) => {
          const response = await get(path)
          expect(response.status).toBe(404)
          await expectProblem(response)
        },
      )

      test.each([
        ['OPTIONS', '/', 'GET, HEAD, POST, PUT, PATCH, DELETE'],
        ['POST', '/plaintext', 'GET, HEAD'],
      ])('%s %s is 405 with Allow', async (method, path, allow) => {
        const response = await get(path, { method })
        expect(response.headers.get('allow')).toBe(allow)
        expect(response.status).toBe(405)
        await expectProblem(response)
      })

      test('a header section over 16 KiB is 431', async () => {
        const { text } = await raw(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`)
        expect(statuses(text)).toEqual([431])
      })

      test.each([
        [100, 200],
        [101, 431],
      ])('%i header fields are %i', async (count, status) => {
        const fields = Array.from({ length: count - 2 }, (_, index) => `X-${index}: 1\r\n`).join('')
        const { text } = await raw(`GET / HTTP/1.1\r\nHost: a\r\n${fields}Connection: close\r\n\r\n`)
        expect(statuses(text)).toEqual([status])
      })

      test('an announced body over 1 MiB is 413 before any of it is sent', async () => {
        const head = `POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: ${1024 * 1024 + 1}\r\n\r\n`
        const { text } = await raw(head, { until: (got: string) => got.includes('}}') })
        expect(statuses(text)).toEqual([413])
      })

      test('a chunked body is 413 as soon as it is over 1 MiB', async () => {
        const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
        const head = 'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
        const { text } = await raw(head + chunk.repeat(17), { until: (got: string) => got.includes('}}') })
        expect(statuses(text)).toEqual([413])
      })

      test('a malformed request is 400 and the connection closes', async () => {
        const { text, closed } = await raw('GET / HTTP/1.1\r\nbad header\r\n\r\n')
        expect(statuses(text)).toEqual([400])
        expect(closed).not.toBe('open')
      })
    })

    describe('admin port', () => {
      test.for(['/metrics', '/healthz', '/readyz'])('GET %s is 200', async (path, { skip }) => {
        if (subject.admin === undefined) return skip('started without an admin port')
        expect((await fetch(subject.admin + path)).status).toBe(200)
      })
    })

    more?.(() => subject)
  })
}
