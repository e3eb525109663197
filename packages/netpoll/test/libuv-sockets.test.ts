import type { Poller, PollerOptions } from '@qps/netpoll'
import diagnostics from 'node:diagnostics_channel'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { adopt } from '../src/libuv/adopt.ts'
import { createLibuvPoller } from '../src/libuv/index.ts'

async function create(options: PollerOptions = {}): Promise<Poller> {
  return createLibuvPoller(options, 'a test')
}

test('a turn’s output is one write of the socket, and none goes through its stream', async () => {
  await using poller = await create()
  const { port } = await poller.listen({ port: 0 }, (connection) => ({
    onData() {
      for (let count = 0; count < 100; count++) connection.write(Buffer.from('some text '))
      const offset = connection.reserve(10)
      connection.output.set(Buffer.from('and more'), offset)
      connection.commit(offset + 8)
    },
    onEnd: () => connection.end(),
    onClose() {},
  }))
  const peer = connect(port, '127.0.0.1')
  await once(peer, 'connect')
  const write = vi.spyOn(Socket.prototype, '_write')
  const writev = vi.spyOn(Socket.prototype, '_writev' as '_write')
  const throughStream = vi.spyOn(Socket.prototype, 'write')
  try {
    peer.write('x')
    const [answer] = (await once(peer, 'data')) as [Buffer]
    expect(answer.length).toBe(1_008)
    // Of the calls one is the peer's own.
    expect([write.mock.calls.length, writev.mock.calls.length, throughStream.mock.calls.length]).toEqual([2, 0, 1])
  } finally {
    vi.restoreAllMocks()
    peer.destroy()
  }
})

test('a server that cannot accept rests, and listens again at the same port', async () => {
  const servers: Server[] = []
  const note = (message: unknown): unknown => servers.push((message as { server: Server }).server)
  diagnostics.subscribe('tracing:net.server.listen:asyncStart', note)
  try {
    await using poller = await create()
    const { port } = await poller.listen({ port: 0 }, () => ({ onData() {}, onEnd() {}, onClose() {} }))
    servers[0]!.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }))
    expect(poller.stats.acceptPauses).toBe(1)
    const refused = connect(port, '127.0.0.1')
    await expect(once(refused, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    for (let tries = 0; poller.stats.accepted === 0 && tries < 100; tries++) {
      await sleep(10)
      connect(port, '127.0.0.1')
        .on('error', () => {})
        .on('connect', function (this: Socket) {
          this.destroy()
        })
    }
    expect(poller.stats.accepted).toBeGreaterThan(0)
    expect(servers).toHaveLength(2)
  } finally {
    diagnostics.unsubscribe('tracing:net.server.listen:asyncStart', note)
  }
})

test('a listener that is closed while it rests stays closed', async () => {
  const servers: Server[] = []
  const note = (message: unknown): unknown => servers.push((message as { server: Server }).server)
  diagnostics.subscribe('tracing:net.server.listen:asyncStart', note)
  try {
    await using poller = await create()
    const listener = await poller.listen({ port: 0 }, () => ({ onData() {}, onEnd() {}, onClose() {} }))
    servers[0]!.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }))
    await listener.close()
    await sleep(150)
    expect(servers).toHaveLength(1)
  } finally {
    diagnostics.unsubscribe('tracing:net.server.listen:asyncStart', note)
  }
})

test('where the handle is hidden the accepted socket is used as it came', async () => {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [shell] = (await once(server, 'connection')) as [Socket]
  const onread = { buffer: new Uint8Array(8), callback: () => true }
  expect(adopt(shell, onread, () => undefined)).toBe(shell)
  const socket = adopt(shell, onread)
  expect(socket).not.toBe(shell)
  expect(shell.destroyed).toBe(true)
  expect(socket.remotePort).toBe(peer.localPort)
  peer.destroy()
  socket.destroy()
  server.close()
  await once(server, 'close')
})

test('reserving and committing by the wrong measure are mistakes of the program', async () => {
  await using poller = await create()
  const { port } = await poller.listen({ port: 0 }, () => ({ onData() {}, onEnd() {}, onClose() {} }))
  const connection = poller.connect({ port }, { onData() {}, onEnd() {}, onClose() {} })
  expect(() => connection.reserve(0)).toThrow(/1 to 4096 bytes, not 0/)
  expect(() => connection.reserve(4_097)).toThrow(/not 4097/)
  expect(() => connection.commit(1)).toThrow(/reserve of the same turn/)
})

test('output beyond the memory’s bound is counted, and reading rests until it has left', async () => {
  await using poller = await create({ outputBytesMax: 16_384 })
  let reads = 0
  const { port } = await poller.listen({ port: 0 }, (connection) => ({
    onData() {
      reads++
      for (let count = 0; count < 20; count++) connection.write(Buffer.alloc(4_096))
    },
    onEnd: () => connection.end(),
    onClose() {},
  }))
  const peer = connect(port, '127.0.0.1')
  let received = 0
  peer.on('data', ({ length }: Buffer) => (received += length))
  for (let round = 1; round <= 3; round++) {
    peer.write('x')
    await vi.waitUntil(() => received >= round * 81_920, { timeout: 5_000, interval: 1 })
  }
  peer.end()
  await once(peer, 'close')
  expect(reads).toBe(3)
  expect(poller.stats.outputStarved).toBeGreaterThan(0)
})
