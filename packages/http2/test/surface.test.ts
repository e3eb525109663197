import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { ask, serveSurface, session } from './support.ts'

describe('the surface over HTTP/2', () => {
  test('GET / says ok with the time; HEAD / says how long that is', async () => {
    await using server = await serveSurface()
    using client = await session(server.port)
    const { status, headers, body } = await ask(client, { ':path': '/?a=1' })
    expect([status, headers['content-type'], headers['content-length']]).toEqual([200, 'application/json', '34'])
    expect(Math.abs(Date.parse(String(headers['date'])) - Date.now())).toBeLessThan(5_000)
    expect(String(body)).toMatch(/^\{"status":"ok","ts":\d{13}\}$/)
    const head = await ask(client, { ':method': 'HEAD', ':path': '/' })
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '34', 0])
    expect(String((await ask(client, { ':path': '/plaintext' })).body)).toBe('Hello, World!')
  })

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s / returns the body and its type', async (method) => {
    await using server = await serveSurface()
    using client = await session(server.port)
    const body = Buffer.from('{"a":"é \0 \r\n"}')
    const answer = await ask(client, { ':method': method, ':path': '/', 'content-type': 'application/x-thing' }, body)
    expect([answer.status, answer.headers['content-type'], answer.body]).toEqual([200, 'application/x-thing', body])
  })

  test('unknown path 404, wrong method 405 with allow, both with a JSON error', async () => {
    await using server = await serveSurface()
    using client = await session(server.port)
    const missing = await ask(client, { ':path': '/__proto__' })
    expect([missing.status, JSON.parse(String(missing.body))]).toMatchObject([404, { error: { code: 'not_found' } }])
    const wrong = await ask(client, { ':method': 'POST', ':path': '/plaintext' }, 'x')
    expect([wrong.status, wrong.headers['allow']]).toEqual([405, 'GET, HEAD'])
  })

  test('a body over the limit is refused with 413, announced or not', async () => {
    await using server = await serveSurface({ limits: { bodyBytesMax: 1000 } })
    using client = await session(server.port)
    const large = Buffer.alloc(5000, 'x')
    const announced = await ask(client, { ':method': 'POST', ':path': '/echo', 'content-length': 5000 }, large)
    const surprised = await ask(client, { ':method': 'POST', ':path': '/echo' }, large)
    expect([announced.status, surprised.status]).toEqual([413, 413])
    expect((await ask(client, { ':method': 'POST', ':path': '/echo' }, large.subarray(0, 1000))).body.length).toBe(1000)
  })

  test('what a handler throws ends its stream and no other', async () => {
    const { serveHttp2 } = await import('@qps/http2')
    const errors: unknown[] = []
    await using server = await serveHttp2({ port: 0, onError: (error) => errors.push(error) }, (stream, headers) => {
      if (headers[':path'] === '/throws') throw new Error('on purpose')
      stream.respond({ ':status': 200 })
      stream.end('fine')
    })
    using client = await session(server.port)
    await expect(ask(client, { ':path': '/throws' })).rejects.toThrow('INTERNAL_ERROR')
    expect(String((await ask(client, { ':path': '/' })).body)).toBe('fine')
    expect(errors).toEqual([new Error('on purpose')])
  })

  test('what was asked, answered and how long it took is told, once for each stream', async () => {
    const done: unknown[][] = []
    await using server = await serveSurface({ onRequestDone: (...facts) => done.push(facts) })
    using client = await session(server.port)
    await ask(client, { ':path': '/?a=1' })
    await ask(client, { ':path': '/nowhere' })
    const left = client.request({ ':method': 'POST', ':path': '/echo' })
    left.on('error', () => {}).write('half')
    await sleep(20)
    // Not `close`: Node's client ends the body before it resets, which makes half a body whole.
    client.destroy()
    await sleep(20)
    expect(done.map((facts) => facts.slice(0, 3))).toEqual([
      ['GET', '/', 200],
      ['GET', '/nowhere', 404],
      ['POST', '/echo', 499],
    ])
    for (const [, , , seconds] of done) expect(seconds).toBeLessThan(1)
  })

  test('S8: the settings that clients are told', async () => {
    await using server = await serveSurface()
    using client = await session(server.port)
    await ask(client, { ':path': '/' })
    expect(client.remoteSettings).toMatchObject({
      maxConcurrentStreams: 100,
      enablePush: false,
      maxHeaderListSize: 16 * 1024,
    })
    // More fields, or more bytes of them, than that is no request.
    const fields = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`x-${index}`, 'y']))
    await expect(ask(client, { ':path': '/', ...fields })).rejects.toThrow('ENHANCE_YOUR_CALM')
    await expect(ask(client, { ':path': '/', 'x-long': 'y'.repeat(17_000) })).rejects.toThrow()
  })
})
