import { ManualClock } from '@qps/core'
import fc from 'fast-check'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { Commits } from '../src/log/commits.ts'
import { frame, FrameReader } from '../src/log/frames.ts'
import { LogClient } from '../src/log/log-client.ts'
import { serveLog } from '../src/log/log-server.ts'
import { type LogRecord, MessageLog, partitionOf, partitionsCount, recordsMax } from '../src/log/message-log.ts'

const message = (key: string, value = '') => ({ key, headers: {}, value })

describe('frames', () => {
  test('are the same messages, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.object()), fc.array(fc.nat(20)), (messages, cuts) => {
        const plain = JSON.parse(JSON.stringify(messages)) as object[]
        const bytes = Buffer.concat(plain.map(frame))
        const reader = new FrameReader()
        const read: unknown[] = []
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const length = 1 + (cuts[turn % Math.max(1, cuts.length)] ?? 7)
          read.push(...reader.push(bytes.subarray(at, at + length)))
          at += length
        }
        expect(read).toEqual(plain)
      }),
      { numRuns: 50 },
    )
  })

  test('beyond the bound are refused, on either side', () => {
    expect(() => frame({ text: 'x'.repeat(70_000) })).toThrow('does not fit')
    expect(() => new FrameReader().push(Buffer.from([0, 1, 0, 1]))).toThrow('65537 bytes was announced')
  })
})

describe('a log', () => {
  test('keeps the order of a key, in one partition, and spreads keys over all of them', () => {
    const log = new MessageLog(['t'])
    const records: LogRecord[] = []
    log.subscribe('t', (record) => records.push(record))
    for (let index = 0; index < 100; index++) log.append('t', message(`k${index % 20}`, String(index)))
    expect(new Set(records.map(({ partition }) => partition)).size).toBe(partitionsCount)
    for (const { key, partition } of records) expect(partition).toBe(partitionOf(key))
    const ofOne = records.filter(({ key }) => key === 'k3')
    expect(ofOne.map(({ value }) => value)).toEqual(['3', '23', '43', '63', '83'])
    expect(ofOne.map(({ offset }) => offset)).toEqual(ofOne.map(({ offset }) => offset).toSorted((a, b) => a - b))
  })

  test('gives a reader that comes later what nobody has committed, and says how long it has waited', () => {
    const clock = new ManualClock()
    const log = new MessageLog(['t'], clock)
    const appended: LogRecord[] = []
    using _first = log.subscribe('t', (record) => appended.push(record))
    for (const value of ['a', 'b', 'c']) log.append('t', message('k', value))
    log.commit('t', appended[0]!.partition, 1)
    clock.advance(250)
    const left: LogRecord[] = []
    log.subscribe('t', (record) => left.push(record))
    expect(left.map(({ value, offset, waitedMs }) => [value, offset, waitedMs])).toEqual([
      ['b', 1, 250],
      ['c', 2, 250],
    ])
    // What was committed once is no news, and neither is what was never there.
    log.commit('t', appended[0]!.partition, 0)
    log.commit('t', 99, 5)
    expect(log.depth('t')).toBe(2)
  })

  test('refuses what nobody has room for', () => {
    const log = new MessageLog(['t'])
    for (let count = 0; count < recordsMax; count++) log.append('t', message('k'))
    expect(() => log.append('t', message('k'))).toThrow(
      expect.objectContaining({ code: 'QPS_LOG_FULL', retryable: true }),
    )
    log.commit('t', partitionOf('k'), 1)
    log.append('t', message('k'))
    expect(log.depth('t')).toBe(recordsMax)
    expect(() => log.append('other', message('k'))).toThrow('there is no topic "other"')
  })
})

test('what ends out of order is committed up to the first that has not ended', () => {
  const commits = new Commits(7)
  expect([8, 10, 7, 9].map((offset) => commits.ended(offset))).toEqual([7, 7, 9, 11])
})

describe('over TCP', () => {
  const cleanup: (() => unknown)[] = []
  afterEach(async () => {
    for (const end of cleanup.splice(0).toReversed()) await end()
  })

  async function served(log: MessageLog): Promise<{ host: string; port: number }> {
    const server = await serveLog(log, { host: '127.0.0.1', port: 0 })
    cleanup.push(() => server.close())
    return { host: '127.0.0.1', port: server.port }
  }

  function reading(at: { host: string; port: number }, onRecord: (record: LogRecord) => Promise<void>): LogClient {
    const client = new LogClient({ at, topic: 't', concurrencyMax: 100, onRecord })
    cleanup.push(() => client[Symbol.dispose]())
    return client
  }

  test('messages come, answers go, and what was worked on is committed', async () => {
    const log = new MessageLog(['t', 'answers'])
    const at = await served(log)
    const answers: string[] = []
    log.subscribe('answers', ({ value }) => answers.push(value))
    const client: LogClient = reading(at, async ({ key, value }) =>
      client.append('answers', message(key, `re: ${value}`)),
    )
    for (let index = 0; index < 50; index++) log.append('t', message(`k${index}`, String(index)))
    await expect.poll(() => answers.length, { timeout: 5_000 }).toBe(50)
    await expect.poll(() => log.depth('t'), { timeout: 5_000 }).toBe(0)
  })

  test('a reader that is gone before it commits leaves the message to the next one', async () => {
    const log = new MessageLog(['t'])
    const at = await served(log)
    const begun: string[] = []
    const dying = reading(at, async ({ value }) => {
      begun.push(value)
      await new Promise(() => {})
    })
    log.append('t', message('k', 'once or twice'))
    await expect.poll(() => begun.length, { timeout: 5_000 }).toBe(1)
    dying[Symbol.dispose]()
    reading(at, async ({ value }) => void begun.push(value))
    await expect.poll(() => begun, { timeout: 5_000 }).toEqual(['once or twice', 'once or twice'])
    await expect.poll(() => log.depth('t'), { timeout: 5_000 }).toBe(0)
  })

  test('a client that sends what is no request is cut, and others are not', async () => {
    const log = new MessageLog(['t'])
    const at = await served(log)
    const received: string[] = []
    reading(at, async ({ value }) => void received.push(value))
    const hostile = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([0, 0, 0, 3, 0x7b, 0x7b, 0x7b]),
      frame({ ask: 'append', topic: 'none', message: message('k') }),
      frame({ ask: 'append', topic: 't', message: { key: 1, headers: {}, value: 'x' } }),
      frame({ ask: 'append', topic: 't' }),
      frame({ ask: 'subscribe', topic: '__proto__' }),
    ]
    for (const bytes of hostile) {
      const socket = connect(at)
      socket.on('error', () => {})
      socket.write(bytes)
      await new Promise((closed) => socket.once('close', closed))
    }
    log.append('t', message('k', 'still here'))
    await expect.poll(() => received, { timeout: 5_000 }).toEqual(['still here'])
  })
})
