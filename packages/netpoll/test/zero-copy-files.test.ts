import { type Connection, createPoller, probe } from '@qps/netpoll'
import { openDirectOutput, probeFeatures } from '@qps/netpoll/zero-copy'
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { client, pattern, sleep, until, Witness, witnessed } from './support.ts'

const folder = mkdtempSync(join(tmpdir(), 'qps-files-'))
const bytes = pattern(3_000_000, 1)
let descriptor = -1

beforeAll(() => {
  writeFileSync(join(folder, 'pattern'), bytes)
  descriptor = openSync(join(folder, 'pattern'), 'r')
})
afterAll(() => {
  closeSync(descriptor)
  rmSync(folder, { recursive: true })
})

const usable = probe().io_uring === undefined && probeFeatures().splice
const descriptors = (): number => readdirSync('/proc/self/fd').length

describe.skipIf(!usable)('files', () => {
  test('parts of them arrive between what was written', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller)
    const parts = [
      [0, 1],
      [4_096, 4_096],
      [1_234_567, 100_001],
      [0, 3_000_000],
    ] as const
    let done = 0
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      for (const [offset, length] of parts) {
        connection.write(pattern(200, length))
        direct.sendFile(connection, { descriptor, offset, length }, () => done++)
      }
      connection.write(pattern(20_000, 7))
      connection.end()
      return { onData() {}, onEnd() {}, onClose() {} }
    })
    const witness = witnessed(poller, port)
    await until(() => witness.closed === 1, 'all has come')
    const expected = parts.flatMap(([offset, length]) => [
      pattern(200, length),
      bytes.subarray(offset, offset + length),
    ])
    expect(witness.received.equals(Buffer.concat([...expected, pattern(20_000, 7)]))).toBe(true)
    expect(done).toBe(4)
    expect(direct.stats.splices).toBeGreaterThanOrEqual(8)
  })

  test('many at once share a few pipes, and slow readers get everything', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const before = descriptors()
    const direct = openDirectOutput(poller, { pipesMax: 2 })
    let most = 0
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      direct.sendFile(connection, { descriptor, offset: 0, length: 1_000_000 }, () => {
        most = Math.max(most, descriptors() - before)
      })
      connection.end()
      return { onData() {}, onEnd() {}, onClose() {} }
    })
    const peers = await Promise.all(Array.from({ length: 20 }, () => client(port)))
    const results = await Promise.all(
      peers.map(async (peer) => {
        const pieces: Buffer[] = []
        for await (const piece of peer) {
          pieces.push(piece as Buffer)
          await sleep(1)
        }
        return Buffer.concat(pieces).equals(bytes.subarray(0, 1_000_000))
      }),
    )
    expect(results).toEqual(results.map(() => true))
    // The listener, both ends of twenty connections, and four ends of pipes.
    expect(most).toBeLessThanOrEqual(1 + 40 + 4)
    for (const peer of peers) peer.destroy()
  })

  test('one that is truncated meanwhile closes its connection, which says why; others go on', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller, { pipesMax: 1 })
    const path = join(folder, 'truncated')
    writeFileSync(path, pattern(20_000_000, 2))
    const truncated = openSync(path, 'r')
    const handlers: Witness[] = []
    let done = 0
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      const witness = new Witness()
      witness.connection = connection
      handlers.push(witness)
      const part =
        handlers.length === 1
          ? { descriptor: truncated, offset: 0, length: 20_000_000 }
          : { descriptor, offset: 5, length: 50_000 }
      direct.sendFile(connection, part, () => done++)
      connection.end()
      return witness
    })
    const peer = await client(port)
    peer.pause()
    await until(
      () => handlers[0]?.connection.bytesSent !== undefined && handlers[0].connection.bytesSent > 0,
      'it has begun',
    )
    const other = witnessed(poller, port)
    truncateSync(path, 1_000)
    let got = 0
    peer.on('data', (piece: Buffer) => (got += piece.length)).resume()
    await until(() => handlers[0]!.closed === 1, 'onClose')
    expect(handlers[0]!.error).toMatchObject({ code: 'QPS_FILE_SHORT' })
    await until(() => other.closed === 1, 'the other, which waited for the pipe')
    expect(other.received.equals(bytes.subarray(5, 50_005))).toBe(true)
    expect(done).toBe(2)
    expect(got).toBeLessThan(20_000_000)
    closeSync(truncated)
    peer.destroy()
  })

  test('an empty one, or a part behind its end, is too short as well; a folder cannot be sent', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller)
    const directory = openSync(folder, 'r')
    const codes: unknown[] = []
    const parts = [
      { descriptor, offset: 3_000_000, length: 1 },
      { descriptor, offset: 2 ** 33, length: 1 },
      { descriptor: directory, offset: 0, length: 1 },
    ]
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      direct.sendFile(connection, parts[codes.length]!)
      return { onData() {}, onEnd() {}, onClose: (error) => codes.push((error as NodeJS.ErrnoException).code) }
    })
    for (let count = 1; count <= parts.length; count++) {
      const witness = witnessed(poller, port)
      await until(() => witness.closed === 1 && codes.length === count, 'onClose')
    }
    expect(codes.slice(0, 2)).toEqual(['QPS_FILE_SHORT', 'QPS_FILE_SHORT'])
    expect(['EISDIR', 'EINVAL']).toContain(codes[2])
    closeSync(directory)
  })

  test('destroyed while the peer does not read: it closes, and no byte of its pipe comes to anybody else', async () => {
    await using poller = createPoller({ backend: 'io_uring' })
    const direct = openDirectOutput(poller, { pipesMax: 1 })
    const connections: Connection[] = []
    const closed: Connection[] = []
    let done = 0
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      connections.push(connection)
      return { onData() {}, onEnd() {}, onClose: () => closed.push(connection) }
    })
    const before = descriptors()
    for (const how of [false, true]) {
      const peer = await client(port)
      peer.pause()
      await until(() => connections.length === 1, 'it stands')
      const connection = connections.pop()!
      for (let count = 0; count < 5; count++)
        direct.sendFile(connection, { descriptor, offset: 0, length: 3_000_000 }, () => done++)
      await until(() => connection.bytesSent > 0, 'it has begun')
      await sleep(50)
      expect(connection.pendingBytes).toBeGreaterThan(0)
      connection.destroy(how)
      await until(() => closed.includes(connection), 'onClose')
      peer.destroy()
    }
    expect(done).toBe(10)
    const witness = witnessed(poller, port)
    await until(() => connections.length === 1, 'it stands')
    direct.sendFile(connections[0]!, { descriptor, offset: 77, length: 400_000 })
    connections[0]!.end()
    await until(() => witness.closed === 1, 'all has come')
    expect(witness.received.equals(bytes.subarray(77, 400_077))).toBe(true)
    await until(() => descriptors() <= before + 2, 'one pipe is left, and no connection')
  })

  test('a peer that resets in the middle, and a poller that closes: nothing stays behind', async () => {
    const before = descriptors()
    for (let round = 0; round < 4; round++) {
      const poller = createPoller({ backend: 'io_uring' })
      const direct = openDirectOutput(poller, { pipesMax: 2 })
      const witnesses: Witness[] = []
      let done = 0
      const { port } = await poller.listen({ port: 0 }, (connection) => {
        const witness = new Witness()
        witness.connection = connection
        witnesses.push(witness)
        for (let count = 0; count < 4; count++)
          direct.sendFile(connection, { descriptor, offset: 0, length: 3_000_000 }, () => done++)
        return witness
      })
      const peers = await Promise.all([client(port), client(port), client(port)])
      for (const peer of peers) peer.pause()
      await until(() => witnesses.length === 3, 'all stand')
      await sleep(20)
      peers[0]!.resetAndDestroy()
      await until(() => witnesses.some(({ closed, error }) => closed === 1 && error !== undefined), 'onClose')
      await poller.close()
      expect([done, witnesses.map(({ closed }) => closed)]).toEqual([12, [1, 1, 1]])
      for (const peer of peers) peer.destroy()
    }
    await until(() => descriptors() <= before, 'all descriptors are closed')
  })
})
