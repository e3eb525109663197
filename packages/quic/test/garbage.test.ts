import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { seededRandom } from '@qps/core'
import { quicLimits } from '@qps/quic'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { clientConfig } from '../src/binding/config.ts'
import { loadQuiche } from '../src/binding/load.ts'
import { RetryTokens } from '../src/transport/retry-token.ts'
import { ask, authority, connect, pause, rawClient, serveSurface, until, withQuic } from './support.ts'

const random = seededRandom(7)
const randomBytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)))

/** The first datagram of a client that means it. */
function initial(serverPort: number, localPort: number): Buffer {
  const config = clientConfig(authority.cert, quicLimits, false)
  const local = { host: '127.0.0.1', port: localPort }
  const peer = { host: '127.0.0.1', port: serverPort }
  const raw = loadQuiche().Connection.connect('localhost', randomBytes(16), local, peer, config)
  const datagram = Buffer.alloc(quicLimits.datagramBytesMax)
  return datagram.subarray(0, raw.send(datagram)![0])
}

withQuic('what comes over UDP and is no QUIC', () => {
  let socket: Socket
  const answers: Buffer[] = []
  beforeEach(async () => {
    answers.length = 0
    socket = createSocket('udp4')
    socket.on('message', (datagram) => answers.push(datagram))
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
  })
  afterEach(() => socket.close())
  /** Copied: the socket reads it later. */
  const send = (port: number, datagram: Buffer): void => socket.send(Buffer.from(datagram), port, '127.0.0.1')

  test('is dropped without an answer, and a bystander does not notice', async () => {
    await using server = await serveSurface()
    await using client = await connect(server.port)
    await ask(client, { path: '/' })
    const sample = initial(server.port, socket.address().port)
    for (let round = 0; round < 1000; round++) {
      send(server.port, randomBytes(Math.floor(random() * 1400)))
      // A short header, for somebody who is not there.
      send(server.port, Buffer.concat([Buffer.of(0x40), randomBytes(40)]))
      // An Initial that is cut anywhere.
      send(server.port, sample.subarray(0, Math.floor(random() * 1199)))
      if (round % 50 === 0) expect((await ask(client, { path: '/' })).status).toBe(200)
    }
    expect((await ask(client, { path: '/' })).status).toBe(200)
    expect(server.server.endpoint.connections).toBe(1)
    // Random bytes that look like a long header of an unknown version, and are long enough, are answered with the versions there are.
    for (const answer of answers) expect([answer[0]! & 0x80, answer.readUInt32BE(1)]).toEqual([0x80, 0])
  })

  test('for a client that is there, from anywhere, does not end its connection', async () => {
    await using server = await serveSurface()
    await using client = await connect(server.port)
    await ask(client, { path: '/' })
    for (let round = 0; round < 500; round++) {
      // To the client's own port, with whatever ids.
      socket.send(randomBytes(60), client.local.port, '127.0.0.1')
    }
    await pause(20)
    expect((await ask(client, { path: '/' })).status).toBe(200)
  })

  test('Initial packets with one bit changed begin nothing that lasts', async () => {
    await using server = await serveSurface({ limits: { handshakeTimeoutMs: 200, sweepMs: 20 } })
    for (let round = 0; round < 200; round++) {
      const datagram = initial(server.port, socket.address().port)
      datagram[Math.floor(random() * datagram.length)]! ^= 1 << Math.floor(random() * 8)
      send(server.port, datagram)
    }
    await pause(50)
    await until(() => server.server.endpoint.connections === 0)
    await using client = await connect(server.port)
    expect((await ask(client, { path: '/' })).status).toBe(200)
  })

  test('an unknown version is answered with those that there are; version 0, and anything short, with nothing', async () => {
    await using server = await serveSurface()
    const datagram = initial(server.port, socket.address().port)
    datagram.writeUInt32BE(0, 1)
    send(server.port, datagram)
    datagram.writeUInt32BE(0x1a2a3a4a, 1)
    send(server.port, datagram.subarray(0, 1199))
    send(server.port, datagram)
    await until(() => answers.length > 0)
    await pause(20)
    expect(answers.length).toBe(1)
    const [answer] = answers
    // No version, then the ids the other way round, then what is spoken.
    expect(answer!.readUInt32BE(1)).toBe(0)
    expect(answer!.subarray(6, 22)).toEqual(datagram.subarray(7 + datagram[5]!, 23 + datagram[5]!))
    const versions = answer!.subarray(-4 * Math.floor((answer!.length - 7 - 16 - datagram[5]!) / 4))
    expect(versions.includes(Buffer.of(0, 0, 0, 1))).toBe(true)
    expect(server.server.endpoint.connections).toBe(0)
  })

  test('a token of Retry that is forged, stolen or old begins nothing', async () => {
    const here = { host: '127.0.0.1', port: 5 }
    const tokens = new RetryTokens(1000)
    const id = randomBytes(8)
    const token = tokens.make(id, here, 50)
    expect(tokens.open(token, here, 1050)).toEqual(id)
    expect(tokens.open(token, here, 1051)).toBeUndefined()
    expect(tokens.open(token, { ...here, port: 6 }, 50)).toBeUndefined()
    expect(new RetryTokens(1000).open(token, here, 50)).toBeUndefined()
    for (let at = 0; at < token.length; at++) {
      const forged = Buffer.from(token)
      forged[at]! ^= 1
      expect(tokens.open(forged, here, 50)).toBeUndefined()
      expect(tokens.open(token.subarray(0, at), here, 50)).toBeUndefined()
    }
  })

  test('any bytes on any streams end their own connection at most', { timeout: 30_000 }, async () => {
    await using server = await serveSurface()
    await using bystander = await connect(server.port)
    for (let round = 0; round < 100; round++) {
      await using client = await rawClient(server.port)
      for (const streamId of [0, 4, 2, 6, 10]) {
        // Half of them begin like something: a control stream, a request, QPACK's.
        const start = random() < 0.5 ? [0, 4, 0] : [Math.floor(random() * 4)]
        const rest = randomBytes(Math.floor(random() * 60))
        client.write(streamId, Buffer.concat([Buffer.from(start), rest]), random() < 0.3)
      }
      if (round % 10 === 0) expect((await ask(bystander, { path: '/' })).status).toBe(200)
    }
    expect((await ask(bystander, { path: '/' })).status).toBe(200)
  })

  test('a hundred clients that say nothing but hello are asked to show where they are, and cost no memory until then', async () => {
    await using server = await serveSurface({ limits: { handshakesFreeMax: 10 } })
    for (let round = 0; round < 100; round++) send(server.port, initial(server.port, socket.address().port))
    await until(() => server.server.endpoint.retried === 90)
    expect(server.server.endpoint.connections).toBe(10)
    await using client = await connect(server.port)
    expect((await ask(client, { path: '/' })).status).toBe(200)
  })
})
