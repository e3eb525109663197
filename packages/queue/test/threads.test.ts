import { Channel } from '@qps/queue'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { messages } from './fixtures/job.ts'
import { Peer, receivedBy, upTo, ways } from './peers.ts'

const shapes = [
  { name: 'records', capacity: 16, bytesMax: 16, payload: undefined },
  { name: 'payloads', capacity: 20, bytesMax: 400, payload: { bytesMax: 400, slabBytes: 3000 } },
] as const

describe.each(shapes)('$name', ({ capacity, bytesMax, payload }) => {
  const create = (): Channel<unknown> =>
    Channel.create({ capacity, codec: messages(bytesMax), payload }) as Channel<unknown>

  test('four threads send and four receive: each message arrives once, in the order of its sender', async () => {
    const count = 3000
    using channel = create()
    const handle = channel.share()
    const receivers = upTo(4).map((at) => new Peer({ handle, producer: -1, way: ways[at % 3]!, bytesMax }))
    const senders = upTo(4).map((producer) => new Peer({ handle, producer, way: ways[producer % 3]!, count, bytesMax }))
    const sent = await Promise.all(senders.map(({ report }) => report))
    channel.close()
    const { all, disorder } = receivedBy(await Promise.all(receivers.map(({ report }) => report)))
    expect(sent.map((report) => report.sent)).toEqual(Array(4).fill(count))
    expect(disorder).toEqual([])
    for (const producer of upTo(4)) expect(all.get(producer)).toEqual(upTo(count))
    expect(channel.size).toBe(0)
  }, 60_000)

  test('a close under load: what was sent for sure is received, and nothing else', async () => {
    using channel = create()
    const handle = channel.share()
    const receivers = ways.map((way) => new Peer({ handle, producer: -1, way, bytesMax }))
    const senders = ways.map((way, producer) => new Peer({ handle, producer, way, count: Infinity, bytesMax }))
    await Promise.all([...senders, ...receivers].map(({ started }) => started))
    await sleep(15)
    channel.close()
    const sent = await Promise.all(senders.map(({ report }) => report))
    const { all, disorder } = receivedBy(await Promise.all(receivers.map(({ report }) => report)))
    expect(disorder).toEqual([])
    for (const [producer, report] of sent.entries()) expect(all.get(producer) ?? []).toEqual(upTo(report.sent))
    expect(channel.ended).toBe(true)
  }, 60_000)
})

test('a thread that sends to a full channel waits, until somebody receives', async () => {
  using channel = Channel.create({ capacity: 2, codec: messages(16) })
  const sender = new Peer({ handle: channel.share(), producer: 1, way: 'blocking', count: 3, bytesMax: 16 })
  await sender.started
  const waited = await Promise.race([sender.report, sleep(100, 'waits')])
  expect(waited, 'it is neither refused nor is anything lost').toBe('waits')
  expect(channel.size).toBe(2)
  expect((await channel.receive()).number).toBe(0)
  expect((await sender.report).sent).toBe(3)
  expect([channel.receiveSync().number, channel.receiveSync().number]).toEqual([1, 2])
})

test('two threads pass one message to and fro, asleep in between', async () => {
  using there = Channel.create({ capacity: 1, codec: messages(16), spins: 0 })
  const echo = new Peer({ handle: there.share(), producer: -1, way: 'blocking', bytesMax: 16 })
  for (const number of upTo(300)) {
    await there.send({ producer: 0, number, bytes: 8 })
    if (number % 50 === 0) await sleep(2)
  }
  there.close()
  expect((await echo.report).received.length).toBe(600)
})
