import { type Connection, createPoller } from '@qps/netpoll'
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { client, echo, kernelBackends, sleep, until, Witness, witnessed } from './support.ts'

const descriptors = (): number => readdirSync('/proc/self/fd').length

describe.each(kernelBackends)('peers of %s that vanish', (backend) => {
  test('a reset while we receive: onClose says ECONNRESET', async () => {
    await using poller = createPoller({ backend })
    const witness = new Witness()
    const { port } = await poller.listen({ port: 0 }, (connection) => ((witness.connection = connection), witness))
    const peer = await client(port)
    peer.write('half a requ')
    await until(() => witness.received.length === 11, 'the bytes')
    peer.resetAndDestroy()
    await until(() => witness.closed === 1, 'onClose')
    expect([witness.error?.code, witness.ended]).toEqual(['ECONNRESET', false])
  })

  test('a reset in the middle of a send: what was taken is counted, and onClose says why', async () => {
    await using poller = createPoller({ backend })
    const witness = new Witness()
    const { port } = await poller.listen({ port: 0 }, (connection) => ((witness.connection = connection), witness))
    const peer = await client(port)
    peer.pause()
    await until(() => witness.connection !== undefined, 'it stands')
    const piece = new Uint8Array(32 * 1024 * 1024)
    expect(witness.connection.write(piece)).toBe(false)
    let sent = -1
    while (sent < witness.connection.bytesSent) {
      sent = witness.connection.bytesSent
      await sleep(50)
    }
    expect(sent).toBeGreaterThan(0)
    expect(sent + witness.connection.pendingBytes).toBe(piece.length)
    peer.resetAndDestroy()
    await until(() => witness.closed === 1, 'onClose')
    expect(['ECONNRESET', 'EPIPE']).toContain(witness.error?.code)
    expect(witness.connection.pendingBytes).toBe(0)
    expect(witness.connection.write(piece)).toBe(false)
  })

  test('a slow reader gets everything, by way of short sends', async () => {
    await using poller = createPoller({ backend })
    const held: Connection[] = []
    const { port } = await poller.listen({ port: 0 }, (connection) => (held.push(connection), new Witness()))
    const peer = await client(port)
    await until(() => held.length === 1, 'it stands')
    const bytes = Buffer.alloc(12 * 1024 * 1024, 'abcdefg')
    held[0]!.write(bytes)
    let got = 0
    let wrong = 0
    peer.on('data', (piece: Buffer) => {
      if (!piece.equals(bytes.subarray(got, got + piece.length))) wrong++
      got += piece.length
      peer.pause()
      setTimeout(() => peer.resume(), 1)
    })
    await until(() => got === bytes.length, 'everything')
    expect(wrong).toBe(0)
    // io_uring itself goes on after a short send (MSG_WAITALL); epoll tells us of each.
    if (backend === 'epoll') expect(poller.stats.shortSends).toBeGreaterThan(0)
    else expect(poller.stats.shortSends).toBe(0)
    peer.destroy()
  })

  test('a peer that resets after its end is noticed at the next send', async () => {
    await using poller = createPoller({ backend })
    const witness = new Witness()
    witness.onEnd = () => void (witness.ended = true)
    const { port } = await poller.listen({ port: 0 }, (connection) => ((witness.connection = connection), witness))
    const peer = await client(port)
    peer.end()
    await until(() => witness.ended, 'the end')
    peer.destroy()
    await until(() => peer.destroyed, 'the peer is gone')
    while (witness.closed === 0) {
      witness.connection.write(Buffer.from('anybody there?'))
      await sleep(1)
    }
    expect(['ECONNRESET', 'EPIPE']).toContain(witness.error?.code)
  })

  test('connections opened, reset, half-closed and destroyed at random leave nothing, and meet no other’s bytes', async () => {
    const poller = createPoller({ backend })
    const { port } = await poller.listen({ port: 0 }, echo)
    await sleep(5)
    const before = descriptors()
    let left = 5_000
    let wrong = 0
    const run = async (): Promise<void> => {
      while (left-- > 0) {
        const kind = left % 5
        const mine = String(left)
        const witness = witnessed(poller, port)
        witness.connection.write(Buffer.from(mine))
        // Some go before anything has come back, so that completions are late for them.
        if (kind === 0) witness.connection.destroy(left % 2 === 0)
        else if (kind === 1) {
          await until(() => witness.opened || witness.closed > 0, 'it stands')
          witness.connection.destroy(true)
        } else {
          await until(() => witness.received.length >= mine.length || witness.closed > 0, 'the echo')
          if (kind === 2) witness.connection.destroy(true)
          else witness.connection.end()
        }
        await until(() => witness.closed > 0, 'onClose')
        if (!mine.startsWith(witness.received.toString()) || witness.closed !== 1) wrong++
      }
    }
    await Promise.all(Array.from({ length: 100 }, run))
    await until(() => poller.stats.open === 0, 'all are closed')
    expect(wrong).toBe(0)
    expect(descriptors()).toBeLessThanOrEqual(before)
    await poller.close()
  }, 30_000)
})
