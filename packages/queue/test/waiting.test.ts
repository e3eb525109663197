import { ManualClock } from '@qps/core'
import { Channel, select } from '@qps/queue'
import { describe, expect, test } from 'vitest'
import { bytesOf, codeOf, heard, integers, rejection } from './helpers.ts'

describe('promises', () => {
  test('a receive waits for a message, a send for room, first come, first served', async () => {
    using channel = Channel.create({ capacity: 1, codec: integers })
    using other = Channel.attach(channel.share(), { codec: integers })
    const order: string[] = []
    const receives = [1, 2, 3].map((at) => channel.receive().then((value) => order.push(`${at} got ${value}`)))
    const sends = [7, 8, 9].map((value) => other.send(value).then(() => order.push(`sent ${value}`)))
    await Promise.all([...receives, ...sends])
    expect(order.filter((entry) => entry.includes('got'))).toEqual(['1 got 7', '2 got 8', '3 got 9'])
    expect(order.filter((entry) => entry.includes('sent'))).toEqual(['sent 7', 'sent 8', 'sent 9'])
  })

  test('nothing overtakes a send that waits, and no receive takes what another one waits for', async () => {
    using channel = Channel.create({ capacity: 1, codec: integers })
    channel.sendSync(1)
    const sent = channel.send(2)
    expect(channel.trySend(3), 'it stands behind').toBe(false)
    expect(channel.trySendMany([3])).toBe(0)
    expect(channel.receiveSync()).toBe(1)
    expect(channel.receiveSync(), 'the promise was served first').toBe(2)
    await sent
    const received = channel.receive()
    expect(channel.trySend(4)).toBe(true)
    expect(channel.tryReceive(), 'the promise was served first').toBeUndefined()
    expect(await received).toBe(4)
  })

  test('a send reads its value when there is room', async () => {
    using channel = Channel.create({ capacity: 1, payload: { bytesMax: 200, slabBytes: 400 } })
    channel.sendSync(bytesOf(1, 200))
    const value = bytesOf(2, 200)
    const sent = channel.send(value)
    value.fill(9)
    expect(channel.receiveSync()).toEqual(bytesOf(1, 200))
    await sent
    expect(channel.receiveSync()).toEqual(value)
  })

  test('for await ends with the channel', async () => {
    using channel = Channel.create({ capacity: 2, codec: integers })
    const received: number[] = []
    const reading = (async () => {
      for await (const value of channel) received.push(value)
    })()
    using other = Channel.attach(channel.share(), { codec: integers })
    for (let value = 0; value < 10; value++) await other.send(value)
    other.close()
    await reading
    expect(received).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('a close wakes everybody who waits', async () => {
    using channel = Channel.create({ capacity: 1, codec: integers })
    using other = Channel.attach(channel.share(), { codec: integers })
    const receives = [channel.receive(), channel.receive(), other.receive()].map(rejection)
    channel.close()
    expect(await Promise.all(receives)).toEqual(Array(3).fill('QPS_CHANNEL_CLOSED'))
    using second = Channel.create({ capacity: 1, codec: integers })
    second.sendSync(1)
    const sends = [second.send(2), second.send(3)].map(rejection)
    second.close()
    expect(await Promise.all(sends)).toEqual(Array(2).fill('QPS_CHANNEL_CLOSED'))
    expect(await second.receive()).toBe(1)
    expect(await rejection(second.receive())).toBe('QPS_CHANNEL_CLOSED')
  })

  test('an endpoint that is disposed of rejects its own', async () => {
    const channel = Channel.create({ capacity: 1, codec: integers })
    using other = Channel.attach(channel.share(), { codec: integers })
    const own = rejection(channel.receive())
    const others = other.receive()
    channel[Symbol.dispose]()
    expect(await own).toBe('QPS_CHANNEL_CLOSED')
    other.sendSync(4)
    expect(await others).toBe(4)
  })
})

describe('limits of a wait', () => {
  test('a timeout, by the clock that was given; it leaves no timer', async () => {
    const clock = new ManualClock()
    using channel = Channel.create({ capacity: 1, codec: integers, clock })
    const late = rejection(channel.receive({ timeoutMs: 100 }))
    const served = channel.receive({ timeoutMs: 200 })
    clock.advance(100)
    expect(await late).toBe('QPS_CHANNEL_TIMEOUT')
    channel.sendSync(5)
    expect(await served).toBe(5)
    expect(clock.pending).toBe(0)
    channel.sendSync(6)
    const full = channel.send(7, { timeoutMs: 50 }).catch((error: unknown) => error)
    clock.advance(50)
    expect(await full).toMatchObject({ code: 'QPS_CHANNEL_TIMEOUT', retryable: true })
    expect(channel.receiveSync()).toBe(6)
    expect(channel.tryReceive(), 'what timed out was not sent').toBeUndefined()
  })

  test('a timeout of 0 is one attempt, whatever the clock does', async () => {
    const clock = new ManualClock()
    using channel = Channel.create({ capacity: 1, codec: integers, clock })
    expect(await rejection(channel.receive({ timeoutMs: 0 }))).toBe('QPS_CHANNEL_TIMEOUT')
    expect(codeOf(() => channel.receiveSync({ timeoutMs: 0 }))).toBe('QPS_CHANNEL_TIMEOUT')
    await channel.send(1, { timeoutMs: 0 })
    expect(await rejection(channel.send(2, { timeoutMs: 0 }))).toBe('QPS_CHANNEL_TIMEOUT')
    expect(codeOf(() => channel.sendSync(2, { timeoutMs: 0 }))).toBe('QPS_CHANNEL_TIMEOUT')
    expect(await channel.receive({ timeoutMs: 0 })).toBe(1)
  })

  test('a signal ends a wait with its reason, and leaves no listener', async () => {
    using channel = Channel.create({ capacity: 1, codec: integers })
    const controller = new AbortController()
    const { signal } = controller
    let listeners = 0
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
    signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args))
    signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args))
    const served = channel.receive({ signal })
    channel.sendSync(1)
    expect(await served).toBe(1)
    expect(listeners).toBe(0)
    const cancelled = channel.receive({ signal })
    controller.abort(new Error('changed my mind'))
    await expect(cancelled).rejects.toThrow('changed my mind')
    channel.sendSync(2)
    await expect(channel.receive({ signal }), 'even where there is a message').rejects.toThrow('changed my mind')
    expect(channel.receiveSync()).toBe(2)
    expect(listeners).toBe(0)
  })

  test('so many wait at most, and a place that is left is free', async () => {
    using channel = Channel.create({ capacity: 1, codec: integers, waitersMax: 2 })
    const controller = new AbortController()
    const waiting = [channel.receive({ signal: controller.signal }).catch(() => 0), channel.receive()]
    const refused = channel.receive().catch((error: unknown) => error)
    expect(await refused).toMatchObject({ code: 'QPS_CHANNEL_WAITERS', retryable: true })
    expect(await rejection(select([{ channel, receive: true }]))).toBe('QPS_CHANNEL_WAITERS')
    controller.abort()
    await waiting[0]
    waiting.push(channel.receive())
    await Promise.all([channel.send(1), channel.send(2)])
    expect(await Promise.all(waiting)).toEqual([0, 1, 2])
  })

  test('one who gives up leaves the message to the next, on this endpoint and on others', async () => {
    using channel = Channel.create({ capacity: 4, codec: integers })
    using other = Channel.attach(channel.share(), { codec: integers })
    using sender = Channel.attach(channel.share(), { codec: integers })
    for (let round = 0; round < 20; round++) {
      const controller = new AbortController()
      const leaver = channel.receive({ signal: controller.signal }).catch(() => undefined)
      const [stays, elsewhere] = [channel.receive(), other.receive()]
      sender.trySendMany([1, 2])
      // Woken, and gone before it has looked.
      controller.abort()
      await leaver
      expect((await Promise.all([stays, elsewhere])).toSorted()).toEqual([1, 2])
    }
  })

  test('one who gives up before the message is held up nobody', async () => {
    using channel = Channel.create({ capacity: 4, codec: integers })
    using other = Channel.attach(channel.share(), { codec: integers })
    using sender = Channel.attach(channel.share(), { codec: integers })
    const controller = new AbortController()
    const leaver = channel.receive({ signal: controller.signal }).catch(() => 'left')
    controller.abort()
    expect(await leaver).toBe('left')
    await heard()
    // The endpoint that nobody waits at any more is the one that is rung.
    const received = other.receive()
    sender.sendSync(3)
    expect(await received).toBe(3)
  })
})

describe('keeping the process alive', () => {
  test('a hold lasts from the first waiting promise to the last', async () => {
    let held = 0
    const hold = (): Disposable => {
      held++
      return { [Symbol.dispose]: () => void held-- }
    }
    const channel = Channel.create({ capacity: 1, codec: integers, hold })
    await channel.send(1)
    expect(held, 'nobody waited').toBe(0)
    const sends = [channel.send(2), channel.send(3)]
    expect(held).toBe(1)
    const values = [await channel.receive(), await channel.receive(), await channel.receive()]
    await Promise.all(sends)
    expect(values).toEqual([1, 2, 3])
    expect(held).toBe(0)
    const received = rejection(channel.receive())
    expect(held).toBe(1)
    channel[Symbol.dispose]()
    expect(await received).toBe('QPS_CHANNEL_CLOSED')
    expect(held).toBe(0)
  })
})
