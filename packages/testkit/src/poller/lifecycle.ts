import type { Connection } from '@qps/netpoll'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { open, serve } from './peer.ts'
import { type CallbackName, echo, type Reactions, type Recorder } from './recorder.ts'
import { pattern, sleep, type Subject, until } from './subject.ts'

const MiB = 1024 * 1024

export function testLifecycle(subject: Subject): void {
  testOrder(subject)
  testDestroy(subject)
  testPause(subject)
}

function testOrder({ create }: Subject): void {
  test('callbacks come in order on both ends: onOpen, onData, onEnd, onClose', async () => {
    await using poller = await create()
    using served = await serve(poller, { onEnd: ({ connection }) => connection.end() })
    const client = open(poller, served.listener, {
      onOpen: ({ connection }) => (connection.write(Buffer.from('hi')), connection.end()),
    })
    await until(() => client.closed && served.recorders[0]?.closed === true, 'both close')
    expect(client.calls).toEqual(['onOpen', 'onEnd', 'onClose'])
    expect(served.recorders[0]!.calls).toEqual(['onData', 'onEnd', 'onClose'])
    expect([client.error, served.recorders[0]!.error]).toEqual([undefined, undefined])
    expect(poller.stats).toMatchObject({ accepted: 1, connected: 1, open: 0 })
  })

  test('a peer that has ended still gets a mebibyte, then the end', async () => {
    await using poller = await create()
    using served = await serve(poller)
    const { peer, recorder } = await served.meet()
    peer.socket.end('bye')
    await until(() => recorder.calls.includes('onEnd'), 'onEnd')
    await sleep(20)
    expect(recorder.closed).toBe(false)
    const bytes = pattern(MiB)
    recorder.connection.write(bytes)
    recorder.connection.end()
    await until(() => peer.ended && recorder.closed, 'both ends')
    expect(peer.received.equals(bytes)).toBe(true)
    expect(recorder.calls).toEqual(['onData', 'onEnd', ...drains(recorder), 'onClose'])
    expect(recorder.error).toBeUndefined()
  })

  test('after end the peer may go on sending until it ends too', async () => {
    await using poller = await create()
    using served = await serve(poller)
    const { peer, recorder } = await served.meet()
    recorder.connection.write(Buffer.from('all of it'))
    recorder.connection.end()
    recorder.connection.end()
    await until(() => peer.ended, 'the end')
    const bytes = pattern(MiB)
    peer.socket.write(bytes)
    await until(() => recorder.connection.bytesRead === MiB, 'a mebibyte')
    expect(recorder.closed).toBe(false)
    peer.socket.end()
    await until(() => recorder.closed, 'onClose')
    expect(recorder.received.equals(bytes)).toBe(true)
    expect(recorder.calls).toEqual(['onData', 'onEnd', 'onClose'])
    expect(recorder.error).toBeUndefined()
  })

  test('nothing can be written behind end', async () => {
    await using poller = await create()
    using served = await serve(poller)
    const { peer, recorder } = await served.meet()
    recorder.connection.write(Buffer.from('last'))
    recorder.connection.end()
    expect(recorder.connection.write(Buffer.from('too late'))).toBe(false)
    expect(recorder.connection.reserve(10)).toBe(-1)
    await until(() => peer.ended, 'the end')
    expect(peer.received.toString()).toBe('last')
  })

  test('a reset by the peer is onClose with its error, and no onEnd', async () => {
    await using poller = await create()
    using served = await serve(poller)
    const { peer, recorder } = await served.meet()
    peer.socket.resetAndDestroy()
    await until(() => recorder.closed, 'onClose')
    expect(recorder.calls).toEqual(['onClose'])
    expect(recorder.error).toMatchObject({ code: 'ECONNRESET' })
    expect(recorder.connection.open).toBe(false)
  })

  test('a peer that vanishes while it is written to ends in onClose with an error', async () => {
    await using poller = await create()
    using served = await serve(poller)
    const { peer, recorder } = await served.meet()
    peer.socket.pause()
    recorder.connection.write(pattern(8 * MiB))
    await sleep(10)
    peer.socket.resetAndDestroy()
    await until(() => recorder.closed, 'onClose')
    // The kernel tells an error once: where the send has got it, reading only finds the end.
    expect(recorder.calls.filter((name) => name !== 'onEnd')).toEqual(['onClose'])
    expect(recorder.error).toBeInstanceOf(Error)
  })

  test('a refused connection is one onClose with its error', async () => {
    await using poller = await create()
    using served = await serve(poller)
    await served.listener.close()
    const recorder = open(poller, served.listener)
    recorder.connection.write(Buffer.from('never arrives'))
    await until(() => recorder.closed, 'onClose')
    expect(recorder.calls).toEqual(['onClose'])
    expect(recorder.error).toMatchObject({ code: 'ECONNREFUSED' })
    expect(poller.stats).toMatchObject({ connected: 0, open: 0 })
  })

  test('no callback is called from within a call', async () => {
    await using poller = await create({ highWaterBytes: 1_024, lowWaterBytes: 512 })
    using served = await serve(poller, echo)
    const client = open(poller, served.listener)
    expect(client.calls).toEqual([])
    await until(() => client.calls.includes('onOpen'), 'onOpen')
    const { connection } = client
    client.during(() => connection.pause())
    client.during(() => connection.resume())
    expect(client.during(() => connection.write(pattern(100_000)))).toBe(false)
    await until(() => client.calls.includes('onDrain') && connection.bytesRead === 100_000, 'onDrain and the echo')
    client.during(() => connection.write(Buffer.from('x')))
    client.during(() => connection.end())
    client.during(() => connection.destroy())
    const refused = open(poller, served.listener)
    refused.during(() => refused.connection.destroy())
    await until(() => client.closed && refused.closed, 'onClose')
    expect([...client.fromWithin, ...refused.fromWithin]).toEqual([])
  })

  test('close ends every connection with one onClose, and resolves behind the last', async () => {
    await using poller = await create()
    using served = await serve(poller)
    for (let count = 0; count < 5; count++) await served.meet()
    const clients = Array.from({ length: 5 }, () => open(poller, served.listener))
    await until(() => poller.stats.connected === 5 && served.recorders.length === 10, 'ten connections')
    const connecting = open(poller, served.listener)
    await poller.close()
    const all = [...clients, ...served.recorders, connecting]
    expect(all.map(({ calls }) => calls.filter((name) => name === 'onClose').length)).toEqual(all.map(() => 1))
    expect(all.map(({ error }) => error)).toEqual(all.map(() => undefined))
    expect(poller.stats.open).toBe(0)
    await poller.close()
  })
}

function testDestroy({ create }: Subject): void {
  test('destroy drops what was not sent and says onClose once, without an error', async () => {
    await using poller = await create()
    using served = await serve(poller)
    const { peer, recorder } = await served.meet()
    const { connection } = recorder
    peer.socket.pause()
    connection.write(pattern(16 * MiB))
    await sleep(10)
    connection.destroy()
    connection.destroy()
    connection.destroy(true)
    expect(connection.open).toBe(false)
    expect([connection.write(Buffer.from('x')), connection.reserve(1)]).toEqual([false, -1])
    connection.end()
    connection.pause()
    connection.resume()
    peer.socket.resume()
    await until(() => peer.closed || peer.ended, 'the peer sees the end')
    await until(() => recorder.closed, 'onClose')
    await sleep(10)
    expect(recorder.calls).toEqual(['onClose'])
    expect(recorder.error).toBeUndefined()
    expect(peer.bytes).toBeLessThan(16 * MiB)
  })

  test('destroy with a reset reaches the peer as one', async () => {
    await using poller = await create()
    using served = await serve(poller)
    const { peer, recorder } = await served.meet()
    recorder.connection.destroy(true)
    await until(() => peer.closed && recorder.closed, 'both close')
    expect(peer.errorCode).toBe('ECONNRESET')
    expect(recorder.error).toBeUndefined()
  })

  test('destroy before the connection stands', async () => {
    await using poller = await create()
    using served = await serve(poller)
    const recorder = open(poller, served.listener)
    recorder.connection.destroy(true)
    await until(() => recorder.closed, 'onClose')
    expect(recorder.calls).toEqual(['onClose'])
    expect(recorder.error).toBeUndefined()
  })

  const scenes: [CallbackName, (connection: Connection) => void][] = [
    ['onOpen', () => {}],
    ['onData', () => {}],
    ['onEnd', () => {}],
    ['onDrain', (connection) => connection.write(pattern(200_000))],
    ['onClose', (connection) => connection.destroy()],
  ]
  test.each(scenes)('destroy from inside %s: nothing follows but onClose', async (name, provoke) => {
    await using poller = await create({ highWaterBytes: 1_024, lowWaterBytes: 512, receiveBytes: 64 })
    // The other side talks at once, and ends.
    const other = createServer((socket) => {
      socket.on('error', () => {})
      socket.end(pattern(10_000))
      socket.resume()
    }).listen(0, '127.0.0.1')
    await until(() => other.listening, 'the other side listens')
    const reactions: Reactions = { [name]: (recorder: Recorder) => recorder.connection.destroy() }
    const { port } = other.address() as { port: number }
    const recorder = open(poller, { port, host: '127.0.0.1' } as Parameters<typeof open>[1], {
      ...reactions,
      ...(name === 'onOpen' ? {} : { onOpen: ({ connection }) => provoke(connection) }),
    })
    await until(() => recorder.closed, 'onClose')
    await sleep(10)
    other.close()
    expect(recorder.calls.filter((call) => call === name)).toHaveLength(1)
    expect(recorder.calls.slice(recorder.calls.indexOf(name) + (name === 'onClose' ? 0 : 1))).toEqual(['onClose'])
    if (name === 'onData') expect(recorder.received.length).toBeLessThanOrEqual(64)
    expect(recorder.error).toBeUndefined()
  })
}

function testPause({ create }: Subject): void {
  test('pause holds the peer back, resume reads on', async () => {
    await using poller = await create()
    using served = await serve(poller, {
      onData: ({ connection }) => {
        if (connection.bytesRead < 10_000) connection.pause()
      },
    })
    const { peer, recorder } = await served.meet()
    const bytes = pattern(24 * MiB)
    peer.socket.end(bytes)
    await until(() => recorder.connection.bytesRead > 0, 'the first bytes')
    await sleep(50)
    const { bytesRead } = recorder.connection
    await sleep(50)
    expect(recorder.connection.bytesRead).toBe(bytesRead)
    expect(bytesRead).toBeLessThan(MiB)
    // What the kernel does not take for us stays with the peer.
    expect(peer.socket.writableLength).toBeGreaterThan(0)
    recorder.connection.resume()
    await until(() => recorder.calls.includes('onEnd'), 'everything')
    expect(recorder.received.equals(bytes)).toBe(true)
  })

  test('paused before the first byte: nothing comes, not even the end, until resume', async () => {
    await using poller = await create()
    using served = await serve(poller)
    const recorder = open(poller, served.listener)
    recorder.connection.pause()
    await until(() => recorder.calls.includes('onOpen') && served.recorders.length === 1, 'it stands')
    served.recorders[0]!.connection.write(Buffer.from('hello'))
    served.recorders[0]!.connection.end()
    await sleep(50)
    expect(recorder.calls).toEqual(['onOpen'])
    recorder.connection.resume()
    recorder.connection.resume()
    await until(() => recorder.calls.includes('onEnd'), 'onEnd')
    expect(recorder.received.toString()).toBe('hello')
  })
}

/** `onDrain` comes or not: what was above the mark may be taken within the turn. */
function drains({ calls }: Recorder): CallbackName[] {
  return calls.filter((name) => name === 'onDrain')
}
