import { setTimeout as sleep } from 'node:timers/promises'
import type { Response } from '@qps/http1'
import { describe, expect, test } from 'vitest'
import { backends, bodies, Client, eventually, exchange, get, last, start } from './server-under-test.ts'

describe.each(backends)('the order of answers: %s', (backend) => {
  test('quick answers wait for the slow one that was asked for before them', async () => {
    await using serving = await start(backend, async ({ path }, response) => {
      if (path === '/slow') await sleep(20)
      response.end(path)
    })
    const text = await exchange(serving, get('/slow') + get('/a') + get('/slow') + get('/b') + last('/c'))
    expect(bodies(text)).toEqual(['/slow', '/a', '/slow', '/b', '/c'])
  })

  test('hundreds of requests ahead of slow handlers are answered in order, cut anywhere', async () => {
    await using serving = await start(backend, async (request, response) => {
      await Promise.resolve()
      response.end(request.header('x-number'))
    })
    const count = 500
    let sent = ''
    for (let index = 0; index < count; index++) sent += get('/', `X-Number: ${index}\r\n`)
    using client = new Client(serving)
    for (let at = 0, size = 1; at < sent.length; at += size, size = (size * 7) % 997) {
      client.send(sent.slice(at, at + size))
      if (size % 5 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    client.send(last('/'))
    const answers = bodies(await client.until())
    expect(answers.slice(0, count)).toEqual(Array.from({ length: count }, (_, index) => String(index)))
  })

  test('an answer that ends in the callback of another connection starts what waits behind it', async () => {
    let waiting: Response | undefined
    await using serving = await start(backend, ({ path }, response) => {
      if (path === '/wait') waiting = response
      else response.end(path)
      if (path === '/free') waiting!.end('freed')
    })
    using first = new Client(serving)
    first.send(get('/wait') + get('/behind') + last('/last'))
    await eventually(() => waiting !== undefined)
    expect(bodies(await exchange(serving, last('/free')))).toEqual(['/free'])
    expect(bodies(await first.until())).toEqual(['freed', '/behind', '/last'])
  })

  test('a client that sends FIN behind its requests gets all the answers, then FIN', async () => {
    await using serving = await start(backend, async ({ path }, response) => {
      await sleep(5)
      response.end(path)
    })
    using client = new Client(serving)
    client.socket.end(get('/1') + get('/2') + get('/3') + 'GET /half HTTP/1.1\r\nHo')
    expect(bodies(await client.until())).toEqual(['/1', '/2', '/3'])
  })

  test('FIN while an answer streams ends the connection behind it', async () => {
    let response: Response | undefined
    await using serving = await start(backend, (_request, answer) => {
      response = answer
      answer.write('one')
    })
    using client = new Client(serving)
    client.send(get('/'))
    await client.until((text) => text.includes('one'))
    client.socket.end()
    await sleep(20)
    response!.end('two')
    expect(await client.until()).toMatch(/\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n$/)
  })

  test('a client that asks ahead of a slow handler is held back', async () => {
    const held: Response[] = []
    await using serving = await start(backend, (_request, response) => void held.push(response))
    using client = new Client(serving)
    const request = get('/', `X-Filler: ${'x'.repeat(900)}\r\n`)
    client.send(request.repeat(32 * 1024))
    await eventually(() => held.length === 1)
    let before = -1
    while (before !== serving.poller.stats.bytesRead) {
      before = serving.poller.stats.bytesRead
      await sleep(30)
    }
    // All receive buffers of the poller may be full when the pause takes effect.
    expect(before).toBeLessThan(12 * 1024 * 1024)
    for (let answered = 0; answered < 200; answered++) {
      held[answered]!.end('x')
      await eventually(() => held.length === answered + 2)
    }
    // As much came as was answered, and no more waits than did before.
    expect(serving.poller.stats.bytesRead - 200 * request.length).toBeLessThanOrEqual(before)
  })

  test('a client that asks and does not read stops being asked for more, and gets everything when it reads', async () => {
    const body = 'y'.repeat(3000)
    let answered = 0
    await using serving = await start(backend, (_request, response) => {
      answered++
      response.end(body)
    })
    using client = new Client(serving)
    client.socket.pause()
    const count = 20_000
    client.send(get('/').repeat(count - 1) + last('/'))
    let before = -1
    while (before !== serving.server.answered || before === 0) {
      before = serving.server.answered
      await sleep(50)
    }
    expect(answered).toBeLessThan(count)
    client.socket.resume()
    const text = await client.until()
    expect(answered).toBe(count)
    expect(text.split('HTTP/1.1 200').length - 1).toBe(count)
  })
})
