import { frame, getRoot, settings, windowUpdate } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import type { Http2Stream } from '@qps/http2-netpoll'
import { data, MemoryServer, post } from './memory-server.ts'
import { answering, backends, eventually, listener, RawClient, start } from './support.ts'

const largest = 2 ** 31 - 1
/** Windows that hold nothing back. */
const wide = [settings([4, largest]), windowUpdate(0, largest - 65_535)]

describe('windows of the client', () => {
  test('a body stops at the stream window, goes on with each update, and ends with the last byte', () => {
    const client = new MemoryServer(answering(10)).connect(settings([4, 4]), getRoot(1))
    expect(client.told).toEqual(['HEADERS 1 200', 'DATA 1 4'])
    client.send(windowUpdate(1, 1), windowUpdate(1, 5))
    expect(client.told.slice(2)).toEqual(['DATA 1 1', 'DATA 1 5 end'])
  })

  test('a window that shrinks below what was sent is negative, and must be made up for first', () => {
    const client = new MemoryServer(answering(20)).connect(settings([4, 10]), getRoot(1), settings([4, 3]))
    expect(client.told).toEqual(['HEADERS 1 200', 'DATA 1 10'])
    client.send(windowUpdate(1, 7))
    expect(client.told.length).toBe(2)
    client.send(windowUpdate(1, 1))
    expect(client.told.slice(2)).toEqual(['DATA 1 1'])
    client.send(settings([4, 100]))
    expect(client.told.slice(3)).toEqual(['DATA 1 9 end'])
  })

  test('an end without bytes needs no window, neither of the stream nor of the session', () => {
    const streams: Http2Stream[] = []
    const client = new MemoryServer((stream) => {
      stream.listener = listener()
      streams.push(stream)
      stream.respond([[':status', '200']])
      stream.write(Buffer.alloc(stream.id === 1 ? 65_535 : 1))
    }).connect(settings([4, 65_535]), getRoot(1), getRoot(3))
    streams[0]!.end()
    // It has never been able to send its byte: that comes first.
    streams[1]!.end(undefined, [['x', 'y']])
    expect(client.told.at(-1)).toBe('DATA 1 0 end')
    client.send(windowUpdate(0, 1))
    expect(client.told.slice(-2)).toEqual(['DATA 3 1', 'HEADERS 3 x=y end'])
  })

  test('a body that waits, and fills the session window to the byte, ends with it', () => {
    const client = new MemoryServer((stream) => {
      stream.listener = listener()
      stream.respond([[':status', '200']])
      stream.write(Buffer.alloc(65_535))
      stream.write(Buffer.alloc(100))
      stream.end()
    }).connect(settings([4, largest]), getRoot(1))
    client.send(windowUpdate(0, 100))
    expect(client.told.at(-1)).toBe('DATA 1 100 end')
  })

  test('streams that wait for the session take turns, also when it opens bit by bit', () => {
    const server = new MemoryServer(answering(50_000))
    const client = server.connect(settings([4, largest]), windowUpdate(0, 1), ...[1, 3, 5, 7].map((id) => getRoot(id)))
    const { log } = client
    // The first could send all of its own at once. The others are served one after the other.
    const before = log.order.length
    for (let step = 0; step < 7; step++) client.send(windowUpdate(0, 1_000))
    expect(client.log.order.slice(before)).toEqual([3, 5, 7, 3, 5, 7, 3])
    client.send(windowUpdate(0, 200_000))
    expect([...client.log.bodies.values()]).toEqual([50_000, 50_000, 50_000, 50_000])
    expect(server.server.inFlight).toBe(0)
  })

  test('a stream whose own window is closed holds up no other', () => {
    const client = new MemoryServer(answering(20)).connect(settings([4, 0]), getRoot(1), settings([4, 100]), getRoot(3))
    client.send(settings([4, 0]), getRoot(5), windowUpdate(5, 20))
    expect(client.told.filter((line) => line.endsWith('end'))).toEqual([
      'DATA 1 20 end',
      'DATA 3 20 end',
      'DATA 5 20 end',
    ])
  })

  test('where the connection has its fill, DATA waits until it has drained, and heads do not', () => {
    const server = new MemoryServer(answering(300_000))
    const client = server.connect(...wide)
    client.connection.stuck = true
    client.send(getRoot(1), getRoot(3))
    expect(client.connection.pendingBytes).toBeLessThan(64 * 1024 + 20_000)
    expect(server.server.inFlight).toBe(2)
    client.connection.stuck = false
    client.connection.settle()
    expect([...client.log.bodies]).toEqual([
      [1, 300_000],
      [3, 300_000],
    ])
  })

  test('a poller whose mark is higher than ours does not make it wait for ever', () => {
    const server = new MemoryServer(answering(300_000))
    const client = server.connect(...wide)
    client.connection.highWaterBytes = 1024 * 1024
    client.connection.stuck = true
    client.send(getRoot(1))
    client.connection.stuck = false
    expect(client.log.bodies.get(1)).toBe(300_000)
  })

  test('beyond outputBytesMax, in bodies or on the connection, streams are refused', () => {
    const server = new MemoryServer(
      (stream) =>
        stream.respond(
          [
            [':status', '204'],
            ['x', 'y'.repeat(4000)],
          ],
          true,
        ),
      {
        limits: { outputBytesMax: 20_000 },
      },
    )
    const client = server.connect(settings())
    client.connection.stuck = true
    for (let id = 1; id < 41; id += 2) client.send(getRoot(id))
    client.connection.stuck = false
    const { told } = client
    expect(told.filter((line) => line.endsWith('REFUSED_STREAM')).length).toBeGreaterThan(5)
    expect(told.filter((line) => line.endsWith('204 end')).length).toBeGreaterThan(3)
  })

  test('who downloads sends thousands of updates and pings, and is no flood; who dribbles is one', () => {
    const server = new MemoryServer(answering(4_000_000))
    const client = server.connect(...wide.slice(0, 1), getRoot(1))
    const ping = frame(6, 0, 0, Buffer.alloc(8))
    // What Go's client does: both windows, each time that 4 KiB were read; and a ping for each frame.
    for (let read = 0; read < 4_000_000; read += 4096) {
      client.send(windowUpdate(0, 4096), windowUpdate(1, 1), read % 16_384 === 0 ? ping : Buffer.alloc(0))
    }
    expect(client.log.bodies.get(1)).toBe(4_000_000)
    expect(server.refused).toEqual([])
    const dribbler = server.connect(settings([4, 0]), getRoot(1))
    for (let count = 0; count < 2_000; count++) dribbler.send(windowUpdate(1, 1))
    expect(server.refused).toEqual(['empty-frames'])
    expect(dribbler.told.at(-1)).toBe('GOAWAY 1 ENHANCE_YOUR_CALM')
  })
})

describe('our windows', () => {
  const updates = (log: { lines: string[] }): string[] => log.lines.filter((line) => line.startsWith('WINDOW_UPDATE'))

  test('are given back when half of them is used, with the padding', () => {
    const server = new MemoryServer((stream) => void (stream.listener = listener()), {
      limits: { connectionWindowBytes: 80_000 },
    })
    const padded = frame(0, 8, 1, Buffer.concat([Buffer.from([200]), Buffer.alloc(16_000)]))
    const client = server.connect(settings(), post(1))
    expect(updates(client.log)).toEqual(['WINDOW_UPDATE 0 14465'])
    client.send(padded, padded)
    expect(updates(client.log).length).toBe(1)
    client.send(padded)
    expect(updates(client.log).slice(1)).toEqual(['WINDOW_UPDATE 0 48003', 'WINDOW_UPDATE 1 48003'])
  })

  test('a stream that is held gets its window back when it is released', () => {
    const streams: Http2Stream[] = []
    let got = 0
    const client = new MemoryServer((stream) => {
      streams.push(stream)
      stream.listener = listener({ onData: (_bytes, start, end) => void (got += end - start) })
      stream.hold()
    }).connect(settings(), post(1), ...Array.from({ length: 4 }, () => data(1, 16_000)))
    expect([got, updates(client.log).filter((line) => line.includes(' 1 '))]).toEqual([64_000, []])
    streams[0]!.release()
    expect(updates(client.log).at(-1)).toBe('WINDOW_UPDATE 1 64000')
  })

  test('more than a stream may send resets it; more than the session may ends the session', () => {
    const server = new MemoryServer((stream) => {
      stream.listener = listener()
      stream.hold()
    })
    const full = Array.from({ length: 4 }, () => data(1, 16_384))
    expect(server.connect(settings(), post(1), ...full).told).toEqual(['RST_STREAM 1 FLOW_CONTROL_ERROR'])
    expect(server.connect(settings(), post(1), ...full.slice(1), data(1, 16_383, true)).told).toEqual([])
  })

  test('smaller than the protocol’s own they hold from when the client knows of them', () => {
    const server = new MemoryServer(answering(), { limits: { windowBytes: 1_000, connectionWindowBytes: 1_000 } })
    const early = Array.from({ length: 4 }, () => data(1, 16_000))
    const client = server.connect(settings(), post(1), ...early, data(1, 1_535, true))
    expect(client.told).toEqual(['HEADERS 1 200', 'DATA 1 5 end'])
    const acknowledged = server.connect(settings(), frame(4, 1, 0), post(1), data(1, 1_001))
    expect(acknowledged.told).toEqual(['RST_STREAM 1 FLOW_CONTROL_ERROR'])
    // A stream from before: its window shrinks, and is given back as it is used.
    const across = server.connect(settings(), post(1), data(1, 16_000), frame(4, 1, 0), data(1, 1_000, true))
    expect(across.told).toEqual(['HEADERS 1 200', 'DATA 1 5 end'])
  })
})

describe.each(backends)('over a socket on %s', (backend) => {
  test('large answers to a client that reads in fits arrive whole, and evenly', async () => {
    await using server = await start(backend, answering(1_500_000))
    using client = await RawClient.connect(server.port)
    client.send(...wide, ...[1, 3, 5, 7, 9].map((id) => getRoot(id)))
    const { bodies, lines } = client.log
    const total = (): number => [...bodies.values()].reduce((sum, bytes) => sum + bytes, 0)
    let reads = 0
    client.socket.on('data', () => {
      if (++reads % 8 !== 0) return
      client.socket.pause()
      setTimeout(() => client.socket.resume(), 2)
    })
    await eventually(() => total() >= 4_000_000)
    expect(Math.max(...bodies.values()) - Math.min(...bodies.values())).toBeLessThanOrEqual(6 * 16_384)
    await eventually(() => lines.filter((line) => line.endsWith('end')).length === 5)
    expect([...bodies.values()]).toEqual([1_500_000, 1_500_000, 1_500_000, 1_500_000, 1_500_000])
    expect(server.server.inFlight).toBe(0)
  })
})
