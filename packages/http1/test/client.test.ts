import { setTimeout as sleep } from 'node:timers/promises'
import { contractRouter, serve } from '@qps/http1'
import { describe, expect, test } from 'vitest'
import { answering, backends, collect, dispatcherOn, ok, serveBytes } from './client-servers.ts'

describe.each(backends)('the client on %s', (backend) => {
  test('sends what the wire wants, and reads the answer', async () => {
    await using server = await serveBytes(
      answering(() => ok('hello', 'X-A: 1\r\nx-a: 2\r\nSet-Cookie: a\r\nset-cookie: b\r\n')),
    )
    await using client = dispatcherOn(backend, server.port)
    const response = await client.dispatcher.request({ path: '/a?b', headers: { 'X-B': ['1', '2'], n: 3 } })
    expect(response.status).toBe(200)
    expect(response.header('X-A')).toBe('1, 2')
    expect(response.headers['set-cookie']).toEqual(['a', 'b'])
    expect(await response.text()).toBe('hello')
    expect(server.received).toEqual([
      `GET /a?b HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\nX-B: 1\r\nX-B: 2\r\nn: 3\r\n\r\n`,
    ])
  })

  test('uses a connection again, and opens no more than allowed', async () => {
    await using server = await serveBytes(answering((head) => ok(head.split(' ')[1]!)))
    await using client = dispatcherOn(backend, server.port, { connectionsMax: 3 })
    const paths = Array.from({ length: 50 }, (_, index) => `/${index}`)
    const texts = await Promise.all(paths.map(async (path) => (await client.dispatcher.request({ path })).text()))
    expect(texts).toEqual(paths)
    expect(server.sockets).toHaveLength(3)
    expect(client.dispatcher.stats).toMatchObject({ connections: 3, opened: 3, waiting: 0 })
  })

  test('pipelines idempotent requests once a connection has answered, in one piece, and matches answers in order', async () => {
    const pieces: string[] = []
    const answer = answering((head) => ok(head.split(' ')[1]!))
    await using server = await serveBytes((socket, text, index) => {
      pieces.push(text)
      return answer(socket, text, index)
    })
    await using client = dispatcherOn(backend, server.port, { connectionsMax: 1, pipelining: 4 })
    await (await client.dispatcher.request({ path: '/first' })).text()
    pieces.length = 0
    const outcomes = ['/a', '/b', '/c', '/d', '/e'].map((path) => {
      const { handler, outcome } = collect()
      client.dispatcher.dispatch({ path }, handler)
      return outcome
    })
    expect(await Promise.all(outcomes)).toEqual(['200:/a', '200:/b', '200:/c', '200:/d', '200:/e'])
    expect(pieces[0]!.match(/GET/g)).toHaveLength(4)
  })

  test('does not pipeline what must not be repeated, nor behind it', async () => {
    let outstanding = 0
    let most = 0
    await using server = await serveBytes(
      answering((_head, socket) => {
        outstanding++
        most = Math.max(most, outstanding)
        setTimeout(() => {
          outstanding--
          socket.write(ok('x'))
        }, 5)
        return undefined
      }),
    )
    await using client = dispatcherOn(backend, server.port, { connectionsMax: 1, pipelining: 8 })
    const order = ['POST', 'GET', 'POST', 'POST', 'GET'] as const
    const texts = order.map(async (method) => (await client.dispatcher.request({ method, path: '/' })).text())
    expect(await Promise.all(texts)).toEqual(['x', 'x', 'x', 'x', 'x'])
    expect(most).toBe(1)
  })

  test('sends bodies: a string, bytes over 4 KiB, pieces in chunks; reads trailers, interim and closing answers', async () => {
    await using serving = await serve({ port: 0, backend }, contractRouter().handler)
    await using client = dispatcherOn(backend, serving.port)
    const send = async (body: string | Uint8Array | AsyncIterable<Uint8Array | string>): Promise<string> =>
      (await client.dispatcher.request({ method: 'POST', path: '/echo', body })).text()
    expect(await send('grüße')).toBe('grüße')
    expect(await send('')).toBe('')
    const large = 'x'.repeat(300_000)
    expect(await send(Buffer.from(large))).toBe(large)
    const pieces = async function* (): AsyncGenerator<string> {
      for (let piece = 0; piece < 40; piece++) {
        if (piece % 10 === 0) await sleep(1)
        yield piece % 7 === 0 ? '' : 'y'.repeat(5000)
      }
    }
    expect(await send(pieces())).toBe('y'.repeat(5000 * 34))
    await serving.drain(100)
  })

  test('reads chunks with trailers, interim responses and a body until the close', async () => {
    await using server = await serveBytes(
      answering((head, socket) => {
        if (head.startsWith('GET /chunks')) {
          return 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nSum: 5\r\n\r\n'
        }
        socket.write('HTTP/1.1 200 OK\r\n\r\nuntil the')
        setTimeout(() => socket.end(' end'), 10)
        return undefined
      }),
    )
    await using client = dispatcherOn(backend, server.port)
    const chunks = await client.dispatcher.request({ path: '/chunks' })
    expect(await chunks.text()).toBe('abcde')
    expect(chunks.trailers).toEqual([['Sum', '5']])
    expect(await (await client.dispatcher.request({ path: '/rest' })).text()).toBe('until the end')
  })

  test('a body that was read is the same when it is asked for again', async () => {
    await using server = await serveBytes(answering(() => ok('[1]')))
    await using client = dispatcherOn(backend, server.port)
    const response = await client.dispatcher.request({ path: '/' })
    expect(await response.text()).toBe('[1]')
    expect(await response.json()).toEqual([1])
    expect(await response.bytes()).toBe(await response.bytes())
  })

  test('HEAD has no body, and the connection stays', async () => {
    await using server = await serveBytes(
      answering((head) => (head.startsWith('HEAD') ? ok('hello').slice(0, -5) : ok('x'))),
    )
    await using client = dispatcherOn(backend, server.port)
    const head = await client.dispatcher.request({ method: 'HEAD', path: '/' })
    expect([head.header('content-length'), await head.text()]).toEqual(['5', ''])
    expect(await (await client.dispatcher.request({ path: '/' })).text()).toBe('x')
    expect(server.sockets).toHaveLength(1)
  })

  test('an answer cut into bytes is the same answer', async () => {
    await using server = await serveBytes(
      answering((_head, socket) => {
        void (async () => {
          for (const character of ok('hello', 'X: 1\r\n')) {
            socket.write(character)
            await new Promise((resolve) => setImmediate(resolve))
          }
        })()
        return undefined
      }),
    )
    await using client = dispatcherOn(backend, server.port)
    for (let round = 0; round < 2; round++) {
      const response = await client.dispatcher.request({ path: '/' })
      expect([response.header('x'), await response.text()]).toEqual(['1', 'hello'])
    }
  })

  test('a reader that does not read holds the server back', async () => {
    const total = 40_000_000
    let written = 0
    await using server = await serveBytes(
      answering((_head, socket) => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`)
        const more = (): void => {
          while (written < total) {
            written += 100_000
            if (!socket.write(Buffer.alloc(100_000))) return void socket.once('drain', more)
          }
        }
        more()
        return undefined
      }),
    )
    await using client = dispatcherOn(backend, server.port, { responseBytesMax: total })
    const response = await client.dispatcher.request({ path: '/' })
    await sleep(150)
    // What the kernel's buffers took, and 64 KiB here.
    expect(written).toBeLessThan(total)
    let length = 0
    let largest = 0
    for await (const piece of response) {
      length += piece.length
      largest = Math.max(largest, piece.length)
    }
    expect(length).toBe(total)
    expect(largest).toBeLessThanOrEqual(64 * 1024)
  })

  test('close waits for what is under way and waiting; then the dispatcher takes nothing', async () => {
    await using server = await serveBytes(
      answering((_head, socket) => {
        setTimeout(() => socket.write(ok('late')), 20)
        return undefined
      }),
    )
    await using client = dispatcherOn(backend, server.port, { connectionsMax: 1 })
    const outcomes = [collect(), collect()]
    for (const { handler } of outcomes) client.dispatcher.dispatch({ path: '/' }, handler)
    await client.dispatcher.close()
    expect(await Promise.all(outcomes.map(({ outcome }) => outcome))).toEqual(['200:late', '200:late'])
    const after = collect()
    client.dispatcher.dispatch({ path: '/' }, after.handler)
    expect(await after.outcome).toBe('QPS_CLIENT_CLOSED')
    expect(client.dispatcher.stats.connections).toBe(0)
  })
})

test.each([
  ['a path without a slash', { path: 'a' }],
  ['a blank in the path', { path: '/a b' }],
  ['a line end in the path', { path: '/a\r\nX: 1' }],
  ['a fragment', { path: '/a#b' }],
  ['beyond ASCII', { path: '/ä' }],
  ['a method that is none', { path: '/', method: 'GET / HTTP/1.1\r\n' }],
  ['CONNECT', { path: '/', method: 'CONNECT' }],
  ['a line end in a value', { path: '/', headers: { a: 'b\r\nc: d' } }],
  ['a line end in a host', { path: '/', headers: { host: 'a\r\nc: d' } }],
  ['a blank in a name', { path: '/', headers: { 'a b': 'c' } }],
  ['a name that is the client’s', { path: '/', headers: { 'Transfer-Encoding': 'chunked' } }],
  ['two hosts', { path: '/', headers: { host: ['a', 'b'] } }],
])('refuses to send %s', async (_what, request) => {
  await using client = dispatcherOn('libuv', 1)
  await expect(client.dispatcher.request(request)).rejects.toMatchObject({
    code: expect.stringMatching(/^QPS_(?:REQUEST|HEADER)$/) as string,
  })
})
