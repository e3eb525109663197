import { once } from 'node:events'
import { connect as connectHttp2, createSecureServer as createHttp2 } from 'node:http2'
import type { IncomingMessage } from 'node:http'
import { createServer as createHttps, get } from 'node:https'
import { connect, type Socket } from 'node:net'
import { createServer, type Server } from 'node:tls'
import { ManualClock } from '@qps/core'
import {
  closeStalledHandshakes,
  countHandshakes,
  createFront,
  HandshakeGate,
  rotateTicketKeys,
  secureContextOptions,
  SessionStore,
  TicketKeys,
  type TlsFront,
  type TlsFrontOptions,
} from '@qps/tls'
import { describe, expect, test } from 'vitest'
import { authority, closed, helloOf, localhost, only, portOf, shake, versions } from './handshakes.ts'

interface Fronted extends AsyncDisposable {
  front: TlsFront
  port: number
}

async function fronted(server: Server, options: TlsFrontOptions = {}): Promise<Fronted> {
  const front = createFront(server, options)
  const port = await portOf(front.server)
  return {
    front,
    port,
    async [Symbol.asyncDispose]() {
      front[Symbol.dispose]()
      await closed(front.server)
    },
  }
}

const hourMs = 3_600_000
const answering = (options: object = secureContextOptions(localhost)): Server =>
  createServer(options, (socket) => socket.on('error', () => {}).end('.'))

describe.each(versions)('%s: tickets over slots', (version) => {
  test.each([false, true])(
    'of this slot and the one before resume, older ones do not (session store: %s)',
    async (stored) => {
      const clock = new ManualClock()
      const tickets = new TicketKeys({ secret: Buffer.alloc(32, 5), clock })
      const server = answering(secureContextOptions({ ...localhost, tickets }))
      if (stored) new SessionStore().attach(server)
      using _rotation = rotateTicketKeys(server, tickets)
      await using listening = await fronted(server, { tickets })
      const { session } = await shake(listening.port, only(version))
      const resumed: boolean[] = []
      for (let slots = 0; slots < 3; slots++) {
        resumed.push((await shake(listening.port, { ...only(version), session: session! })).resumed)
        // A handshake in between is written with the current keys, whatever came before it.
        const fresh = await shake(listening.port, only(version))
        resumed.push((await shake(listening.port, { ...only(version), session: fresh.session! })).resumed)
        clock.advance(hourMs)
      }
      expect(resumed).toEqual([true, true, true, true, false, true])
      expect(listening.front.stats()).toMatchObject({ neighbors: 1, silent: 0 })
    },
  )

  test.each([false, true])('clients of both slots at once resume all (session store: %s)', async (stored) => {
    const clock = new ManualClock()
    const tickets = new TicketKeys({ secret: Buffer.alloc(32, 5), clock })
    const server = answering(secureContextOptions({ ...localhost, tickets }))
    if (stored) new SessionStore().attach(server)
    using _rotation = rotateTicketKeys(server, tickets)
    using counter = countHandshakes(server)
    await using listening = await fronted(server, { tickets, gate: new HandshakeGate({ perTurnMax: 3 }) })
    const before = await shake(listening.port, only(version))
    clock.advance(hourMs)
    const after = await shake(listening.port, only(version))
    const sessions = Array.from({ length: 30 }, (_, index) => (index % 3 === 0 ? before : after).session!)
    await Promise.all(sessions.map((session) => shake(listening.port, { ...only(version), session })))
    expect(counter.counts()).toMatchObject({ full: 2, resumed: 30 })
    expect(listening.front.stats().neighbors).toBe(10)
    expect((server as Server & { getTicketKeys(): Buffer }).getTicketKeys()).toEqual(tickets.current())
  })

  test('without a front, the slot before is a full handshake', async () => {
    const clock = new ManualClock()
    const tickets = new TicketKeys({ secret: Buffer.alloc(32, 5), clock })
    const server = answering(secureContextOptions({ ...localhost, tickets }))
    using _rotation = rotateTicketKeys(server, tickets)
    const port = await portOf(server)
    const { session } = await shake(port, only(version))
    clock.advance(hourMs)
    expect((await shake(port, { ...only(version), session: session! })).resumed).toBe(false)
    await closed(server)
  })
})

test('servers of node:https and node:http2 work behind it', async () => {
  const https = createHttps(secureContextOptions(localhost), (_, response) => response.end('1'))
  const http2 = createHttp2(secureContextOptions({ ...localhost, alpn: ['h2'] }), (_, response) => response.end('2'))
  await using first = await fronted(https)
  await using second = await fronted(http2)
  const [response] = (await once(get({ port: first.port, ca: authority.cert, agent: false }), 'response')) as [
    IncomingMessage,
  ]
  expect(response.resume().statusCode).toBe(200)
  const session = connectHttp2(`https://localhost:${second.port}`, { ca: authority.cert })
  const stream = session.request()
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
  expect(headers[':status']).toBe(200)
  stream.resume()
  session.close()
  await once(session, 'close')
})

test('a hello may come in any pieces', async () => {
  await using listening = await fronted(answering())
  const bytes = await helloOf()
  const socket = connect(listening.port, '127.0.0.1').setNoDelay()
  for (const end of [1, 4, 6, 200]) {
    socket.write(bytes.subarray(socket.bytesWritten, end))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  socket.write(bytes.subarray(socket.bytesWritten))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  // A handshake record with a ServerHello in it (RFC 8446, 5.1 and 4).
  expect([answer[0], answer[5]]).toEqual([22, 2])
  socket.destroy()
})

test('a burst: no more handshakes than the gate admits, all served in the end, every place given up', async () => {
  const gate = new HandshakeGate({ activeMax: 3, perTurnMax: 1 })
  const server = answering()
  using counter = countHandshakes(server)
  await using listening = await fronted(server, { gate })
  await Promise.all(Array.from({ length: 20 }, () => shake(listening.port)))
  expect(counter.counts().full).toBe(20)
  expect(gate.stats()).toMatchObject({ active: 0, waiting: 0, begun: 20, refusedFull: 0 })
  expect(gate.stats().activePeak).toBeLessThanOrEqual(3)
})

test('beyond the queue connections are closed, and a handshake that fails gives its place up', async () => {
  const gate = new HandshakeGate({ activeMax: 1, waitingMax: 0 })
  await using listening = await fronted(answering(), { gate })
  const stuck = await begun(listening.port)
  await expect(shake(listening.port)).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(gate.stats()).toMatchObject({ active: 1, refusedFull: 1 })
  const gone = once(stuck, 'close')
  stuck.write('nonsense')
  await gone
  expect((await shake(listening.port)).resumed).toBe(false)
  await expect(shake(listening.port, { ...only('TLSv1.2'), ciphers: 'AES128-SHA' })).rejects.toThrow()
  expect((await shake(listening.port)).resumed).toBe(false)
  const vanished = await begun(listening.port)
  vanished.destroy()
  await expect.poll(() => gate.stats().active).toBe(0)
})

test('who stops in the middle of a handshake keeps its place for the time of a handshake, no longer', async () => {
  const gate = new HandshakeGate({ activeMax: 1 })
  const server = answering(secureContextOptions({ ...localhost, handshakeTimeoutMs: 200 }))
  await using listening = await fronted(server, { gate })
  const stuck = await begun(listening.port)
  const gone = once(stuck, 'close')
  const next = shake(listening.port)
  await expect.poll(() => gate.stats()).toMatchObject({ active: 1, waiting: 1 })
  await gone
  expect((await next).resumed).toBe(false)
})

test('a server without a front leaves a stalled handshake open, unless it is told to close it', async () => {
  const server = answering(secureContextOptions({ ...localhost, handshakeTimeoutMs: 100 }))
  const port = await portOf(server)
  const told = (): Promise<unknown> => once(server, 'tlsClientError')
  const stock = await begun(port)
  await told()
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(stock.readyState).toBe('open')
  stock.destroy()

  using _closing = closeStalledHandshakes(server)
  const closing = await begun(port)
  const [[error]] = (await Promise.all([told(), once(closing, 'close')])) as [[Error], unknown]
  expect(error.message).toBe('TLS handshake timeout')
  await closed(server)
})

test('the alert of a refusal reaches the client through the front', async () => {
  await using listening = await fronted(answering(secureContextOptions({ ...localhost, alpn: ['h2'] })))
  const refused = shake(listening.port, { ALPNProtocols: ['http/1.1'] })
  await expect(refused).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' })
})

test('who sends no hello is closed in time, holds no place, and does not keep others out', async () => {
  const clock = new ManualClock()
  const gate = new HandshakeGate({ activeMax: 1, waitingMax: 0 })
  await using listening = await fronted(answering(), { clock, gate, silentMax: 2, helloTimeoutMs: 1000 })
  const silent: Promise<unknown>[] = []
  for (let opened = 0; opened < 3; opened++) {
    const socket = connect(listening.port, '127.0.0.1')
      .on('error', () => {})
      .resume()
    silent.push(once(socket, 'close'))
    await once(socket, 'connect')
    socket.write(Buffer.of(22, 3))
    await expect.poll(() => listening.front.stats().silent + listening.front.stats().silentClosed).toBe(opened + 1)
  }
  await silent[0]
  expect(listening.front.stats()).toMatchObject({ silent: 2, silentClosed: 1 })
  clock.advance(1250)
  await Promise.all(silent)
  expect(listening.front.stats()).toMatchObject({ silent: 0, silentClosed: 3 })
  expect((await shake(listening.port)).resumed).toBe(false)
  expect(gate.stats().begun).toBe(1)
})

/** A connection whose handshake has begun and will not go on by itself. */
async function begun(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  socket.write(await helloOf())
  await once(socket, 'data')
  return socket
}
