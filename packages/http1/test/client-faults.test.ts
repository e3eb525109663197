import { setTimeout as sleep } from 'node:timers/promises'
import { ManualClock } from '@qps/core'
import { describe, expect, test } from 'vitest'
import { answering, backends, collect, dispatcherOn, ok, serveBytes } from './client-servers.ts'

const malformed: [name: string, answer: string][] = [
  ['garbage', 'not http at all\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
  ['a length and a coding', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a bad chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n'],
  ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
]

describe.each(backends)('faults on %s', (backend) => {
  const outcomeOf = async (
    answer: Parameters<typeof answering>[0],
    options: Parameters<typeof dispatcherOn>[2] = {},
    requests = 1,
  ): Promise<string[]> => {
    await using server = await serveBytes(answering(answer))
    await using client = dispatcherOn(backend, server.port, { connectionsMax: 1, ...options })
    const collected = Array.from({ length: requests }, () => collect())
    for (const { handler } of collected) client.dispatcher.dispatch({ path: '/' }, handler)
    return await Promise.all(collected.map(({ outcome }) => outcome))
  }

  test.each(malformed)('%s is QPS_RESPONSE_MALFORMED', async (_name, answer) => {
    const [outcome] = await outcomeOf(() => answer)
    expect(outcome).toMatch(/QPS_RESPONSE_MALFORMED$/)
  })

  test('limits are QPS_RESPONSE_TOO_LARGE', async () => {
    const limits = { headerBytesMax: 200, responseBytesMax: 10 }
    expect(await outcomeOf(() => ok('x', `X: ${'y'.repeat(300)}\r\n`), limits)).toEqual(['QPS_RESPONSE_TOO_LARGE'])
    expect(await outcomeOf(() => ok('x'.repeat(11)), limits)).toEqual(['QPS_RESPONSE_TOO_LARGE'])
    const endless = 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(40)
    expect(await outcomeOf(() => endless)).toEqual(['QPS_RESPONSE_TOO_LARGE'])
  })

  test('a server that closes within a head or a body is QPS_CLOSED, and the next request has a new connection', async () => {
    for (const part of ['HTTP/1.1 200 O', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe', '']) {
      const outcomes = await outcomeOf(
        (_head, socket, _count, index) => {
          if (index > 0) return ok('hello')
          socket.end(part)
          return undefined
        },
        {},
        2,
      )
      expect(outcomes).toEqual([part.includes('\n') ? '200:heQPS_CLOSED' : 'QPS_CLOSED', '200:hello'])
    }
  })

  test('a reset is QPS_CLOSED', async () => {
    const outcomes = await outcomeOf((_head, socket) => void socket.resetAndDestroy())
    expect(outcomes).toEqual(['QPS_CLOSED'])
  })

  test('a server that never answers, or stops within an answer, is QPS_TIMEOUT; those that wait are served after', async () => {
    const silent = await outcomeOf(
      (_head, _socket, _count, index) => (index === 0 ? undefined : ok('x')),
      { headTimeoutMs: 60 },
      2,
    )
    expect(silent).toEqual(['QPS_TIMEOUT', '200:x'])
    const stalls = await outcomeOf(() => 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe', { bodyTimeoutMs: 60 })
    expect(stalls).toEqual(['200:heQPS_TIMEOUT'])
  })

  test('a head that drips is QPS_TIMEOUT all the same', async () => {
    await using server = await serveBytes(
      answering((_head, socket) => {
        const dripping = setInterval(() => socket.write('H'), 5)
        socket.write('HTTP/1.1 200 ')
        socket.once('close', () => clearInterval(dripping))
        return undefined
      }),
    )
    await using client = dispatcherOn(backend, server.port, { headTimeoutMs: 100 })
    await expect(client.dispatcher.request({ path: '/' })).rejects.toMatchObject({ code: 'QPS_TIMEOUT' })
  })

  test('waiting for a connection has a bound in number and in time', async () => {
    await using server = await serveBytes(answering(() => undefined))
    await using client = dispatcherOn(backend, server.port, { connectionsMax: 1, queueMax: 2, queueTimeoutMs: 50 })
    const collected = Array.from({ length: 3 }, () => collect())
    for (const { handler } of collected) client.dispatcher.dispatch({ path: '/' }, handler)
    expect(await collected[2]!.outcome).toBe('QPS_QUEUE_FULL')
    expect(await collected[1]!.outcome).toBe('QPS_TIMEOUT')
    // The first one left the queue when the connection opened, and is still waited for.
    expect(await Promise.race([collected[0]!.outcome, sleep(50, 'waits')])).toBe('waits')
  })

  test('nobody listens: QPS_CONNECT for everyone', async () => {
    const server = await serveBytes(() => 0)
    await server[Symbol.asyncDispose]()
    await using client = dispatcherOn(backend, server.port, { connectionsMax: 2 })
    const collected = Array.from({ length: 5 }, () => collect())
    for (const { handler } of collected) client.dispatcher.dispatch({ path: '/' }, handler)
    expect(new Set(await Promise.all(collected.map(({ outcome }) => outcome)))).toEqual(new Set(['QPS_CONNECT']))
  })

  test('more answers than requests: the surplus answers nobody, and the connection is not used again', async () => {
    const outcomes = await outcomeOf(
      (_head, _socket, _count, index) => (index === 0 ? ok('mine') + ok('poison') : ok('clean')),
      {},
      2,
    )
    expect(outcomes).toEqual(['200:mine', '200:clean'])
  })

  test('bytes on an idle connection end it', async () => {
    await using server = await serveBytes(answering(() => ok('x')))
    await using client = dispatcherOn(backend, server.port)
    await (await client.dispatcher.request({ path: '/' })).text()
    server.sockets[0]!.write(ok('poison'))
    await expect.poll(() => client.dispatcher.stats.connections, { interval: 5 }).toBe(0)
    expect(await (await client.dispatcher.request({ path: '/' })).text()).toBe('x')
  })

  test('an early answer ends the sending of the body, and the connection', async () => {
    await using server = await serveBytes((socket, text) => {
      if (socket.writableEnded || !text.includes('\r\n\r\n')) return 0
      socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno')
      return text.length
    })
    await using client = dispatcherOn(backend, server.port)
    let ended = false
    const endless = async function* (): AsyncGenerator<string> {
      try {
        for (;;) {
          yield 'x'.repeat(1000)
          await sleep(2)
        }
      } finally {
        ended = true
      }
    }
    const response = await client.dispatcher.request({ method: 'POST', path: '/', body: endless() })
    expect([response.status, await response.text()]).toEqual([413, 'no'])
    await expect.poll(() => ended, { interval: 5 }).toBe(true)
    expect(client.dispatcher.stats.connections).toBe(0)
  })

  test('a body that fails is QPS_BODY, with its cause', async () => {
    await using server = await serveBytes(() => 0)
    await using client = dispatcherOn(backend, server.port)
    const failing = async function* (): AsyncGenerator<string> {
      yield 'a'
      throw new Error('no more')
    }
    await expect(client.dispatcher.request({ method: 'PUT', path: '/', body: failing() })).rejects.toMatchObject({
      code: 'QPS_BODY',
      cause: { message: 'no more' },
    })
  })

  test('the reset race: an idempotent request goes out once more where that was asked for, and others do not', async () => {
    for (const [method, retryOnReset, expected] of [
      ['GET', true, 'fresh'],
      ['GET', false, 'QPS_CLOSED'],
      ['POST', true, 'QPS_CLOSED'],
    ] as const) {
      await using server = await serveBytes(
        answering((_head, socket, count, index) => {
          if (index > 0) return ok('fresh')
          if (count === 1) return ok('first')
          // As if its idle timeout had struck just before.
          socket.end()
          return undefined
        }),
      )
      await using client = dispatcherOn(backend, server.port, { connectionsMax: 1, retryOnReset })
      await (await client.dispatcher.request({ path: '/' })).text()
      const outcome = client.dispatcher.request({ method, path: '/' }).then(
        (response) => response.text(),
        (error: { code: string }) => error.code,
      )
      expect(await outcome).toBe(expected)
      expect(client.dispatcher.stats.retried).toBe(expected === 'fresh' ? 1 : 0)
    }
  })

  test('what is behind an answer that closes may be sent again; no more than once', async () => {
    let connections = 0
    await using server = await serveBytes(
      answering((head, _socket, count, index) => {
        connections = Math.max(connections, index + 1)
        if (index === 0 && count === 2) return ok('last', 'Connection: close\r\n')
        return index === 0 && count > 2 ? undefined : ok(head.split(' ')[1]!)
      }),
    )
    await using client = dispatcherOn(backend, server.port, { connectionsMax: 1, pipelining: 4, retryOnReset: true })
    await (await client.dispatcher.request({ path: '/' })).text()
    const texts = ['/a', '/b', '/c'].map(async (path) => (await client.dispatcher.request({ path })).text())
    expect(await Promise.all(texts)).toEqual(['last', '/b', '/c'])
    expect([connections, client.dispatcher.stats.retried]).toEqual([2, 2])
  })

  test('an aborted request ends its connection; in a pipeline its answer is dropped', async () => {
    await using server = await serveBytes(
      answering((head, socket) => {
        setTimeout(() => socket.write(ok(head.split(' ')[1]!)), 20)
        return undefined
      }),
    )
    await using client = dispatcherOn(backend, server.port, { connectionsMax: 1, pipelining: 4 })
    await (await client.dispatcher.request({ path: '/' })).text()
    const aborter = new AbortController()
    const a = client.dispatcher.request({ path: '/a', signal: aborter.signal })
    const b = client.dispatcher.request({ path: '/b' })
    aborter.abort(new Error('enough'))
    await expect(a).rejects.toThrow('enough')
    expect(await (await b).text()).toBe('/b')
    expect(server.sockets).toHaveLength(1)
    const alone = new AbortController()
    const c = client.dispatcher.request({ path: '/c', signal: alone.signal })
    alone.abort(new Error('enough'))
    await expect(c).rejects.toThrow('enough')
    expect(client.dispatcher.stats.connections).toBe(0)
  })

  test('the time in which nothing was asked for does not count as waiting', async () => {
    const clock = new ManualClock()
    await using server = await serveBytes(answering(() => undefined))
    await using client = dispatcherOn(backend, server.port, { connectionsMax: 1, queueTimeoutMs: 1000, clock })
    clock.advance(60_000)
    const [first, second] = [collect(), collect()]
    for (const { handler } of [first, second]) client.dispatcher.dispatch({ path: '/' }, handler)
    clock.advance(20)
    expect(client.dispatcher.stats.waiting).toBe(2)
    await expect.poll(() => server.received.length, { interval: 5 }).toBe(1)
    clock.advance(880)
    expect(client.dispatcher.stats.waiting).toBe(1)
    clock.advance(200)
    expect(await second.outcome).toBe('QPS_TIMEOUT')
  })

  test('an answer that drips is QPS_TIMEOUT when all of it takes too long, and not before', async () => {
    const clock = new ManualClock()
    await using server = await serveBytes(answering(() => 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n'))
    await using client = dispatcherOn(backend, server.port, { clock, sweepMs: 1000, responseTimeoutMs: 100_000 })
    const { handler, outcome } = collect()
    let received = 0
    client.dispatcher.dispatch(
      { path: '/' },
      {
        ...handler,
        onData(bytes, start, end) {
          received += end - start
          handler.onData(bytes, start, end)
        },
      },
    )
    await expect.poll(() => server.received[0], { interval: 5 }).toBeTruthy()
    for (let byte = 1; byte <= 5; byte++) {
      server.sockets[0]!.write('x')
      await expect.poll(() => received, { interval: 5 }).toBe(byte)
      clock.advance(20_000)
    }
    expect(client.dispatcher.stats.connections).toBe(1)
    clock.advance(1000)
    expect(await outcome).toBe('200:xxxxxQPS_TIMEOUT')
    expect(client.dispatcher.stats.connections).toBe(0)
  })

  test('what took too long may be sent again only where once and twice are the same', async () => {
    await using server = await serveBytes(answering(() => undefined))
    await using client = dispatcherOn(backend, server.port, { headTimeoutMs: 20 })
    for (const [method, retryable] of [
      ['GET', true],
      ['POST', false],
    ] as const) {
      await expect(client.dispatcher.request({ method, path: '/' })).rejects.toMatchObject({
        code: 'QPS_TIMEOUT',
        retryable,
      })
    }
  })

  test('an idle connection is closed in time', async () => {
    await using server = await serveBytes(answering(() => ok('x')))
    await using client = dispatcherOn(backend, server.port, { idleTimeoutMs: 40 })
    await (await client.dispatcher.request({ path: '/' })).text()
    expect(client.dispatcher.stats.connections).toBe(1)
    await expect.poll(() => client.dispatcher.stats.connections, { interval: 5 }).toBe(0)
  })
})
