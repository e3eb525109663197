import type { Handler } from '@qps/http1'
import { PreparedFields } from '@qps/http1'
import { describe, expect, test } from 'vitest'
import { backends, bodies, Client, exchange, get, last, start } from './server-under-test.ts'

const text = new PreparedFields({ 'content-type': 'text/plain' })
const head = (path: string): string => `HEAD ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
const fieldsOf = (answer: string): string => answer.slice(0, answer.indexOf('\r\n\r\n') + 4)
const contentOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4)
const utf8 = (answer: string): string => Buffer.from(answer, 'latin1').toString()

/** Every way of answering the same five bytes. */
const ways: Readonly<Record<string, Handler>> = {
  '/end': (_request, response) => response.end('hello'),
  '/bytes': (_request, response) => response.end(Buffer.from('hello')),
  '/prepared': (_request, response) => response.writeHead(200, text).end('hello'),
  '/prepared-bytes': (_request, response) => response.writeHead(200, text).end(Buffer.from('hello')),
  '/reserved': (_request, response) => {
    const at = response.reserve(200, text, 5)
    if (at === -1) return
    response.output.set(Buffer.from('hello'), at)
    response.commit()
  },
  '/object': (_request, response) => response.writeHead(200, { 'x-a': 1, 'x-b': ['1', '2'] }).end('hello'),
  '/set': (_request, response) => response.setHeader('content-length', 5).end('hello'),
  '/chunked': (_request, response) => {
    response.write('hel')
    response.write('')
    response.end('lo')
  },
  '/announced': (_request, response) => {
    response.setHeader('content-length', '5').write('hel')
    response.end('lo')
  },
  '/trailers': (_request, response) => response.addTrailer('x-sum', '1').end('hello'),
}
const answering: Handler = (request, response) => ways[request.path]!(request, response)
const chunkedWays = new Set(['/chunked', '/trailers'])

describe.each(backends)('answers: %s', (backend) => {
  test.each(Object.keys(ways))('%s to GET, HEAD and HTTP/1.0', async (path) => {
    await using serving = await start(backend, answering)
    const got = await exchange(serving, last(path))
    const chunked = chunkedWays.has(path)
    expect(fieldsOf(got)).toMatch(chunked ? /\r\ntransfer-encoding: chunked\r\n/ : /\r\ncontent-length: 5\r\n/)
    expect(fieldsOf(got)).not.toMatch(chunked ? /content-length/ : /transfer-encoding/)
    expect(fieldsOf(got).match(/^date: /gim)).toHaveLength(1)
    expect(contentOf(got).replace(/^\d\r\n|\r\n(\d\r\n(x-sum: 1\r\n)?(\r\n)?)?/g, '')).toBe('hello')

    const headed = await exchange(serving, head(path))
    expect(contentOf(headed)).toBe('')
    expect(headed).not.toMatch(/transfer-encoding/)
    if (!chunked) expect(headed).toMatch(/\r\ncontent-length: 5\r\n/)

    const old = await exchange(serving, `GET ${path} HTTP/1.0\r\n\r\n`)
    expect(contentOf(old)).toBe('hello')
    expect(old).not.toMatch(/transfer-encoding/)
  })

  test('trailers stand behind chunked content', async () => {
    await using serving = await start(backend, answering)
    expect(await exchange(serving, last('/trailers'))).toMatch(/\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n$/)
  })

  test.each([204, 304])('%i has no content, whatever is written, and the connection goes on', async (status) => {
    await using serving = await start(backend, ({ path }, response) => {
      if (path === '/next') return response.end('next')
      response.writeHead(status, path === '/prepared' ? text : { 'x-a': 'b' })
      if (path === '/stream') response.write('lost')
      response.end('lost')
    })
    const got = await exchange(serving, get('/') + get('/prepared') + get('/stream') + last('/next'))
    expect(bodies(got)).toEqual(['', '', '', 'next'])
    expect(got).not.toContain('lost')
    expect(got).not.toMatch(/transfer-encoding/)
    expect(got.match(/content-length/g)).toHaveLength(1)
  })

  test('304 and HEAD say the length that was set', async () => {
    await using serving = await start(backend, ({ method }, response) => {
      response.writeHead(method === 'HEAD' ? 200 : 304, { 'content-length': 1234 }).end()
    })
    expect(await exchange(serving, last('/'))).toMatch(/\r\ncontent-length: 1234\r\n/)
    expect(await exchange(serving, head('/'))).toMatch(/\r\ncontent-length: 1234\r\n/)
  })

  test('HTTP/1.0 is kept alive where the client asks for it and the length is known', async () => {
    await using serving = await start(backend, answering)
    const old = (path: string, fields = ''): string => `GET ${path} HTTP/1.0\r\n${fields}\r\n`
    const kept = old('/prepared', 'Connection: keep-alive\r\n')
    const got = await exchange(serving, kept + kept + old('/end'))
    expect(bodies(got)).toEqual(['hello', 'hello', 'hello'])
    expect(got.match(/Connection: keep-alive/g)).toHaveLength(2)
    expect(got.match(/Connection: close/g)).toHaveLength(1)
  })

  test.each(['Close', 'close, upgrade'])('connection: %s closes, and nothing behind it is handled', async (value) => {
    let handled = 0
    await using serving = await start(backend, (_request, response) => {
      handled++
      response.setHeader('connection', value).end()
    })
    const got = await exchange(serving, get('/') + get('/'))
    expect([handled, got.split('Connection: close').length]).toEqual([1, 2])
  })

  test('text is UTF-8, by its length in bytes; half a surrogate pair becomes U+FFFD', async () => {
    const said = ['é', '日本', '😀', '\ud800', 'a'.repeat(3000) + 'ü', 'ÿ'.repeat(5000)]
    await using serving = await start(backend, ({ path }, response) => {
      const way = path.split('/')
      const body = said[Number(way[2])]!
      if (way[1] === 'prepared') response.writeHead(200, text)
      response.end(body)
    })
    for (const way of ['prepared', 'plain']) {
      for (const index of said.keys()) {
        const got = await exchange(serving, get(`/${way}/${index}`) + last(`/${way}/0`))
        expect(bodies(got).map(utf8)).toEqual([said[index]!.replace('\ud800', '\ufffd'), 'é'])
      }
    }
  })

  test.each([100, 3_900, 4_096, 5_000, 70_000])('a head with a field of %i bytes', async (bytes) => {
    const value = 'v'.repeat(bytes)
    const large = new PreparedFields({ 'x-large': value })
    await using serving = await start(backend, ({ path }, response) => {
      if (path === '/prepared') response.writeHead(200, large)
      else response.setHeader('x-large', value)
      response.end('body')
    })
    const got = await exchange(serving, get('/') + get('/prepared') + last('/'))
    expect(bodies(got)).toEqual(['body', 'body', 'body'])
    expect(got.split(`x-large: ${value}\r\n`)).toHaveLength(4)
  })

  test('answers of different lengths share their fields', async () => {
    const lengths = [0, 1, 9, 10, 11, 99, 100, 999, 1000, 3_000, 3_900, 4_096, 9_999, 10_000, 70_000, 5, 0, 12]
    await using serving = await start(backend, ({ path }, response) => {
      const [, way, length] = path.split('/')
      const body = 'b'.repeat(Number(length))
      if (way !== 'reserved') return response.writeHead(200, text).end(way === 'bytes' ? Buffer.from(body) : body)
      const at = response.reserve(201, text, body.length)
      response.output.fill(98, at, at + body.length)
      return response.commit()
    })
    const asked = (way: string, atMost: number): string =>
      lengths.flatMap((length) => (length <= atMost ? [get(`/${way}/${length}`)] : [])).join('')
    for (const [way, atMost, status] of [
      ['text', Infinity, 200],
      ['bytes', Infinity, 200],
      ['reserved', 3_900, 201],
    ] as const) {
      const got = await exchange(serving, asked(way, atMost) + last('/text/0'))
      const expected = [...lengths.filter((length) => length <= atMost), 0]
      expect(bodies(got).map(({ length }) => length)).toEqual(expected)
      expect(got.split(`HTTP/1.1 ${status} `).length).toBeGreaterThanOrEqual(expected.length)
    }
  })

  test('content that is written in place: what does not fit, and what has no place', async () => {
    const errors: unknown[] = []
    await using serving = await start(
      backend,
      ({ path }, response) => {
        if (path === '/long') response.reserve(200, text, 4_096)
        else if (path === '/status') response.reserve(199, text, 1)
        else if (path === '/none') response.reserve(204, text, 1)
        else if (path === '/alone') response.commit()
        else if (path === '/thrown') {
          response.reserve(200, text, 100)
          throw new Error('in between')
        }
        expect(response.ended).toBe(false)
        response.end('hello')
        expect([response.reserve(200, text, 5), response.commit()]).toEqual([-1, undefined])
      },
      { onError: (error) => errors.push(error) },
    )
    for (const path of ['/long', '/status', '/none', '/alone']) {
      expect(await exchange(serving, last(path))).toMatch(/^HTTP\/1\.1 500 /)
    }
    // The head is out: nothing can be said any more, and nothing of what was not written leaves.
    expect(await exchange(serving, last('/thrown'))).toBe('')
    expect(await exchange(serving, last('/'))).toMatch(/^HTTP\/1\.1 200 [^]*hello$/)
    expect(errors).toMatchObject([
      { code: 'QPS_ANSWER_TOO_LONG' },
      { code: 'QPS_STATUS' },
      { name: 'InvariantError' },
      { name: 'InvariantError' },
      { message: 'in between' },
    ])
  })

  test.each([
    ['too much', 'abcdef'],
    ['too little', 'abc'],
  ])('%s content for the length that was announced breaks the connection off', async (_what, content) => {
    const errors: unknown[] = []
    await using serving = await start(
      backend,
      (_request, response) => {
        response.setHeader('content-length', 4).write(content.slice(0, 2))
        response.end(content.slice(2))
      },
      { onError: (error) => errors.push(error) },
    )
    const got = await exchange(serving, get('/') + get('/'))
    expect(got.split('HTTP/1.1').length).toBeLessThanOrEqual(2)
    expect(contentOf(got).length).toBeLessThan(4)
    expect(errors).toMatchObject([{ code: 'QPS_CONTENT_LENGTH' }])
  })

  test.each(['-1', '1e3', '0x10', '', '4, 4', '9'.repeat(20)])(
    'content-length %j is not believed: the content is chunked',
    async (length) => {
      await using serving = await start(backend, (_request, response) => {
        response.setHeader('content-length', length).write('abcd')
        response.end()
      })
      expect(await exchange(serving, last('/'))).toMatch(/chunked[^]*\r\n\r\n4\r\nabcd\r\n0\r\n\r\n$/)
    },
  )

  test('a second end, a write after end and an end after writing are no more than the first', async () => {
    await using serving = await start(backend, async (_request, response) => {
      response.write('one')
      response.end()
      response.end('two')
      expect(response.write('three')).toBe(false)
      response.json({ four: 4 })
      await response.drained()
      response.end('five')
    })
    const got = await exchange(serving, get('/') + last('/'))
    expect(got.match(/one/g)).toHaveLength(2)
    expect(got).not.toMatch(/two|three|four|five/)
  })

  test('every status without a reason, and none that is none', async () => {
    const errors: unknown[] = []
    await using serving = await start(
      backend,
      ({ path }, response) => {
        response.statusCode = Number(path.slice(1))
        response.end()
      },
      { onError: (error) => errors.push(error) },
    )
    expect(await exchange(serving, last('/299'))).toMatch(/^HTTP\/1\.1 299 \r\n/)
    for (const none of ['/199', '/600', '/0', '/x', '/200.5']) {
      expect(await exchange(serving, last(none))).toMatch(/^HTTP\/1\.1 500 /)
    }
    expect(errors).toHaveLength(5)
    for (const error of errors) expect(error).toMatchObject({ code: 'QPS_STATUS' })
  })

  test('what was set before a handler failed is not in the answer of the failure', async () => {
    await using serving = await start(
      backend,
      (_request, response) => {
        response.setHeader('set-cookie', 'secret=1').setHeader('connection', 'close').addTrailer('x-t', '1')
        response.json({ big: 1n })
      },
      { onError: () => {} },
    )
    using client = new Client(serving)
    client.send(get('/') + last('/'))
    const got = await client.until()
    expect(got.match(/HTTP\/1\.1 500 /g)).toHaveLength(2)
    expect(got).not.toMatch(/cookie|x-t/)
  })
})
