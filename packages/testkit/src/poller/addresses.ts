import { randomBytes } from 'node:crypto'
import { existsSync, unlinkSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConnectOptions, ListenOptions } from '@qps/netpoll'
import { describe, expect, test } from 'vitest'
import { connectPeer, open, serve } from './peer.ts'
import { echo, Recorder } from './recorder.ts'
import { type Subject, until } from './subject.ts'

export function testAddresses({ create }: Subject): void {
  test('port 0 gets a free port on 127.0.0.1, and the peer’s address is known, even when it is gone', async () => {
    await using poller = await create()
    using served = await serve(poller)
    expect(served.listener).toMatchObject({ host: '127.0.0.1', path: undefined })
    expect(served.listener.port).toBeGreaterThan(0)
    const { peer, recorder } = await served.meet()
    expect(recorder.connection.remoteAddress).toBe('127.0.0.1')
    expect(recorder.connection.remotePort).toBe(peer.socket.localPort)
    const client = open(poller, served.listener)
    await until(() => client.calls.includes('onOpen'), 'onOpen')
    expect([client.connection.remoteAddress, client.connection.remotePort]).toEqual(['127.0.0.1', served.listener.port])
    peer.socket.destroy()
    recorder.connection.destroy()
    await until(() => recorder.closed, 'onClose')
    expect(recorder.connection.remoteAddress).toBe('127.0.0.1')
  })

  const ipv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))
  test.skipIf(!ipv6)('IPv6, where this machine has ::1', async () => {
    await using poller = await create()
    using served = await serve(poller, echo, { host: '::1', port: 0 })
    const { peer, recorder } = await served.meet()
    peer.socket.write('six')
    await until(() => peer.bytes === 3, 'the echo')
    expect(recorder.connection.remoteAddress).toBe('::1')
    const client = open(poller, served.listener)
    await until(() => client.calls.includes('onOpen'), 'onOpen')
  })

  test('a closed listener refuses, what stands stays, and the port is free again', async () => {
    await using poller = await create()
    using served = await serve(poller, echo)
    const { peer } = await served.meet()
    const { listener } = served
    await Promise.all([listener.close(), listener.close()])
    await listener.close()
    const late = await connectPeer({ port: listener.port, host: '127.0.0.1' })
    await until(() => late.closed, 'the refusal')
    expect(late.errorCode).toBe('ECONNREFUSED')
    peer.socket.write('still here')
    await until(() => peer.bytes === 10, 'the echo')
    const again = await poller.listen({ port: listener.port }, () => new Recorder())
    expect(again.port).toBe(listener.port)
  })

  describe('unix sockets', () => {
    const socketPath = (): string => join(tmpdir(), `qps-${randomBytes(6).toString('hex')}.sock`)

    test('listen and connect', async () => {
      const path = socketPath()
      await using poller = await create()
      using served = await serve(poller, echo, { path })
      expect(served.listener).toMatchObject({ path, port: 0 })
      const { peer, recorder } = await served.meet()
      peer.socket.end('local')
      await until(() => peer.ended && recorder.closed, 'the echo')
      expect(peer.received.toString()).toBe('local')
      expect([recorder.connection.remoteAddress, recorder.connection.remotePort]).toEqual(['', 0])
      const client = open(poller, served.listener)
      client.connection.write(Buffer.from('x'))
      await until(() => client.received.length === 1, 'the echo to the poller')
      client.connection.destroy(true)
      await until(() => client.closed, 'onClose')
      expect(client.error).toBeUndefined()
      await served.listener.close()
      if (existsSync(path)) unlinkSync(path)
    })

    test('a path in use, and one where nobody listens', async () => {
      const path = socketPath()
      await using poller = await create()
      const listener = await poller.listen({ path }, () => new Recorder())
      await expect(poller.listen({ path }, () => new Recorder())).rejects.toMatchObject({ code: 'QPS_PORT_IN_USE' })
      await listener.close()
      if (existsSync(path)) unlinkSync(path)
      const recorder = new Recorder()
      poller.connect({ path }, recorder)
      await until(() => recorder.closed, 'onClose')
      expect(recorder.calls).toEqual(['onClose'])
      expect(recorder.error).toMatchObject({ code: 'ENOENT' })
    })
  })

  test('a port in use, and an address of another machine', async () => {
    await using poller = await create()
    const { port } = await poller.listen({ port: 0 }, () => new Recorder())
    const second = poller.listen({ port }, () => new Recorder())
    await expect(second).rejects.toMatchObject({ code: 'QPS_PORT_IN_USE', hint: expect.any(String) })
    // TEST-NET-1 (RFC 5737) belongs to nobody.
    const foreign = poller.listen({ host: '192.0.2.1', port: 0 }, () => new Recorder())
    await expect(foreign).rejects.toMatchObject({ code: 'QPS_ADDRESS_UNAVAILABLE', hint: expect.any(String) })
    expect(poller.stats.open).toBe(0)
  })

  const badEverywhere: [string, ListenOptions & ConnectOptions][] = [
    ['neither port nor path', {}],
    ['both port and path', { port: 8080, path: '/tmp/qps.sock' }],
    ['a name', { host: 'localhost', port: 8080 }],
    ['a port beyond 65535', { port: 65_536 }],
    ['a port that is no whole number', { port: 1.5 }],
    ['a path that is too long', { path: `/tmp/${'x'.repeat(103)}` }],
  ]
  test.each(badEverywhere)('%s is QPS_USAGE, in listen and in connect', async (_name, options) => {
    await using poller = await create()
    await expect(async () => poller.listen(options, () => new Recorder())).rejects.toMatchObject({ code: 'QPS_USAGE' })
    const recorder = new Recorder()
    expect(() => poller.connect(options, recorder)).toThrow(expect.objectContaining({ code: 'QPS_USAGE' }))
    expect(recorder.calls).toEqual([])
  })

  test('reusePort: two listeners share a port, and none without it', async () => {
    await using first = await create()
    await using second = await create()
    using one = await serve(first, echo, { port: 0, reusePort: true })
    const { port } = one.listener
    using two = await serve(second, echo, { port, reusePort: true })
    const without = first.listen({ port }, () => new Recorder())
    await expect(without).rejects.toMatchObject({ code: 'QPS_PORT_IN_USE' })
    const peers = await Promise.all(Array.from({ length: 40 }, () => connectPeer({ port, host: '127.0.0.1' })))
    await until(() => one.recorders.length + two.recorders.length === 40, 'all are accepted')
    for (const { socket } of peers) socket.destroy()
    // The kernel spreads by a hash of the addresses: that one gets all has a chance of 2 in 2^40.
    expect(Math.min(one.recorders.length, two.recorders.length)).toBeGreaterThan(0)
  })
}
