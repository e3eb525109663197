import { reserveBytesMax } from '@qps/netpoll'
import { seededRandom } from '@qps/core'
import { expect, test } from 'vitest'
import { open, serve } from './peer.ts'
import { echo, politeEcho } from './recorder.ts'
import { pattern, sleep, type Subject, until } from './subject.ts'

const MiB = 1024 * 1024

export function testTransfer({ create }: Subject): void {
  test('one byte comes back', async () => {
    await using poller = await create()
    using served = await serve(poller, echo)
    const { peer } = await served.meet()
    peer.socket.write('x')
    await until(() => peer.bytes === 1, 'the echo')
    expect(peer.received.toString()).toBe('x')
  })

  test('8 MiB come back unchanged, and no more waits than the high-water mark and what had arrived', async () => {
    const marks = { highWaterBytes: 65_536, lowWaterBytes: 8_192 }
    await using poller = await create({ ...marks, receiveBytes: 8_192, receiveBuffers: 16 })
    let pendingMax = 0
    using served = await serve(poller, {
      ...politeEcho,
      onData(recorder, bytes, start, end) {
        politeEcho.onData!(recorder, bytes, start, end)
        pendingMax = Math.max(pendingMax, recorder.connection.pendingBytes)
      },
    })
    const { peer, recorder } = await served.meet()
    const sent = pattern(8 * MiB)
    peer.socket.end(sent)
    await until(() => peer.closed, 'the whole echo')
    expect(peer.received.equals(sent)).toBe(true)
    // A paused connection still delivers what had arrived: at most every receive buffer of the poller.
    expect(pendingMax).toBeLessThanOrEqual(65_536 + 16 * 8_192)
    expect(recorder.connection.bytesRead).toBe(8 * MiB)
    expect(recorder.connection.bytesSent).toBe(8 * MiB)
    expect(poller.stats).toMatchObject({ bytesRead: 8 * MiB, bytesSent: 8 * MiB, accepted: 1 })
  })

  test('a peer that does not read: write says stop, onDrain comes when it reads, at the low-water mark', async () => {
    await using poller = await create({ highWaterBytes: 65_536, lowWaterBytes: 16_384 })
    const pendingAtDrain: number[] = []
    using served = await serve(poller, {
      onDrain: ({ connection }) => void pendingAtDrain.push(connection.pendingBytes),
    })
    const { peer, recorder } = await served.meet()
    const { connection } = recorder
    peer.socket.pause()
    const piece = pattern(256 * 1024)
    let written = 0
    for (let stalled = 0; stalled < 20; stalled++) {
      while (connection.pendingBytes <= 65_536) {
        connection.write(piece)
        written += piece.length
        stalled = 0
      }
      await sleep(5)
    }
    expect(connection.pendingBytes).toBeGreaterThan(65_536)
    expect(connection.bytesSent + connection.pendingBytes).toBe(written)
    expect(connection.write(piece)).toBe(false)
    written += piece.length
    const drains = pendingAtDrain.length
    await sleep(30)
    expect(pendingAtDrain).toHaveLength(drains)

    peer.socket.resume()
    await until(() => peer.bytes === written, 'everything arrives')
    await until(() => pendingAtDrain.length > drains, 'onDrain')
    expect(Math.max(...pendingAtDrain)).toBeLessThanOrEqual(16_384)
    expect(connection.pendingBytes).toBe(0)
    const wanted = Buffer.concat(Array.from({ length: written / piece.length }, () => piece))
    expect(peer.received.equals(wanted)).toBe(true)
  })

  test('reserved, small and large pieces leave in the order in which they were written', async () => {
    await using poller = await create()
    using served = await serve(poller)
    const { peer, recorder } = await served.meet()
    const { connection } = recorder
    const random = seededRandom(7)
    const written: Buffer[] = []
    for (let step = 0; step < 400; step++) {
      const kind = step % 4
      const bytes = pattern(kind === 3 ? 4_097 + Math.floor(random() * 60_000) : 1 + Math.floor(random() * 4_096), step)
      if (kind === 0) {
        const offset = connection.reserve(bytes.length)
        connection.output.set(bytes, offset)
        connection.commit(offset + bytes.length)
      } else connection.write(bytes)
      written.push(bytes)
      if (random() < 0.1) await sleep(1)
    }
    connection.end()
    await until(() => peer.ended, 'the end')
    expect(peer.received.equals(Buffer.concat(written))).toBe(true)
  })

  test('only what was committed leaves, however much was reserved', async () => {
    await using poller = await create()
    using served = await serve(poller)
    const { peer, recorder } = await served.meet()
    const { connection } = recorder
    const put = (text: string, bytes = reserveBytesMax): number => {
      const offset = connection.reserve(bytes)
      connection.output.set(Buffer.from(text), offset)
      return offset
    }
    put('never')
    connection.commit(put('one,') + 4)
    put('nor this')
    connection.write(Buffer.from('two,'))
    connection.commit(put('three,and more') + 6)
    connection.commit(put('nothing'))
    put('left uncommitted')
    await until(() => peer.bytes === 14, 'what was committed')
    connection.write(Buffer.from('next turn'))
    connection.end()
    await until(() => peer.ended, 'the end')
    expect(peer.received.toString()).toBe('one,two,three,next turn')
  })

  test('a piece of up to 4096 bytes may change as soon as it is written', async () => {
    await using poller = await create()
    using served = await serve(poller)
    const { peer, recorder } = await served.meet()
    const piece = Buffer.alloc(4_096, 'a')
    recorder.connection.write(piece)
    piece.fill('b')
    await until(() => peer.bytes === 4_096, 'the piece')
    expect(peer.received.equals(Buffer.alloc(4_096, 'a'))).toBe(true)
  })

  test('what a turn writes leaves at once: a hundred writes are a few moves', async () => {
    let submitted = 0
    await using poller = await create({ trace: (step, count) => (submitted += step === 'submit' ? count : 0) })
    using served = await serve(poller, {
      onData({ connection }) {
        for (let count = 0; count < 100; count++) connection.write(Buffer.from('twenty bytes of text'))
      },
    })
    const { peer } = await served.meet()
    const before = submitted
    const callsBefore = poller.stats.systemCalls
    for (let round = 1; round <= 5; round++) {
      peer.socket.write('x')
      await until(() => peer.bytes === round * 2_000, 'the answer')
    }
    const { systemCalls } = poller.stats
    // Where the backend counts its system calls they are the better figure.
    const moves = systemCalls > 0 ? systemCalls - callsBefore : submitted - before
    expect(moves).toBeGreaterThan(0)
    expect(moves).toBeLessThanOrEqual(50)
  })

  test('what is written before the connection stands leaves when it does', async () => {
    await using poller = await create()
    using served = await serve(poller, echo)
    const early = pattern(100_000)
    const recorder = open(poller, served.listener)
    recorder.connection.write(early.subarray(0, 3_000))
    recorder.connection.write(early.subarray(3_000))
    recorder.connection.end()
    await until(() => recorder.closed, 'the echo and the end')
    expect(recorder.received.equals(early)).toBe(true)
    expect(recorder.error).toBeUndefined()
  })

  test('forty connections with random patterns in random pieces: no byte of another', async () => {
    await using poller = await create({ highWaterBytes: 32_768, lowWaterBytes: 4_096, receiveBytes: 1_024 })
    using served = await serve(poller, politeEcho)
    const random = seededRandom(11)
    const exchanges = Array.from({ length: 40 }, async (_, index) => {
      const bytes = pattern(60_000 + Math.floor(random() * 60_000), index + 100)
      const recorder = open(poller, served.listener)
      for (let at = 0; at < bytes.length;) {
        const end = Math.min(bytes.length, at + 1 + Math.floor(random() * 9_000))
        recorder.connection.write(bytes.subarray(at, end))
        at = end
        if (random() < 0.3) await sleep(1)
      }
      recorder.connection.end()
      await until(() => recorder.closed, `echo ${index}`, 10_000)
      return recorder.received.equals(bytes)
    })
    expect(await Promise.all(exchanges)).toEqual(exchanges.map(() => true))
  })

  test('a poller whose output memory is used up still sends everything', async () => {
    await using poller = await create({ outputBytesMax: 65_536, highWaterBytes: 1_024, lowWaterBytes: 512 })
    using served = await serve(poller, politeEcho)
    const bytes = pattern(50_000)
    const recorders = Array.from({ length: 20 }, () => open(poller, served.listener))
    for (const { connection } of recorders) {
      for (let at = 0; at < bytes.length; at += 2_500) connection.write(bytes.subarray(at, at + 2_500))
      connection.end()
    }
    await until(() => recorders.every(({ closed }) => closed), 'all echoes', 10_000)
    expect(recorders.map(({ received }) => received.equals(bytes))).toEqual(recorders.map(() => true))
  })
}
