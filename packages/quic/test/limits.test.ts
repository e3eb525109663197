import { dataHead, type Field, headersFrame, type Http3Refusal, settingsPayload } from '@qps/quic'
import { expect, test } from 'vitest'
import { ask, connect, pause, rawClient, serveSurface, until, withQuic } from './support.ts'

const get: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'a'],
  [':path', '/plaintext'],
]
/** A control stream that begins as it must. */
const control = Buffer.concat([
  Buffer.of(0, 4, 6),
  settingsPayload({ fieldSectionBytesMax: 65_536 * 2, qpackTableBytesMax: 0, qpackBlockedStreams: 0 }),
  Buffer.of(0x21),
]).subarray(0, 8)

withQuic('connections', () => {
  test('of the process and of an address are capped, and told so', async () => {
    const refused: Http3Refusal[] = []
    const onRefused = (reason: Http3Refusal): void => void refused.push(reason)
    await using few = await serveSurface({ limits: { connectionsMax: 1 }, onRefused })
    await using fewEach = await serveSurface({ limits: { connectionsPerAddressMax: 1 }, onRefused })
    for (const { port } of [few, fewEach]) {
      await using client = await connect(port)
      // It may learn of that a moment after the handshake.
      const refusedOne = connect(port).then((another) => ask(another, { path: '/' }).finally(() => another.close()))
      await expect(refusedOne).rejects.toThrow('CONNECTION_REFUSED')
      expect((await ask(client, { path: '/' })).status).toBe(200)
    }
    expect(refused).toEqual(['connections', 'address-connections'])
    // The place is free again.
    await until(() => few.server.endpoint.connections === 0)
    await (await connect(few.port)).close()
  })

  test('begun on a word are few: then a client must show that it receives where it says', async () => {
    await using server = await serveSurface({ limits: { handshakesFreeMax: 0 } })
    await using client = await connect(server.port)
    expect((await ask(client, { path: '/' })).status).toBe(200)
    expect(server.server.endpoint.retried).toBe(1)
  })

  test('that never finish their handshake are forgotten', async () => {
    await using server = await serveSurface({ limits: { handshakeTimeoutMs: 200, sweepMs: 20 } })
    // A client whose first datagram is all that it ever sends.
    const { createSocket } = await import('node:dgram')
    const { loadQuiche } = await import('../src/binding/load.ts')
    const { clientConfig } = await import('../src/binding/config.ts')
    const { quicLimits } = await import('@qps/quic')
    const { authority } = await import('./support.ts')
    const local = { host: '127.0.0.1', port: 9 }
    const peer = { host: '127.0.0.1', port: server.port }
    const config = clientConfig(authority.cert, quicLimits, false)
    const raw = loadQuiche().Connection.connect('localhost', Buffer.alloc(16, 7), local, peer, config)
    const datagram = Buffer.alloc(1350)
    const [length] = raw.send(datagram)!
    const socket = createSocket('udp4')
    socket.send(datagram, 0, length, server.port, '127.0.0.1')
    await until(() => server.server.endpoint.connections === 1)
    await until(() => server.server.endpoint.connections === 0)
    socket.close()
  })

  test('that ask nothing are closed, politely', async () => {
    const refused: Http3Refusal[] = []
    const limits = { idleMs: 300, sweepMs: 20 }
    await using server = await serveSurface({ limits, onRefused: (reason) => refused.push(reason) })
    await using client = await rawClient(server.port)
    expect(await client.ended).toBe(0x100)
    expect(refused).toEqual(['idle'])
  })
})

withQuic('a client', () => {
  test('that resets what it asks for is cut off before it has begun many, and a bystander does not notice', async () => {
    const refused: Http3Refusal[] = []
    let handled = 0
    await using server = await serveSurface({ onRefused: (reason) => refused.push(reason) }, async () => {
      handled++
      await new Promise(() => {})
    })
    await using client = await rawClient(server.port)
    client.write(2, control)
    const request = headersFrame(get)
    for (let id = 0; id < 4 * 20_000 && !client.isEnded(); id += 4) {
      client.write(id, request)
      await pause(0)
      client.reset(id)
    }
    expect(await client.ended).toBe(0x107)
    expect(refused).toEqual(['rapid-reset'])
    expect(handled).toBeLessThanOrEqual(150)
    await until(() => server.server.inFlight === 0)
  })

  test('that takes nothing of its answer is closed', async () => {
    const refused: Http3Refusal[] = []
    const limits = { readerStallMs: 400, sweepMs: 20 }
    await using server = await serveSurface({ limits, onRefused: (reason) => refused.push(reason) })
    await using client = await connect(server.port, { limits: { streamWindowBytes: 16_384 } })
    // The head is read, and the body is nobody's.
    const { status } = await client.request({ path: '/echo', body: Buffer.alloc(500_000) })
    expect(status).toBe(200)
    await until(() => !client.isUsable)
    expect(refused).toEqual(['slow-reader'])
    expect(server.server.inFlight).toBe(0)
  })

  test('whose request does not arrive in time loses its stream, not its connection', async () => {
    const refused: Http3Refusal[] = []
    const limits = { requestTimeoutMs: 200, sweepMs: 20 }
    await using server = await serveSurface({ limits, onRefused: (reason) => refused.push(reason) })
    await using client = await rawClient(server.port)
    client.write(2, control)
    client.write(0, headersFrame(get).subarray(0, 5))
    const post: Field[] = [[':method', 'POST'], ...get.slice(1, 3), [':path', '/echo'], ['content-length', '9']]
    client.write(4, Buffer.concat([headersFrame(post), dataHead(9), Buffer.from('half')]))
    await until(() => server.server.inFlight === 2)
    await until(() => server.server.inFlight === 0)
    expect(refused).toEqual(['timeout', 'timeout'])
    expect(client.isEnded()).toBe(false)
  })
})

withQuic('what breaks the protocol ends the connection with its code', () => {
  test.each<[string, [number, Buffer][], number]>([
    ['a message before SETTINGS', [[2, Buffer.of(0, 0, 0)]], 0x10a],
    [
      'DATA before HEADERS',
      [
        [2, control],
        [0, dataHead(0)],
      ],
      0x105,
    ],
    ['a field section that refers to a table that is not there', [[0, Buffer.of(1, 3, 0, 0, 0x80)]], 0x200],
    ['SETTINGS on a request', [[0, Buffer.of(4, 0)]], 0x105],
    ['an entry for a table that is not there', [[6, Buffer.of(2, 0x3f, 0xe1, 0x1f)]], 0x201],
    ['a push', [[6, Buffer.of(1)]], 0x103],
  ])('%s', async (_, said, code) => {
    await using server = await serveSurface()
    await using client = await rawClient(server.port)
    for (const [streamId, bytes] of said) client.write(streamId, bytes)
    expect(await client.ended).toBe(code)
    await until(() => server.server.sessions.size === 0)
  })

  test('a malformed request costs its stream alone', async () => {
    await using server = await serveSurface()
    await using client = await rawClient(server.port)
    client.write(2, control)
    client.write(0, headersFrame([...get, ['Connection', 'close']]), true)
    client.write(4, headersFrame(get), true)
    await until(() => server.server.answered === 1)
    expect([client.isEnded(), server.server.inFlight]).toEqual([false, 0])
  })
})
