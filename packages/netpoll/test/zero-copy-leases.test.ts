import { type Connection, createPoller, probe } from '@qps/netpoll'
import { type DirectOutput, openDirectOutput, type SendMemory } from '@qps/netpoll/zero-copy'
import { readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { client, echo, pattern, sleep, until, Witness, witnessed } from './support.ts'

const mebibyte = 1024 * 1024

/** A peer that does not read, and what is sent to it. */
async function silentPeer(
  create: ReturnType<typeof createPoller>,
): Promise<{ peer: Socket; witness: Witness; port: number }> {
  const witness = new Witness()
  const { port } = await create.listen({ port: 0 }, (connection) => {
    if (witness.connection !== undefined) return echo(connection)
    witness.connection = connection
    return witness
  })
  const peer = await client(port)
  peer.pause()
  await until(() => witness.connection !== undefined, 'it stands')
  return { peer, witness, port }
}

function filled(direct: DirectOutput, length: number, seed: number): SendMemory {
  const memory = direct.memory(length)
  memory.bytes.set(pattern(length, seed))
  return memory
}

describe.skipIf(probe().io_uring !== undefined)('the lease of a zero-copy send', () => {
  test('lasts until the notification, not only until the result: then the bytes may change', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller)
    const memory = filled(direct, mebibyte, 1)
    const { peer, witness } = await silentPeer(poller)
    let freed = 0
    const send = (): boolean =>
      direct.send(witness.connection, memory, 0, mebibyte, 'send-zc', () => {
        freed++
        memory.bytes.fill(0)
      })
    send()
    await until(() => witness.connection.pendingBytes === 0, 'the kernel has taken everything')
    await sleep(50)
    expect([freed, memory.leases, direct.inFlight]).toEqual([0, 1, 1])
    const received: Buffer[] = []
    peer.on('data', (piece: Buffer) => received.push(piece)).resume()
    await until(() => freed === 1, 'the notification')
    await until(() => Buffer.concat(received).length === mebibyte, 'everything')
    expect(Buffer.concat(received).equals(pattern(mebibyte, 1))).toBe(true)
    expect([memory.leases, direct.inFlight]).toEqual([0, 0])
    peer.destroy()
  })

  test('of a copying send ends with its result: the kernel has its own copy, whatever is done to the bytes', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller)
    const memory = filled(direct, mebibyte, 1)
    const { peer, witness } = await silentPeer(poller)
    let freed = 0
    direct.send(witness.connection, memory, 0, mebibyte, 'send', () => {
      freed++
      memory.bytes.fill(0)
    })
    await until(() => freed === 1, 'the result')
    const received: Buffer[] = []
    peer.on('data', (piece: Buffer) => received.push(piece)).resume()
    await until(() => Buffer.concat(received).length === mebibyte, 'everything')
    expect(Buffer.concat(received).equals(pattern(mebibyte, 1))).toBe(true)
    peer.destroy()
  })

  test('outlasts the connection: onClose does not wait for it, another may have the slot, and it ends with the peer', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller)
    const memory = filled(direct, mebibyte, 1)
    const { peer, witness, port } = await silentPeer(poller)
    direct.send(witness.connection, memory, 0, mebibyte, 'send-zc')
    await until(() => witness.connection.pendingBytes === 0, 'the kernel has taken everything')
    witness.connection.destroy()
    await until(() => witness.closed === 1, 'onClose')
    expect(memory.leases).toBe(1)
    const next = Array.from({ length: 5 }, () => witnessed(poller, port))
    for (const [index, { connection }] of next.entries()) connection.write(pattern(5_000, index))
    await until(() => next.every(({ received }) => received.length === 5_000), 'the echoes')
    const received: Buffer[] = []
    peer.on('data', (piece: Buffer) => received.push(piece)).resume()
    await until(() => memory.leases === 0, 'the notification')
    await until(() => Buffer.concat(received).length === mebibyte, 'everything')
    expect(Buffer.concat(received).equals(pattern(mebibyte, 1))).toBe(true)
    for (const [index, { connection, received: echoed }] of next.entries()) {
      expect(echoed.equals(pattern(5_000, index))).toBe(true)
      connection.end()
    }
    await until(() => next.every(({ closed }) => closed === 1), 'all are closed')
    peer.destroy()
  })

  test('ends with a reset of ours, whatever the peer does', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller)
    const memory = filled(direct, mebibyte, 1)
    const { peer, witness } = await silentPeer(poller)
    for (let count = 0; count < 8; count++) direct.send(witness.connection, memory, 0, mebibyte, 'send-zc-fixed')
    await until(() => witness.connection.bytesSent > 0, 'the first are on their way')
    witness.connection.destroy(true)
    await until(() => witness.closed === 1 && memory.leases === 0, 'the leases come back')
    peer.destroy()
  })

  test('keeps released memory, until it comes back', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller, { memoryBytesMax: mebibyte })
    const memory = filled(direct, mebibyte, 1)
    const { peer, witness } = await silentPeer(poller)
    direct.send(witness.connection, memory, 0, mebibyte, 'send-zc')
    memory.release()
    expect(() => direct.memory(1)).toThrow(expect.objectContaining({ code: 'QPS_MEMORY' }))
    const received: Buffer[] = []
    peer.on('data', (piece: Buffer) => received.push(piece)).resume()
    await until(() => Buffer.concat(received).length === mebibyte, 'everything')
    expect(Buffer.concat(received).equals(pattern(mebibyte, 1))).toBe(true)
    await until(() => memory.bytes.length === 0, 'the memory is gone')
    expect(direct.memory(mebibyte).leases).toBe(0)
    peer.destroy()
  })

  test('is bounded in number: what is beyond is copied', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller, { zeroCopySendsMax: 2 })
    const memory = filled(direct, mebibyte, 1)
    const peers = [await silentPeer(poller), await silentPeer(poller), await silentPeer(poller)]
    for (const { witness } of peers) direct.send(witness.connection, memory, 0, mebibyte, 'send-zc')
    await until(() => peers.every(({ witness }) => witness.connection.pendingBytes === 0), 'the kernel has taken all')
    expect(direct.stats).toMatchObject({ zeroCopySends: 2, copyingSends: 1, fallbacks: 1 })
    expect([direct.inFlight, memory.leases]).toEqual([2, 2])
    for (const { peer } of peers) peer.destroy()
    await until(() => memory.leases === 0, 'the leases come back')
    expect(direct.inFlight).toBe(0)
  })

  test('ends with the poller, which does not wait for it, and leaves no descriptor', async () => {
    const before = readdirSync('/proc/self/fd').length
    for (let round = 0; round < 5; round++) {
      const poller = createPoller({ backend: 'io_uring' })
      const direct = openDirectOutput(poller)
      const memory = filled(direct, mebibyte, 1)
      const { peer, witness } = await silentPeer(poller)
      let freed = 0
      for (let count = 0; count < 3; count++)
        direct.send(witness.connection, memory, 0, mebibyte, 'send-zc', () => freed++)
      await until(() => direct.inFlight > 0, 'one is in flight')
      await poller.close()
      expect([freed, memory.leases, memory.bytes.length, direct.inFlight]).toEqual([3, 0, 0, 0])
      memory.release()
      peer.destroy()
    }
    await until(() => readdirSync('/proc/self/fd').length <= before, 'all descriptors are closed')
  })

  test('connections that send in all ways, and end in all ways, meet nobody else’s bytes and leave no lease', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller, { zeroCopySendsMax: 20 })
    const sizes = [700, 16_384, 120_000]
    const methods = ['send', 'write-fixed', 'send-zc', 'send-zc-fixed'] as const
    const memories = sizes.map((size, index) => filled(direct, size, index))
    let left = 1_500
    let accepted = 0
    let wrong = 0
    const { port } = await poller.listen({ port: 0 }, (connection: Connection) => {
      const state = accepted++
      direct.send(connection, memories[state % 3]!, 0, sizes[state % 3]!, methods[state % 4]!)
      connection.write(pattern(5_000, 9))
      direct.send(connection, memories[(state + 1) % 3]!, 0, sizes[(state + 1) % 3]!, methods[(state + 2) % 4]!)
      if (state % 7 === 0) connection.destroy(state % 2 === 0)
      else if (state % 5 !== 0) connection.end()
      return { onData() {}, onEnd: () => connection.end(), onClose() {} }
    })
    const answers = sizes.map((_, index) =>
      Buffer.concat([
        pattern(sizes[index]!, index),
        pattern(5_000, 9),
        pattern(sizes[(index + 1) % 3]!, (index + 1) % 3),
      ]),
    )
    const run = async (): Promise<void> => {
      while (left-- > 0) {
        const witness = witnessed(poller, port)
        const kind = left % 11
        await until(() => witness.closed > 0 || witness.received.length > kind * 2_000, 'an answer')
        if (kind < 4) witness.connection.destroy(kind % 2 === 0)
        else witness.connection.end()
        await until(() => witness.closed > 0, 'onClose', 10_000)
        const { received } = witness
        if (!answers.some((answer) => answer.subarray(0, received.length).equals(received))) wrong++
      }
    }
    await Promise.all(Array.from({ length: 30 }, run))
    expect(wrong).toBe(0)
    await until(() => poller.stats.open === 0, 'all are closed')
    await until(() => memories.every(({ leases }) => leases === 0), 'all leases come back')
    expect(direct.inFlight).toBe(0)
    expect(direct.stats.notifications).toBe(direct.stats.zeroCopySends)
  }, 30_000)
})
