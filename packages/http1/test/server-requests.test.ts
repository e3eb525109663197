import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Request } from '@qps/http1'
import { statuses } from '@qps/testkit'
import { describe, expect, test, vi } from 'vitest'
import { backends, bodies, Client, eventually, exchange, get, last, start } from './server-under-test.ts'

describe.each(backends)('requests: %s', (backend) => {
  test('show what was sent, at once and later', async () => {
    const seen: unknown[] = []
    const look = (request: Request): void => {
      const { method, url, path, query, httpVersion, remoteAddress } = request
      seen.push({ method, url, path, query, httpVersion, remoteAddress, headers: { ...request.headers } })
      seen.push(request.rawHeaders())
      expect('toString' in request.headers).toBe(false)
      expect('toString' in request.params).toBe(false)
      expect(request.header('X-A')).toBe(request.headers['x-a'])
      expect(request.header('nope')).toBeUndefined()
    }
    await using serving = await start(backend, async (request, response) => {
      if (request.path === '/late') await sleep(5)
      look(request)
      response.end()
    })
    const fields = 'X-A: 1\r\nx-a:  2 \r\nCookie: a=1\r\nCOOKIE: b=2\r\n__proto__: \xfe\r\n'
    await exchange(serving, get('/now?q=%41&r#f', fields) + get('/late?q=%41&r#f', fields) + last('http://a.b/now?x'))
    for (const [at, path] of [
      [0, '/now'],
      [2, '/late'],
    ] as const) {
      expect(seen[at]).toEqual({
        method: 'GET',
        url: `${path}?q=%41&r#f`,
        path,
        query: 'q=%41&r',
        httpVersion: '1.1',
        remoteAddress: '127.0.0.1',
        headers: { host: 'a', 'x-a': '1, 2', cookie: 'a=1; b=2', ['__proto__']: '\xfe' },
      })
      expect(seen[at + 1]).toEqual([
        ['Host', 'a'],
        ['X-A', '1'],
        ['x-a', '2'],
        ['Cookie', 'a=1'],
        ['COOKIE', 'b=2'],
        ['__proto__', '\xfe'],
      ])
    }
  })

  test('show their path as bytes, at once and later', async () => {
    const seen: string[] = []
    const look = (request: Request): void => {
      const { pathBytes, pathStart, pathEnd } = request
      seen.push(pathStart === -1 ? 'absolute' : Buffer.from(pathBytes.subarray(pathStart, pathEnd)).toString('latin1'))
    }
    await using serving = await start(backend, async (request, response) => {
      look(request)
      await sleep(1)
      look(request)
      response.end()
    })
    await exchange(serving, get('/items/7?q=1#f') + get('/') + last('http://a.b/items/7'))
    expect(seen).toEqual(['/items/7', '/items/7', '/', '/', 'absolute', 'absolute'])
  })

  test('used when their answer has ended throw, and never show what another one sent', async () => {
    const over: Request[] = []
    const uses: readonly ((request: Request) => unknown)[] = [
      ({ url }) => url,
      ({ path }) => path,
      ({ query }) => query,
      ({ headers }) => headers,
      ({ body }) => body,
      (request) => request.header('x-secret'),
      (request) => request.rawHeaders(),
      (request) => request.headText(),
      ({ pathBytes }) => pathBytes,
      ({ pathStart }) => pathStart,
    ]
    const check = (): void => {
      for (const request of over) {
        for (const use of uses)
          expect(() => use(request)).toThrow(expect.objectContaining({ code: 'QPS_REQUEST_OVER' }))
      }
    }
    await using serving = await start(backend, async (request, response) => {
      over.push(request)
      if (over.length % 2 === 0) await sleep(1)
      response.end()
      check()
    })
    let all = ''
    for (let index = 0; index < 20; index++) all += get(`/${index}`, `X-Secret: ${index}\r\n`)
    expect(statuses(await exchange(serving, all + last('/')))).toEqual(Array(21).fill(200))
    check()
  })

  test('errors of handlers are 500 and told to onError; a head that is out breaks off', async () => {
    const errors: string[] = []
    await using serving = await start(
      backend,
      async ({ path }, response) => {
        if (path === '/sync') throw new Error('sync')
        await sleep(1)
        if (path === '/streaming') response.write('some')
        if (path === '/ended') response.end('fine')
        throw new Error(path)
      },
      { onError: (error, request) => void errors.push(`${request.method} ${(error as Error).message}`) },
    )
    expect(statuses(await exchange(serving, get('/sync') + get('/late') + get('/ended') + last('/late')))).toEqual([
      500, 500, 200, 500,
    ])
    expect(errors).toEqual(['GET sync', 'GET /late', 'GET /ended', 'GET /late'])
    expect(await exchange(serving, get('/streaming') + get('/late'))).not.toMatch(/\r\n0\r\n\r\n|500/)
  })

  test('without onError an error is a line on standard error', async () => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    try {
      await using serving = await start(backend, () => {
        throw new Error('a "quoted"\nline')
      })
      await exchange(serving, last('/'))
      expect(write.mock.calls).toHaveLength(1)
      const line = String(write.mock.calls[0]![0])
      expect(JSON.parse(line)).toEqual({ level: 'error', message: 'Error: a "quoted"\nline' })
      expect(line.split('\n')).toHaveLength(2)
    } finally {
      write.mockRestore()
    }
  })

  test('a rejection behind the handler is unhandled, as everywhere', async () => {
    const unhandled = new Promise((resolve) => process.once('unhandledRejection', resolve))
    // vitest listens as well, and would call it a failure.
    const others = process.listeners('unhandledRejection').slice(0, -1)
    for (const other of others) process.off('unhandledRejection', other)
    try {
      await using serving = await start(backend, (_request, response) => {
        void Promise.reject(new Error('floating'))
        response.end()
      })
      expect(statuses(await exchange(serving, last('/')))).toEqual([200])
      expect(await unhandled).toMatchObject({ message: 'floating' })
    } finally {
      for (const other of others) process.on('unhandledRejection', other)
    }
  })

  describe('AsyncLocalStorage', () => {
    const storage = new AsyncLocalStorage<string>()

    test('what run sets is kept across awaits, and seen by no other request', async () => {
      await using serving = await start(backend, async (request, response) => {
        const before = storage.getStore()
        await storage.run(request.path, async () => {
          await sleep(1)
          await request.text()
          response.write(`${before} ${storage.getStore()}`)
          response.end()
        })
      })
      const paths = Array.from({ length: 20 }, (_, index) => `/${index}`)
      const texts = await Promise.all(paths.map((path) => exchange(serving, get(path) + get(`${path}x`) + last(path))))
      for (const [index, text] of texts.entries()) {
        expect(text.match(/undefined \/\d+x?/g)).toEqual(
          [`/${index}`, `/${index}x`, `/${index}`].map((path) => `undefined ${path}`),
        )
      }
    })

    test('what enterWith sets is seen by no other request where handlers are isolated', async () => {
      await using serving = await start(
        backend,
        async (request, response) => {
          const before = String(storage.getStore())
          storage.enterWith(request.path)
          if (request.path === '/2') await sleep(1)
          response.end(`${before} ${storage.getStore()}`)
        },
        { isolated: true },
      )
      const text = await exchange(serving, get('/1') + get('/2') + get('/3') + last('/4'))
      expect(bodies(text)).toEqual(['undefined /1', 'undefined /2', 'undefined /3', 'undefined /4'])
    })
  })

  test('timers and promises go on under load', async () => {
    await using serving = await start(backend, (_request, response) => response.end('x'))
    using client = new Client(serving)
    let stopped = false
    const flood = (): void => {
      client.text = ''
      if (!stopped) client.socket.write(get('/').repeat(500), flood)
    }
    flood()
    let ticks = 0
    const timer = setInterval(() => ticks++, 2)
    await eventually(() => ticks > 20 && serving.server.answered > 5_000)
    stopped = true
    clearInterval(timer)
  })
})
