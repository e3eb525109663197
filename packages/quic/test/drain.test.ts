import { expect, test } from 'vitest'
import { ask, connect, pause, rawClient, serveSurface, until, withQuic } from './support.ts'

withQuic('a drain', () => {
  test('answers what is under way, tells clients to go, and loses nothing', async () => {
    const server = await serveSurface({}, async (exchange) => {
      await pause(100)
      exchange.respond(200, [], 'late')
    })
    const clients = await Promise.all([connect(server.port), connect(server.port)])
    const asked = clients.map((client) => ask(client, { path: '/' }))
    await until(() => server.server.inFlight === 2)
    const drained = server.drain()
    expect((await Promise.all(asked)).map(({ body }) => String(body))).toEqual(['late', 'late'])
    for (const client of clients) {
      await until(() => !client.isUsable)
      await expect(client.request({ path: '/' })).rejects.toMatchObject({ code: 'QPS_QUIC_CLOSED', retryable: true })
      await client.close()
    }
    expect(await drained).toMatchObject({ completed: 2, dropped: 0 })
    await expect(connect(server.port, { timeoutMs: 200 })).rejects.toMatchObject({ code: 'QPS_QUIC_TIMEOUT' })
  })

  test('waits until a long answer has arrived, whatever was handed over', async () => {
    const body = Buffer.alloc(600_000, 'abc')
    const server = await serveSurface({}, (exchange) => exchange.respond(200, [], body))
    await using client = await connect(server.port, { limits: { streamWindowBytes: 65_536 } })
    const response = await client.request({ path: '/' })
    const drained = server.drain()
    const pieces: Buffer[] = []
    for await (const piece of response.body) {
      pieces.push(piece)
      await pause(5)
    }
    expect(Buffer.concat(pieces).equals(body)).toBe(true)
    expect(await drained).toMatchObject({ completed: 1, dropped: 0 })
  })

  test('rejects what comes after the last request, in a way that says that it may be repeated', async () => {
    const server = await serveSurface({ limits: { drainGraceMs: 50 } }, async (exchange) => {
      if (exchange.path === '/slow') await pause(300)
      exchange.respond(200, [])
    })
    await using slow = await rawClient(server.port)
    const { headersFrame } = await import('@qps/quic')
    const head = (path: string): Buffer =>
      headersFrame([
        [':method', 'GET'],
        [':scheme', 'https'],
        [':authority', 'a'],
        [':path', path],
      ])
    slow.write(2, Buffer.of(0, 4, 0))
    slow.write(0, head('/slow'), true)
    await until(() => server.server.inFlight === 1)
    const drained = server.drain()
    await pause(120)
    // Has been told, and asks all the same.
    slow.write(4, head('/'), true)
    expect(await drained).toMatchObject({ completed: 1, dropped: 0 })
    expect(await slow.ended).toBe(0x100)
  })

  test('ends at its limit, and says what was cut', async () => {
    const server = await serveSurface({}, async () => {
      await new Promise(() => {})
    })
    await using client = await connect(server.port)
    const asked = expect(ask(client, { path: '/' })).rejects.toMatchObject({ code: 'QPS_QUIC_CLOSED' })
    await until(() => server.server.inFlight === 1)
    expect(await server.drain(100)).toMatchObject({ completed: 0, dropped: 1 })
    await asked
  })
})
