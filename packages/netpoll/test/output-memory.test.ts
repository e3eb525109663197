import { createPoller } from '@qps/netpoll'
import { describe, expect, test } from 'vitest'
import type { KernelPoller } from '../src/kernel/kernel-poller.ts'
import { client, echo, kernelBackends, pattern, sleep, until, Witness, witnessed } from './support.ts'

/** One block only. */
const outputBytesMax = 16 * 1024

describe.each(kernelBackends)('output memory of %s that is used up', (backend) => {
  const create = (bytes = outputBytesMax): KernelPoller =>
    createPoller({ backend, outputBytesMax: bytes }) as KernelPoller

  test('a long piece and a short one behind it leave by the only block', async () => {
    await using poller = create()
    const { port } = await poller.listen({ port: 0 }, echo)
    const witness = witnessed(poller, port)
    const [long, short] = [pattern(5_000, 1), pattern(10, 2)]
    witness.connection.write(long)
    witness.connection.write(short)
    witness.connection.end()
    await until(() => witness.closed === 1, 'the echo')
    expect(witness.received.equals(Buffer.concat([long, short]))).toBe(true)
  })

  test('pieces that many connections write in turns do not wait for each other', async () => {
    await using poller = create(4 * outputBytesMax)
    const all = poller.blocks.free
    const { port } = await poller.listen({ port: 0 }, echo)
    const witnesses = Array.from({ length: 30 }, () => witnessed(poller, port))
    await until(() => witnesses.every(({ opened }) => opened), 'all stand')
    for (let step = 0; step < 20; step++) {
      for (const [index, { connection }] of witnesses.entries()) {
        connection.reserve(4_096)
        connection.write(pattern(step % 2 === 0 ? 9_000 : 700, index * 20 + step))
      }
      if (step % 5 === 0) await sleep(1)
    }
    for (const { connection } of witnesses) connection.end()
    await until(() => witnesses.every(({ closed }) => closed === 1), 'all echoes')
    for (const [index, { received }] of witnesses.entries()) {
      const sent = Array.from({ length: 20 }, (_, step) => pattern(step % 2 === 0 ? 9_000 : 700, index * 20 + step))
      expect(received.equals(Buffer.concat(sent))).toBe(true)
    }
    expect(poller.blocks.free).toBe(all)
  })

  test('what is written behind an uncommitted reserve leaves', async () => {
    await using poller = create(4 * outputBytesMax)
    const all = poller.blocks.free
    const { port } = await poller.listen({ port: 0 }, echo)
    const witness = witnessed(poller, port)
    const pieces = [pattern(4_096, 1), pattern(4_096, 2), pattern(4_096, 3), pattern(4_000, 4), pattern(9_000, 5)]
    for (const piece of pieces.slice(0, 4)) witness.connection.write(piece)
    witness.connection.reserve(4_096)
    witness.connection.write(pieces[4]!)
    await until(() => witness.received.length === 25_288, 'the echo')
    expect(witness.received.equals(Buffer.concat(pieces))).toBe(true)
    witness.connection.reserve(100)
    await until(() => poller.blocks.free === all, 'a reserve that was never committed holds no block')
  })

  test('slow readers keep it, others wait; they go on as soon as one is gone', async () => {
    await using poller = create(2 * outputBytesMax + 4096)
    const handlers: Witness[] = []
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      const witness = new Witness()
      witness.connection = connection
      handlers.push(witness)
      return witness
    })
    const slow = [await client(port), await client(port)]
    await until(() => handlers.length === 2, 'both stand')
    for (const socket of slow) socket.pause()
    for (const { connection } of handlers) connection.write(new Uint8Array(16 * 1024 * 1024))
    let sent = -1
    while (sent < poller.stats.bytesSent) {
      sent = poller.stats.bytesSent
      await sleep(100)
    }
    expect(poller.blocks.free).toBe(0)
    const others = [await client(port), await client(port), await client(port)]
    await until(() => handlers.length === 5, 'the others stand')
    let got = 0
    for (const socket of others) socket.on('data', (bytes) => (got += bytes.length))
    for (const { connection } of handlers.slice(2)) connection.write(new Uint8Array(100_000))
    await sleep(30)
    expect(got).toBe(0)
    expect(poller.stats.outputStarved).toBeGreaterThanOrEqual(3)
    // The first in the queue goes before it got anything: its turn passes on to the next.
    handlers[2]!.connection.destroy()
    slow[0]!.destroy()
    await until(() => got === 200_000, 'the two others are served')
    // And the other slow one still gets all of its own.
    let late = 0
    slow[1]!.on('data', (bytes) => (late += bytes.length)).resume()
    await until(() => late === 16 * 1024 * 1024, 'the slow one reads everything')
    for (const socket of [...slow, ...others]) socket.destroy()
  })

  test('reserve and commit beyond their bounds throw: there lies the output of another', async () => {
    await using poller = create(4 * outputBytesMax)
    const { port } = await poller.listen({ port: 0 }, echo)
    const { connection } = witnessed(poller, port)
    expect(() => connection.reserve(4_097)).toThrow('reserve takes 1 to 4096 bytes')
    const at = connection.reserve(10)
    expect(() => connection.commit(at + 16 * 1024 + 1)).toThrow('commit needs a reserve')
    expect(() => connection.commit(at - 1)).toThrow('commit needs a reserve')
  })

  test('commit without a reserve, or behind the end of its turn, throws: there lies the output of another', async () => {
    await using poller = create(4 * outputBytesMax)
    const all = poller.blocks.free
    const { port } = await poller.listen({ port: 0 }, echo)
    const witness = witnessed(poller, port)
    const { connection } = witness
    await until(() => witness.opened, 'it stands')
    for (const end of [0, 1, 100]) expect(() => connection.commit(end)).toThrow('commit needs a reserve')
    const at = connection.reserve(10)
    connection.output.fill(1, at, at + 10)
    await until(() => poller.blocks.free === all, 'the turn is over, and the block with it')
    expect(() => connection.commit(at + 10)).toThrow('commit needs a reserve')
    expect(connection.pendingBytes).toBe(0)
  })

  test('what is reserved before the connection stands, and never committed, holds no block then', async () => {
    await using poller = create(4 * outputBytesMax)
    const all = poller.blocks.free
    const { port } = await poller.listen({ port: 0 }, echo)
    const witness = witnessed(poller, port)
    witness.connection.reserve(10)
    expect(poller.blocks.free).toBe(all - 1)
    await until(() => witness.opened, 'it stands')
    await until(() => poller.blocks.free === all, 'the block is back', 1_000)
  })
})
