import { ManualClock, seededRandom } from '@qps/core'
import { Channel, select, type SelectCase, trySelect } from '@qps/queue'
import { describe, expect, test } from 'vitest'
import { codeOf, heard, integers, rejection } from './helpers.ts'

function channels(count: number, capacity = 4, clock?: ManualClock): Channel<number>[] {
  return Array.from({ length: count }, () => Channel.create({ capacity, codec: integers, clock }))
}

const receiving = (channel: Channel<number>): SelectCase<number> => ({ channel, receive: true })

describe('at once', () => {
  test('it does the one thing that is possible', async () => {
    const [a, b, c] = channels(3, 1) as [Channel<number>, Channel<number>, Channel<number>]
    expect(trySelect([receiving(a), receiving(b)])).toBeUndefined()
    b.sendSync(7)
    expect(trySelect([receiving(a), receiving(b)])).toEqual({ index: 1, value: 7, ended: false })
    a.sendSync(1)
    expect(
      await select([
        { channel: a, send: 2 },
        { channel: c, send: 3 },
      ]),
    ).toMatchObject({ index: 1, ended: false })
    expect([a.tryReceive(), a.tryReceive(), c.tryReceive()]).toEqual([1, undefined, 3])
  })

  test('where several are, each has its share', () => {
    const all = channels(4, 1000)
    for (const channel of all) channel.trySendMany(Array.from({ length: 1000 }, (_, at) => at))
    const random = seededRandom(6)
    const counts = [0, 0, 0, 0]
    for (let round = 0; round < 1000; round++) counts[trySelect(all.map(receiving), { random })!.index]!++
    for (const count of counts) expect(count).toBeGreaterThan(200)
    expect(all.map(({ size }) => 1000 - size)).toEqual(counts)
  })

  test('a channel that has ended is told; a send to one that is closed fails', async () => {
    const [a, b] = channels(2) as [Channel<number>, Channel<number>]
    a.sendSync(1)
    a.close()
    expect(await select([receiving(a), receiving(b)])).toEqual({ index: 0, value: 1, ended: false })
    expect(await select([receiving(a), receiving(b)])).toEqual({ index: 0, value: undefined, ended: true })
    expect(codeOf(() => trySelect([{ channel: a, send: 1 }]))).toBe('QPS_CHANNEL_CLOSED')
    expect(codeOf(() => trySelect([]))).toBe('QPS_OPTION')
  })
})

describe('waiting', () => {
  test('it takes one message, however many channels become ready at the same time', async () => {
    const all = channels(3)
    for (let round = 0; round < 30; round++) {
      const selected = select(all.map(receiving))
      for (const [at, channel] of all.entries()) channel.sendSync(at)
      const { index, value } = await selected
      expect(value).toBe(index)
      await heard()
      const left = all.flatMap((channel) => channel.tryReceive() ?? [])
      expect(new Set([...left, value])).toEqual(new Set([0, 1, 2]))
      expect(left.length).toBe(2)
    }
    for (const channel of all) expect(channel.size).toBe(0)
  })

  test('many of them, and plain receives beside: every message is received once', async () => {
    const all = channels(3)
    const peers = all.map((channel) => Channel.attach(channel.share(), { codec: integers }))
    const selects = Array.from({ length: 60 }, () => select(all.map(receiving)))
    const receives = all.flatMap((channel) => Array.from({ length: 10 }, () => channel.receive()))
    for (let value = 0; value < 90; value++) await peers[value % 3]!.send(value)
    const values = [...(await Promise.all(selects)).map(({ value }) => value), ...(await Promise.all(receives))]
    expect(values.toSorted((left, right) => left! - right!)).toEqual(Array.from({ length: 90 }, (_, value) => value))
  })

  test('it waits for room as well, behind those who wait already', async () => {
    const [a, b] = channels(2, 1) as [Channel<number>, Channel<number>]
    a.sendSync(1)
    b.sendSync(2)
    const before = a.send(3)
    const selected = select<number>([
      { channel: a, send: 4 },
      { channel: b, send: 5 },
    ])
    expect(a.receiveSync()).toBe(1)
    await before
    expect(a.receiveSync()).toBe(3)
    expect((await selected).index).toBe(0)
    expect([a.receiveSync(), b.receiveSync(), b.tryReceive()]).toEqual([4, 2, undefined])
  })

  test('a close, a timeout, a signal', async () => {
    const clock = new ManualClock()
    const [a, b] = channels(2, 1, clock) as [Channel<number>, Channel<number>]
    const ended = select([receiving(a), receiving(b)])
    b.close()
    expect(await ended).toEqual({ index: 1, value: undefined, ended: true })
    const late = rejection(select([receiving(a)], { timeoutMs: 10 }))
    clock.advance(10)
    expect(await late).toBe('QPS_CHANNEL_TIMEOUT')
    const controller = new AbortController()
    const cancelled = select([receiving(a)], { signal: controller.signal, timeoutMs: 1000 })
    controller.abort(new Error('never mind'))
    await expect(cancelled).rejects.toThrow('never mind')
    expect(clock.pending).toBe(0)
    a.sendSync(9)
    expect(a.tryReceive(), 'nobody of them is left to take it').toBe(9)
  })
})
