import { type Connection, type ConnectionHandler, createPoller, probe } from '@qps/netpoll'
import {
  type DirectOutput,
  openDirectOutput,
  probeFeatures,
  type SendMemory,
  sendMethods,
} from '@qps/netpoll/zero-copy'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { IoUringPoller } from '../src/io-uring/io-uring-poller.ts'
import { DirectOutput as Direct } from '../src/zero-copy/direct-output.ts'
import { client, kernelBackends, pattern, sleep, until, Witness, witnessed } from './support.ts'

const usable = probe().io_uring === undefined

/** Memory that holds a pattern. */
function filled(direct: DirectOutput, length: number, seed: number): SendMemory {
  const memory = direct.memory(length)
  memory.bytes.set(pattern(length, seed))
  return memory
}

/** A handler that is told of its connection, and listens to nothing. */
const silent = (connections: Connection[]) => {
  return (connection: Connection): ConnectionHandler => {
    connections.push(connection)
    return { onData() {}, onEnd: () => connection.end(), onClose() {} }
  }
}

describe.skipIf(!usable).each(sendMethods)('sending by %s', (method) => {
  test('bytes arrive in the order of the calls, between those that were written', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller)
    const sizes = [1, 100, 4_096, 16_384, 40_000, 300_000]
    const memories = sizes.map((size, index) => filled(direct, size, index))
    let freed = 0
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      for (const [index, memory] of memories.entries()) {
        connection.write(pattern(900 * index, 50 + index))
        direct.send(connection, memory, 0, memory.bytes.length, method, () => freed++)
        connection.write(pattern(3_000 * index, 70 + index))
      }
      connection.end()
      return { onData() {}, onEnd() {}, onClose() {} }
    })
    const witness = witnessed(poller, port)
    await until(() => witness.closed === 1, 'all has come')
    const expected = sizes.flatMap((size, index) => [
      pattern(900 * index, 50 + index),
      pattern(size, index),
      pattern(3_000 * index, 70 + index),
    ])
    expect(witness.received.equals(Buffer.concat(expected))).toBe(true)
    await until(() => freed === sizes.length, 'all leases come back')
    expect(memories.map(({ leases }) => leases)).toEqual(sizes.map(() => 0))
  })

  test('a part of the memory, and the same bytes to many at once', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller)
    const memory = filled(direct, 100_000, 1)
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      direct.send(connection, memory, 5_001, 60_003, method)
      connection.end()
      return { onData() {}, onEnd() {}, onClose() {} }
    })
    const witnesses = Array.from({ length: 40 }, () => witnessed(poller, port))
    await until(() => witnesses.every(({ closed }) => closed === 1), 'all are closed')
    const expected = pattern(100_000, 1).subarray(5_001, 60_003)
    expect(witnesses.filter(({ received }) => !received.equals(expected))).toEqual([])
    await until(() => memory.leases === 0, 'all leases come back')
  })

  test('a slow reader gets everything, and the writer is told to stop and to go on', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller)
    const memory = filled(direct, 4 * 1024 * 1024, 2)
    const length = memory.bytes.length
    let drains = 0
    const connections: Connection[] = []
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      connections.push(connection)
      return { onData() {}, onEnd() {}, onClose() {}, onDrain: () => drains++ }
    })
    const peer = await client(port)
    await until(() => connections.length === 1, 'it stands')
    const accepted = [0, 1, 2].map(() => direct.send(connections[0]!, memory, 0, length, method))
    expect(accepted).toEqual([false, false, false])
    expect(connections[0]!.pendingBytes).toBe(3 * length)
    const expected = Buffer.from(memory.bytes)
    let got = 0
    let wrong = 0
    peer.on('data', (piece: Buffer) => {
      for (let at = 0; at < piece.length;) {
        const from = (got + at) % length
        const until = Math.min(piece.length - at, length - from)
        if (!piece.subarray(at, at + until).equals(expected.subarray(from, from + until))) wrong++
        at += until
      }
      got += piece.length
      peer.pause()
      setTimeout(() => peer.resume(), 1)
    })
    await until(() => got === 3 * length, 'everything', 15_000)
    await until(() => memory.leases === 0, 'the leases come back')
    expect([wrong, drains, connections[0]!.pendingBytes]).toEqual([0, 1, 0])
    peer.destroy()
  })

  test('a peer that resets in the middle: onClose says why, and the leases come back', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller)
    const memory = filled(direct, 8 * 1024 * 1024, 3)
    const witness = new Witness()
    const { port } = await poller.listen({ port: 0 }, (connection) => ((witness.connection = connection), witness))
    const peer = await client(port)
    peer.pause()
    await until(() => witness.connection !== undefined, 'it stands')
    for (let count = 0; count < 4; count++) direct.send(witness.connection, memory, 0, memory.bytes.length, method)
    await sleep(50)
    expect(memory.leases).toBe(4)
    peer.resetAndDestroy()
    await until(() => witness.closed === 1, 'onClose')
    expect(['ECONNRESET', 'EPIPE']).toContain(witness.error?.code)
    await until(() => memory.leases === 0, 'the leases come back')
    expect(direct.inFlight).toBe(0)
    expect(direct.send(witness.connection, memory, 0, 1, method)).toBe(false)
  })

  test('on the smallest of rings, with bursts of connections: nothing is lost', async () => {
    await using poller = new IoUringPoller({}, 'a test', { submissions: 4, completions: 8 })
    const direct = openDirectOutput(poller)
    const memory = filled(direct, 50_000, 4)
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      connection.write(pattern(100, 5))
      direct.send(connection, memory, 0, 50_000, method)
      direct.send(connection, memory, 100, 20_000, method)
      connection.end()
      return { onData() {}, onEnd() {}, onClose() {} }
    })
    const witnesses = Array.from({ length: 100 }, () => witnessed(poller, port))
    await until(() => witnesses.every(({ closed }) => closed === 1), 'all are closed', 10_000)
    const expected = Buffer.concat([pattern(100, 5), pattern(50_000, 4), pattern(50_000, 4).subarray(100, 20_000)])
    const answered = witnesses.filter(({ error }) => error === undefined)
    expect(answered.length).toBeGreaterThan(50)
    expect(answered.filter(({ received }) => !received.equals(expected))).toEqual([])
    await until(() => memory.leases === 0, 'all leases come back')
  })
})

describe.skipIf(!usable)('what does not work everywhere', () => {
  test('loopback copies after all: every zero-copy send says so', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller)
    const memory = filled(direct, 16_384, 1)
    const connections: Connection[] = []
    const { port } = await poller.listen({ port: 0 }, silent(connections))
    const witness = witnessed(poller, port)
    await until(() => connections.length === 1, 'it stands')
    for (let count = 1; count <= 20; count++) {
      direct.send(connections[0]!, memory, 0, 16_384, 'send-zc')
      await until(() => witness.received.length === count * 16_384 && memory.leases === 0, 'it is over')
    }
    expect(direct.stats).toMatchObject({ zeroCopySends: 20, notifications: 20, copyingSends: 0, fallbacks: 0 })
    expect(direct.stats.copiedAfterAll).toBe(direct.features.reportsUsage ? 20 : 0)
  })

  test('a unix socket takes no zero-copy send: it is copied, and counted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'qps-zero-copy-'))
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller)
    const memory = filled(direct, 50_000, 1)
    const path = join(folder, 'socket')
    await poller.listen({ path }, (connection) => {
      direct.send(connection, memory, 0, 50_000, 'send-zc')
      direct.send(connection, memory, 0, 50_000, 'send-zc-fixed')
      connection.end()
      return { onData() {}, onEnd() {}, onClose() {} }
    })
    const pieces: Buffer[] = []
    for await (const piece of connect(path)) pieces.push(piece as Buffer)
    expect(Buffer.concat(pieces).equals(Buffer.concat([pattern(50_000, 1), pattern(50_000, 1)]))).toBe(true)
    expect(direct.stats).toMatchObject({ fallbacks: 2, copyingSends: 2 })
    await until(() => memory.leases === 0 && direct.inFlight === 0, 'all leases come back')
    rmSync(folder, { recursive: true })
  })

  test('a kernel without these operations: memory is copied, a file is refused with what to do', async () => {
    await using poller = new IoUringPoller({}, 'a test')
    const direct = new Direct(poller, {}, { sendZeroCopy: false, reportsUsage: false, splice: false })
    const memory = filled(direct, 30_000, 1)
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      direct.send(connection, memory, 0, 30_000, 'send-zc')
      direct.send(connection, memory, 0, 30_000, 'send-zc-fixed')
      expect(() => direct.sendFile(connection, { descriptor: 0, offset: 0, length: 1 })).toThrow(
        expect.objectContaining({ code: 'QPS_BACKEND_UNAVAILABLE', hint: 'read the file, and write what was read' }),
      )
      connection.end()
      return { onData() {}, onEnd() {}, onClose() {} }
    })
    const witness = witnessed(poller, port)
    await until(() => witness.closed === 1, 'all has come')
    expect(witness.received.equals(Buffer.concat([pattern(30_000, 1), pattern(30_000, 1)]))).toBe(true)
    expect(direct.stats).toMatchObject({ zeroCopySends: 0, fallbacks: 2, copyingSends: 2 })
  })

  test('a kernel that does not report usage is not asked to', async () => {
    await using poller = new IoUringPoller({}, 'a test')
    const direct = new Direct(poller, {}, { ...probeFeatures(), reportsUsage: false })
    const memory = filled(direct, 30_000, 1)
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      direct.send(connection, memory, 0, 30_000, 'send-zc')
      connection.end()
      return { onData() {}, onEnd() {}, onClose() {} }
    })
    const witness = witnessed(poller, port)
    await until(() => witness.closed === 1 && memory.leases === 0, 'it is over')
    expect(direct.stats).toMatchObject({ zeroCopySends: 1, notifications: 1, copiedAfterAll: 0 })
  })

  test.each([...kernelBackends.filter((backend) => backend !== 'io_uring'), 'libuv' as const])(
    'a poller over %s is refused',
    async (backend) => {
      await using poller = createPoller({ backend })
      expect(() => openDirectOutput(poller)).toThrow(expect.objectContaining({ code: 'QPS_BACKEND_UNAVAILABLE' }))
    },
  )
})

describe.skipIf(!usable)('misuse', () => {
  test('is an error that says what is wrong', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    await using other = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller, { memoryBytesMax: 100_000, registeredMax: 2 })
    const connections: Connection[] = []
    const { port } = await poller.listen({ port: 0 }, silent(connections))
    const witness = witnessed(other, port)
    await until(() => connections.length === 1, 'it stands')
    const [connection] = connections as [Connection]
    const code = (action: () => unknown): unknown => {
      try {
        return action()
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    expect(code(() => openDirectOutput(poller))).toBe('QPS_USAGE')
    expect(code(() => openDirectOutput(other, { pipesMax: 0 }))).toBe('QPS_OPTION')
    expect(code(() => direct.memory(0))).toBe('QPS_OPTION')
    expect(code(() => direct.memory(100_001))).toBe('QPS_OPTION')
    const memory = direct.memory(50_000)
    expect(code(() => direct.memory(50_001))).toBe('QPS_MEMORY')
    const plain = direct.memory(10, { registered: false })
    const second = direct.memory(10)
    expect(code(() => direct.memory(10))).toBe('QPS_MEMORY')
    for (const [start, end] of [
      [-1, 5],
      [5, 5],
      [0, 50_001],
      [0.5, 3],
      [NaN, 3],
    ] as const) {
      expect(code(() => direct.send(connection, memory, start, end, 'send'))).toBe('QPS_USAGE')
    }
    expect(code(() => direct.send(connection, plain, 0, 10, 'send-zc-fixed'))).toBe('QPS_USAGE')
    expect(code(() => direct.send(connection, plain, 0, 10, 'sendfile' as 'send'))).toBe('QPS_USAGE')
    expect(code(() => direct.send(witness.connection, plain, 0, 10, 'send'))).toBe('QPS_USAGE')
    second.release()
    second.release()
    expect(code(() => direct.send(connection, second, 0, 10, 'send'))).toBe('QPS_USAGE')
    expect(direct.memory(10).registered).toBe(true)
    connection.end()
    expect(direct.send(connection, plain, 0, 10, 'send')).toBe(false)
    await poller.close()
    expect(code(() => direct.memory(10))).toBe('QPS_USAGE')
  })

  test('a callback that throws ends nothing but itself', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller)
    const memory = filled(direct, 20_000, 1)
    const listeners = process.listeners('uncaughtException')
    const uncaught: unknown[] = []
    process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => uncaught.push(error))
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      direct.send(connection, memory, 0, 20_000, 'send', () => {
        throw new Error('on purpose')
      })
      connection.write(pattern(10, 2))
      connection.end()
      return { onData() {}, onEnd() {}, onClose() {} }
    })
    const witness = witnessed(poller, port)
    await until(() => witness.closed === 1, 'all has come')
    expect(witness.received.length).toBe(20_010)
    await until(() => uncaught.length === 1, 'the error')
    process.removeAllListeners('uncaughtException')
    for (const listener of listeners) process.on('uncaughtException', listener)
  })
})
