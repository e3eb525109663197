import { getRoot, settings } from '@qps/testkit'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { serveHttp2Netpoll, surfaceHandler } from '@qps/http2-netpoll'
import { connectionPreface } from '@qps/http2-frames'
import { MemoryServer } from './memory-server.ts'
import { answering, ask, backends, eventually, listener, RawClient, session, start } from './support.ts'

const ok = [[':status', '200']] as const

describe('what a session is told at its end', () => {
  test('first that it will end, with a ping; then the last stream, and no later one ever', () => {
    const server = new MemoryServer((stream) => void (stream.listener = listener()))
    const client = server.connect(settings(), getRoot(1))
    const [only] = server.server.sessions
    only!.giveNotice()
    expect(only!.hasNoticed).toBe(false)
    client.send(getRoot(3), Buffer.from([0, 0, 8, 6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
    expect(only!.hasNoticed).toBe(true)
    only!.leave()
    // What comes behind that was not begun; and where the client then breaks the protocol, no more is said to be done.
    client.send(getRoot(5), getRoot(2))
    expect(client.told).toEqual([
      'GOAWAY 2147483647 NO_ERROR',
      'GOAWAY 3 NO_ERROR',
      'RST_STREAM 5 REFUSED_STREAM',
      'GOAWAY 3 PROTOCOL_ERROR',
    ])
    expect(client.log.lines).toContain('PING 0000000000000000')
  })

  test('a connection that has said nothing is told behind our SETTINGS, when it speaks', () => {
    const server = new MemoryServer(answering())
    const client = server.open()
    for (const each of server.server.sessions) each.giveNotice()
    expect(client.log.lines).toEqual([])
    client.send(connectionPreface, settings(), getRoot(1))
    const { lines } = client.log
    expect(lines[0]).toMatch(/^SETTINGS/)
    expect(client.told).toEqual(['GOAWAY 2147483647 NO_ERROR', 'HEADERS 1 200', 'DATA 1 5 end'])
  })

  test('an acknowledgment of a ping that nobody has sent is no answer to the notice', () => {
    const server = new MemoryServer(answering())
    const client = server.connect()
    client.send(Buffer.from([0, 0, 8, 6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
    const [only] = server.server.sessions
    only!.giveNotice()
    expect(only!.hasNoticed).toBe(false)
  })
})

describe.each(backends)('a drain on %s', (backend) => {
  test('answers what is under way, tells its clients first, and ends', async () => {
    const server = await start(backend, async (stream) => {
      await sleep(200)
      stream.respond(ok)
      stream.end(Buffer.from('done'))
    })
    using client = await session(server.port)
    const farewells: number[] = []
    client.on('goaway', (_code, last) => farewells.push(last))
    const answers = Array.from({ length: 20 }, () => ask(client, { ':path': '/' }))
    await eventually(() => server.server.inFlight === 20)
    const report = await server.drain()
    for (const { status, body } of await Promise.all(answers)) expect([status, String(body)]).toEqual([200, 'done'])
    expect(report).toMatchObject({ completed: 20, dropped: 0 })
    // Node's client listens no more behind the first one.
    expect(farewells[0]).toBe(2 ** 31 - 1)
    expect(report.ms).toBeLessThan(3_000)
  })

  test('cuts and counts what is left at the limit; drained twice it is drained once', async () => {
    const server = await start(backend, () => {})
    using client = await session(server.port)
    const lost = ask(client, { ':path': '/' }).then(
      ({ status }) => status,
      () => 'cut',
    )
    await eventually(() => server.server.inFlight === 1)
    const [report, again] = await Promise.all([server.server.drain(200), server.drain(5_000)])
    expect(report).toMatchObject({ completed: 0, dropped: 1 })
    expect(again).toBe(report)
    expect([0, 'cut']).toContain(await lost)
  })

  test('a client that reads slowly gets its whole answer, though the session ended long before', async () => {
    const bytes = 3_000_000
    const server = await start(backend, (stream) => {
      stream.respond(ok)
      stream.end(Buffer.alloc(bytes))
    })
    using client = await RawClient.connect(server.port)
    const most = 2 ** 31 - 1
    client.socket.pause()
    client.send(settings([4, most]), Buffer.from([0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0]), getRoot(1))
    await eventually(() => server.server.sessions.size === 1)
    await sleep(50)
    const drained = server.drain(10_000)
    // It acknowledges nothing and reads in fits, saying a little each time, as clients do.
    let reads = 0
    client.socket.on('data', () => {
      client.send(Buffer.from([0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1]))
      if (++reads % 4 !== 0) return
      client.socket.pause()
      setTimeout(() => client.socket.resume(), 10)
    })
    client.socket.resume()
    await eventually(() => client.closed)
    expect(client.log.bodies.get(1)).toBe(bytes)
    // The kernel may have taken all of it before.
    expect((await drained).dropped).toBe(0)
  })
})

/** The server says itself that it has not begun it, or Node that it was never sent, because the session is closing. */
const isRepeatable = (error: unknown): boolean =>
  String(error).includes('REFUSED_STREAM') ||
  ['ERR_HTTP2_GOAWAY_SESSION', 'ERR_HTTP2_INVALID_SESSION'].includes((error as { code: string }).code)

test.skipIf(backends[0] === 'libuv')('ten restarts under load lose no request', { timeout: 30_000 }, async () => {
  const backend = backends[0]!
  const serve = (port: number) =>
    serveHttp2Netpoll({ port, backend, reusePort: true, limits: { drainGraceMs: 100 } }, surfaceHandler(1000))
  let serving = await serve(0)
  const { port } = serving
  const lost: unknown[] = []
  let answered = 0
  let told = 0
  const over = new AbortController()
  /** Asks, and connects anew when it is told that its session will end. */
  const client = async (): Promise<void> => {
    while (!over.signal.aborted) {
      using connected = await session(port)
      const farewell = new AbortController()
      connected.on('goaway', () => {
        farewell.abort()
        told++
      })
      while (!over.signal.aborted && !farewell.signal.aborted) {
        try {
          const { status } = await ask(connected, { ':path': '/' })
          if (status === 200) answered++
          else lost.push(status)
        } catch (error) {
          if (!isRepeatable(error)) lost.push(error)
          // Node says that a stream was refused before it says why: asking on at once would be asked in the middle of that.
          await sleep(1)
          break
        }
      }
      connected.close()
    }
  }
  const clients = Array.from({ length: 6 }, client)
  for (let count = 0; count < 10; count++) {
    await sleep(10)
    const next = await serve(port)
    const { dropped } = await serving.drain()
    expect(dropped).toBe(0)
    serving = next
  }
  over.abort()
  await Promise.all(clients)
  await serving.drain()
  expect(lost).toEqual([])
  expect(answered).toBeGreaterThan(200)
  expect(told).toBeGreaterThan(10)
})
