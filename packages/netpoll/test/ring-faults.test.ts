import type { QpsError } from '@qps/core'
import { probe } from '@qps/netpoll'
import { readdirSync } from 'node:fs'
import { constants } from 'node:os'
import { describe, expect, test } from 'vitest'
import { IoUringPoller } from '../src/io-uring/io-uring-poller.ts'
import { loadNative } from '../src/sys/native.ts'
import { echo, pattern, sleep, until, type Witness, witnessed } from './support.ts'

describe.skipIf(probe().io_uring !== undefined)('faults of the ring', () => {
  /** Sends a pattern each and waits for all of them to come back. */
  async function exchange(poller: IoUringPoller, port: number, count: number, bytes: number): Promise<void> {
    const witnesses = Array.from({ length: count }, () => witnessed(poller, port))
    for (const [index, { connection }] of witnesses.entries()) {
      connection.write(pattern(bytes, index))
      connection.end()
    }
    await until(() => witnesses.every(({ closed }) => closed === 1), 'all are closed', 10_000)
    const wrong = witnesses.filter(({ received }, index) => !received.equals(pattern(bytes, index)))
    expect(wrong.map(({ error, pieces }: Witness) => [error, pieces.length])).toEqual([])
  }

  test.each([1, 2, 4])(
    '%i receive buffers for 60 senders: nothing is lost, and nothing spins',
    async (receiveBuffers) => {
      await using poller = new IoUringPoller({ receiveBuffers, receiveBytes: 256 }, 'a test')
      const { port } = await poller.listen({ port: 0 }, echo)
      await exchange(poller, port, 60, 20_000)
      expect(poller.stats.receiveStarved).toBeGreaterThan(0)
      await sleep(20)
      const { turns } = poller.stats
      await sleep(100)
      expect(poller.stats.turns - turns).toBeLessThan(5)
    },
  )

  test('a completion queue that overflows: nothing is lost', async () => {
    await using poller = new IoUringPoller({}, 'a test', { submissions: 8, completions: 16 })
    const { port } = await poller.listen({ port: 0 }, echo)
    for (let round = 0; round < 3; round++) await exchange(poller, port, 200, 30_000)
    expect(poller.stats.overflows).toBeGreaterThan(0)
    expect(poller.stats).toMatchObject({ open: 0, accepted: 600, connected: 600 })
  })

  test('overflow and lack of receive buffers at the same time: nothing is lost', async () => {
    const options = { receiveBuffers: 2, receiveBytes: 256 }
    await using poller = new IoUringPoller(options, 'a test', { submissions: 4, completions: 8 })
    const { port } = await poller.listen({ port: 0 }, echo)
    await exchange(poller, port, 60, 20_000)
    expect(poller.stats.receiveStarved).toBeGreaterThan(0)
  })

  test.each([
    ['EBUSY', false],
    ['EAGAIN', false],
    ['EINTR', true],
  ] as const)(
    'enter that fails with %s, more often than not: submissions wait, nothing is lost',
    async (code, hotWait) => {
      const native = loadNative()
      const { ioUringEnter, ioUringWait, errno } = native
      let failing = false
      let calls = 0
      native.ioUringEnter = (...args) => {
        failing = calls++ % 3 !== 0
        return failing ? -1 : ioUringEnter(...args)
      }
      native.ioUringWait = (...args) => {
        failing = calls++ % 3 !== 0
        return failing ? -1 : ioUringWait(...args)
      }
      native.errno = () => (failing ? constants.errno[code] : errno())
      try {
        await using poller = new IoUringPoller({ hotWait }, 'a test', { submissions: 4, completions: 256 })
        const { port } = await poller.listen({ port: 0 }, echo)
        // Where the queue is full and stays so, connecting says EAGAIN; so the connections come one after the other.
        const witnesses: Witness[] = []
        for (let index = 0; index < 40; index++) {
          const witness = witnessed(poller, port)
          await until(() => witness.opened || witness.closed > 0, 'it stands')
          witnesses.push(witness)
        }
        for (const [index, { connection }] of witnesses.entries()) connection.write(pattern(9_000, index))
        for (const { connection } of witnesses) connection.end()
        await until(() => witnesses.every(({ closed }) => closed === 1), 'all are closed')
        expect(witnesses.filter(({ received }, index) => !received.equals(pattern(9_000, index)))).toEqual([])
        expect(calls).toBeGreaterThan(100)
      } finally {
        Object.assign(native, { ioUringEnter, ioUringWait, errno })
      }
    },
  )

  test('a ring without memory is an error that says so, and leaves no descriptor', () => {
    const native = loadNative()
    const { mmap } = native
    const before = readdirSync('/proc/self/fd').length
    const ofDescriptor = [0, 1].map((failing) => {
      let calls = 0
      native.mmap = (address, bytes, protection, flags, descriptor, offset) => {
        if (descriptor !== -1 && calls++ === failing) return 0xffff_ffff_ffff_ffffn
        return mmap(address, bytes, protection, flags, descriptor, offset)
      }
      try {
        return new IoUringPoller({}, 'a test').reason
      } catch (error) {
        return (error as QpsError).code
      } finally {
        native.mmap = mmap
      }
    })
    expect(ofDescriptor).toEqual(['QPS_MEMORY', 'QPS_MEMORY'])
    expect(readdirSync('/proc/self/fd')).toHaveLength(before)
  })

  test('pause and resume while the cancel of the read is under way: every byte comes once, in order', async () => {
    await using poller = new IoUringPoller({ receiveBytes: 1_024, receiveBuffers: 8 }, 'a test')
    const received: Buffer[] = []
    let toggles = 0
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      connection.pause()
      connection.resume()
      return {
        onData(bytes, start, end) {
          received.push(Buffer.from(bytes.subarray(start, end)))
          for (let count = toggles++ % 4; count > 0; count--) {
            connection.pause()
            connection.resume()
          }
          if (toggles % 5 === 0) {
            connection.pause()
            setImmediate(() => connection.resume())
          }
        },
        onEnd: () => connection.end(),
        onClose() {},
      }
    })
    const witness = witnessed(poller, port)
    const bytes = pattern(1_000_000, 3)
    witness.connection.write(bytes)
    witness.connection.end()
    await until(() => witness.closed === 1, 'all is read')
    expect(Buffer.concat(received).equals(bytes)).toBe(true)
  })

  test('destroyed while the kernel sends from its block: the block is lent again only when the kernel is done', async () => {
    await using poller = new IoUringPoller({ outputBytesMax: 16 * 1024 }, 'a test')
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      connection.pause()
      return { onData() {}, onEnd() {}, onClose() {} }
    })
    const sender = witnessed(poller, port)
    await until(() => sender.opened, 'it stands')
    for (let count = 0; count < 400; count++) sender.connection.write(pattern(20_000, 1))
    await until(() => sender.connection.bytesSent > 0, 'the first bytes')
    // The peer does not read: what is left is with the kernel, and in the only block.
    await sleep(50)
    expect(sender.connection.pendingBytes).toBeGreaterThan(0)
    expect(poller.blocks.free).toBe(0)
    sender.connection.destroy()
    expect(poller.blocks.free).toBe(0)
    expect(sender.closed).toBe(0)
    await until(() => sender.closed === 1, 'onClose')
    expect(poller.blocks.free).toBe(1)
  })
})
