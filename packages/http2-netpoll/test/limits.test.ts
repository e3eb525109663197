import { frame, getRoot, settings, windowUpdate } from '@qps/testkit'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { connectionPreface } from '@qps/http2-frames'
import { data, type MemoryClient, MemoryServer, post } from './memory-server.ts'
import { answering, backends, eventually, kept, listener, RawClient, start } from './support.ts'

const ping = frame(6, 0, 0, Buffer.alloc(8))
const closedWindow = settings([4, 0])

describe('S11 readers', () => {
  /** For so long a client that pings each second may go on. @returns after how many seconds it was cut. */
  function secondsUntilCut(server: MemoryServer, client: MemoryClient, each: Buffer[] = [ping]): number {
    for (let second = 1; second < 60; second++) {
      client.send(...each)
      server.pass(1_000, client)
      if (client.connection.closed) return second
    }
    return Infinity
  }

  test('a session whose windows stay closed ends within 10 s, pings or not, and not much before', () => {
    const server = new MemoryServer(answering(10_000))
    const honest = server.connect()
    const client = server.connect(closedWindow, getRoot(1), getRoot(3))
    expect(secondsUntilCut(server, client)).toBe(10)
    expect(server.refused).toEqual(['slow-reader'])
    expect(client.told.at(-1)).toBe('GOAWAY 3 ENHANCE_YOUR_CALM')
    expect(honest.send(getRoot(1)).told.at(-1)).toBe('DATA 1 10000 end')
    expect(server.server.inFlight).toBe(0)
  })

  test('also where only the window of the session is closed, and where it dribbles', () => {
    const server = new MemoryServer(answering(100_000))
    const wide = settings([4, 2 ** 31 - 1])
    expect(secondsUntilCut(server, server.connect(wide, getRoot(1)))).toBeLessThanOrEqual(10)
    expect(secondsUntilCut(server, server.connect(wide, getRoot(1)), [windowUpdate(0, 100)])).toBeLessThanOrEqual(10)
    expect(
      secondsUntilCut(server, server.connect(closedWindow, getRoot(1)), [windowUpdate(1, 100)]),
    ).toBeLessThanOrEqual(10)
    expect(server.refused).toEqual(['slow-reader', 'slow-reader', 'slow-reader'])
  })

  test('also where the kernel takes nothing: reset, so that it keeps nothing', () => {
    const server = new MemoryServer(answering(100_000))
    const client = server.connect()
    client.connection.stuck = true
    client.send(getRoot(1))
    expect(secondsUntilCut(server, client, [Buffer.alloc(0)])).toBeLessThanOrEqual(10)
    expect([server.refused, client.connection.wasReset, server.kept]).toEqual([['slow-reader'], true, 0])
  })

  test('one stream that is not read ends alone where others of its session are read', () => {
    const server = new MemoryServer(answering(500))
    const client = server.connect(settings([4, 100]), getRoot(1))
    let id = 3
    for (let second = 0; second < 12; second++) {
      client.send(getRoot(id), windowUpdate(id, 400))
      id += 2
      server.pass(1_000, client)
    }
    expect(client.told.filter((line) => line.startsWith('RST_STREAM'))).toEqual(['RST_STREAM 1 ENHANCE_YOUR_CALM'])
    expect([client.connection.open, server.refused]).toEqual([true, ['slow-reader']])
  })

  test('a client that reads slowly, but reads, goes on for as long as it takes', () => {
    const server = new MemoryServer(answering(1_000_000))
    const client = server.connect(settings([4, 2 ** 31 - 1]), ...[1, 3, 5, 7, 9, 11].map((id) => getRoot(id)))
    for (let second = 0; second < 60; second++) {
      client.send(windowUpdate(0, 10_000))
      server.pass(1_000, client)
    }
    expect([client.connection.open, server.refused]).toEqual([true, []])
  })
})

describe('time limits', () => {
  test('who never says preface and SETTINGS is cut after headersTimeoutMs', () => {
    const server = new MemoryServer(answering())
    const mute = server.open()
    const half = server.open().send(connectionPreface)
    server.pass(4_250, mute, half)
    expect(mute.connection.open).toBe(true)
    server.pass(750, mute, half)
    expect([mute.connection.closed, half.connection.closed, server.refused]).toEqual([
      true,
      true,
      ['timeout', 'timeout'],
    ])
    expect([server.kept, server.clock.pending]).toEqual([0, 0])
  })

  test('an idle session is told so after idleMs, a busy one is not; pings are idle', () => {
    const server = new MemoryServer((stream) => void (stream.listener = listener()))
    const idle = server.connect()
    const busy = server.connect(settings(), post(1))
    for (let second = 0; second < 31; second++) {
      idle.send(ping)
      server.pass(1_000, idle, busy)
    }
    expect([idle.told, idle.connection.ended]).toEqual([['GOAWAY 0 NO_ERROR'], true])
    expect([busy.told, busy.connection.open]).toEqual([[], true])
    // It may still be reading what it was sent.
    for (let step = 0; step < 8; step++) {
      idle.send(windowUpdate(0, 1))
      server.pass(500, idle, busy)
    }
    expect(idle.connection.closed).toBe(false)
    server.pass(2_000, idle, busy)
    expect([idle.connection.closed, server.server.sessions.size]).toEqual([true, 1])
  })

  test('a body that is expected is there within requestTimeoutMs, or its stream ends', () => {
    const server = new MemoryServer((stream) => {
      stream.listener = listener()
      stream.expectBody()
    })
    const client = server.connect(settings(), post(1), post(3))
    client.send(data(1, 5), data(3, 5, true))
    for (let second = 0; second < 10; second++) {
      client.send(data(1, 1))
      server.pass(1_000, client)
    }
    expect([client.told, server.refused]).toEqual([['RST_STREAM 1 CANCEL'], ['timeout']])
    expect(server.server.arriving.size).toBe(0)
  })

  test('who goes on sending for an answered stream is told to stop after lingerMs', () => {
    const server = new MemoryServer((stream) => stream.respond([[':status', '200']], true))
    const client = server.connect(settings(), post(1))
    for (let step = 0; step < 8; step++) {
      client.send(data(1, 5))
      server.pass(250, client)
    }
    expect(client.told).toEqual(['HEADERS 1 200 end', 'RST_STREAM 1 NO_ERROR'])
    expect([client.connection.open, server.kept]).toEqual([true, 1])
  })

  test('after the end of a session what was written still leaves, for as long as its client reads', () => {
    const server = new MemoryServer(answering(60_000))
    const client = server.connect()
    client.connection.stuck = true
    client.send(getRoot(1))
    for (const session of server.server.sessions) session.leave()
    server.pass(5_000, client)
    client.connection.stuck = false
    expect(client.told.at(-1)).toBe('GOAWAY 1 NO_ERROR')
    expect(client.log.bodies.get(1)).toBe(60_000)
    for (let step = 0; step < 8; step++) {
      client.send(windowUpdate(0, 1_000))
      server.pass(500, client)
    }
    expect(client.connection.closed).toBe(false)
    server.pass(1_500, client)
    expect([client.connection.closed, server.kept]).toEqual([true, 0])
  })
})

describe('caps', () => {
  test('S7: connections of the process, and of an address, an IPv6 network counting as one', () => {
    const server = new MemoryServer(answering(), { limits: { connectionsMax: 4, connectionsPerAddressMax: 2 } })
    const open = (address: string): MemoryClient => server.open(address)
    const first = [open('2001:db8::1'), open('2001:db8::2')]
    const third = open('2001:db8::3')
    expect([third.connection.closed, server.refused]).toEqual([true, ['address-connections']])
    const others = [open('192.0.2.1'), open('192.0.2.2')]
    expect(open('192.0.2.3').connection.closed).toBe(true)
    expect(server.refused).toEqual(['address-connections', 'connections'])
    for (const { connection } of [...first, ...others]) connection.finish()
    expect(server.kept).toBe(0)
    // Who left made room.
    for (let count = 0; count < 20; count++) {
      const again = open('2001:db8::4')
      expect(again.connection.open).toBe(true)
      again.connection.finish()
    }
    expect(server.refused.length).toBe(2)
  })

  test('S8: one stream more than was allowed is refused, and its neighbours go on', () => {
    const server = new MemoryServer((stream) => void (stream.listener = listener()), { limits: { streamsMax: 3 } })
    const client = server.connect(settings(), ...[1, 3, 5, 7].map((id) => post(id)), data(7, 5))
    expect(client.told).toEqual(['RST_STREAM 7 REFUSED_STREAM'])
    expect(server.server.inFlight).toBe(3)
  })

  test('a fault of the client’s is no fault of the next one', () => {
    const server = new MemoryServer(answering())
    for (let count = 0; count < 20; count++) {
      const client = server.connect(settings(), post(1), getRoot(2))
      expect(client.connection.ended).toBe(true)
      server.pass(250, client)
    }
    expect(server.kept).toBe(0)
    expect(server.connect(settings(), getRoot(1)).told.at(-1)).toBe('DATA 1 5 end')
  })
})

describe.each(backends)('over sockets on %s', (backend) => {
  test('a reader with window 0, a mute client and one too many are cut; an honest one goes on', async () => {
    const refused: string[] = []
    const limits = { readerStallMs: 300, headersTimeoutMs: 300, sweepMs: 50, connectionsMax: 3 }
    await using server = await start(backend, answering(), { limits, onRefused: (reason) => refused.push(reason) })
    using honest = await RawClient.connect(server.port)
    using attacker = await RawClient.connect(server.port)
    using mute = await RawClient.connect(server.port)
    await eventually(() => server.server.sessions.size === 3)
    using fourth = await RawClient.connect(server.port)
    await eventually(() => fourth.closed)
    honest.send(settings(), post(1))
    attacker.send(closedWindow, getRoot(1))
    await eventually(() => attacker.closed && mute.closed)
    honest.send(data(1, 3, true))
    await eventually(() => honest.log.lines.includes('DATA 1 5 end'))
    expect(refused.toSorted()).toEqual(['connections', 'slow-reader', 'timeout'])
    expect(attacker.log.told.at(-1)).toBe('GOAWAY 1 ENHANCE_YOUR_CALM')
    honest.socket.end()
    await eventually(() => kept(server) === 0)
    await sleep(1)
  })
})
