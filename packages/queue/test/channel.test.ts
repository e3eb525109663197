import { Channel, type Codec } from '@qps/queue'
import { describe, expect, test } from 'vitest'
import { at, readLayout } from '../src/layout.ts'
import { bytesOf, codeOf, integers } from './helpers.ts'

describe('messages', () => {
  test('what is sent is received, in its order and in copies', () => {
    using channel = Channel.create({ capacity: 4, record: { bytes: 16 } })
    const message = Uint8Array.of(1, 2, 3)
    expect(channel.trySend(message)).toBe(true)
    message.fill(9)
    expect(channel.trySend(new Uint8Array(0))).toBe(true)
    expect(channel.trySend(bytesOf(7, 16))).toBe(true)
    const first = channel.tryReceive()!
    expect(first).toEqual(Uint8Array.of(1, 2, 3))
    expect(first.buffer).toBeInstanceOf(ArrayBuffer)
    expect(channel.tryReceive()).toEqual(new Uint8Array(0))
    expect(channel.tryReceive()).toEqual(bytesOf(7, 16))
    expect(channel.tryReceive()).toBeUndefined()
  })

  test('a Buffer is sent as the bytes that it shows', () => {
    using channel = Channel.create({ capacity: 1, payload: { bytesMax: 1000, slabBytes: 1000 } })
    channel.sendSync(Buffer.from('a'.repeat(100)).subarray(10, 75))
    expect(Buffer.from(channel.receiveSync()).toString()).toBe('a'.repeat(65))
  })

  test.each([1, 47, 48, 49, 64, 127, 128, 129, 999, 1000])('a payload of %i bytes', (length) => {
    using channel = Channel.create({ capacity: 3, payload: { bytesMax: 1000, slabBytes: 3000 } })
    for (let value = 0; value < 20; value++) {
      channel.sendSync(bytesOf(value, length))
      expect(channel.receiveSync()).toEqual(bytesOf(value, length))
    }
  })

  test('values through a codec', () => {
    using channel = Channel.create({ capacity: 10, codec: integers })
    for (const value of [0, -1, 2 ** 31 - 1]) channel.sendSync(value)
    expect([channel.receiveSync(), channel.receiveSync(), channel.receiveSync()]).toEqual([0, -1, 2 ** 31 - 1])
  })

  test('a codec of words and odd bytes, short and long', () => {
    const text: Codec<string> = {
      bytesMax: 600,
      write: (target, at, value) => at + Buffer.from(target.buffer, target.byteOffset).write(value, at),
      read: (bytes, start, end) => Buffer.from(bytes.buffer, start, end - start).toString(),
    }
    for (const payload of [undefined, { bytesMax: 600, slabBytes: 6000 }]) {
      using channel = Channel.create({ capacity: 10, codec: text, payload })
      for (let length = 0; length <= 600; length += 7) {
        channel.sendSync('x'.repeat(length))
        expect(channel.receiveSync()).toBe('x'.repeat(length))
      }
    }
  })

  test('a receiver never sees the bytes of another message', () => {
    const whole: Codec<Uint8Array> = {
      bytesMax: 64,
      write: (target, at, value) => {
        target.set(value, at)
        return at + value.length
      },
      // One that reads too much: all that it is given.
      read: (bytes) => bytes.slice(),
    }
    const sender = Channel.create({ capacity: 1, record: { bytes: 64 } })
    using secret = Channel.attach(sender.share())
    using receiver = Channel.attach(sender.share(), { codec: whole })
    sender.sendSync(new Uint8Array(64).fill(0xaa))
    expect(secret.receiveSync()).toEqual(new Uint8Array(64).fill(0xaa))
    for (let length = 0; length < 64; length++) {
      sender.sendSync(new Uint8Array(length).fill(1))
      expect(receiver.receiveSync()).not.toContain(0xaa)
    }
    sender[Symbol.dispose]()
  })

  test('a message that is too long, or none at all, is an error and takes no room', () => {
    using channel = Channel.create({ capacity: 1, record: { bytes: 16 } })
    expect(codeOf(() => channel.trySend(new Uint8Array(17)))).toBe('QPS_MESSAGE_BYTES')
    expect(codeOf(() => channel.trySend('text' as never))).toBe('QPS_MESSAGE_BYTES')
    expect(codeOf(() => channel.trySend(undefined as never))).toBe('QPS_MESSAGE_BYTES')
    expect(channel.size).toBe(0)
    expect(channel.trySend(new Uint8Array(16))).toBe(true)
  })

  test('a codec that throws, or ends outside its bounds, harms its caller only', () => {
    let end = 4
    const broken: Codec<number> = {
      bytesMax: 8,
      write(target, at, value) {
        if (value < 0) throw new Error('negative')
        // Typed arrays ignore what is outside, and this array is nobody else's.
        target.fill(value, at, 1000)
        return end
      },
      read(bytes, start) {
        if (bytes[start] === 13) throw new Error('unlucky')
        return bytes[start]!
      },
    }
    using channel = Channel.create({ capacity: 2, codec: broken })
    expect(() => channel.trySend(-1)).toThrow('negative')
    for (const wrong of [9, -1, 1.5, NaN]) {
      end = wrong
      expect(codeOf(() => channel.trySend(1))).toBe('QPS_MESSAGE_BYTES')
    }
    end = 4
    channel.sendSync(13)
    channel.sendSync(14)
    expect(() => channel.receiveSync()).toThrow('unlucky')
    expect(channel.receiveSync()).toBe(14)
    expect(channel.size).toBe(0)
  })

  test('a message that is too long for the codec of its receiver is an error there', () => {
    using channel = Channel.create({ capacity: 2, record: { bytes: 16 } })
    using small = Channel.attach(channel.share(), { codec: integers })
    channel.sendSync(new Uint8Array(16))
    channel.sendSync(new Uint8Array(4))
    expect(codeOf(() => small.tryReceive())).toBe('QPS_MESSAGE_BYTES')
    expect(small.tryReceive()).toBe(0)
  })
})

describe('the bound', () => {
  test.each([1, 2, 3, 5, 64, 100])('a capacity of %i is exact, round after round', (capacity) => {
    using channel = Channel.create({ capacity, codec: integers })
    for (let round = 0; round < 5; round++) {
      for (let value = 0; value < capacity; value++) expect(channel.trySend(value)).toBe(true)
      expect(channel.trySend(-1)).toBe(false)
      expect(channel.size).toBe(capacity)
      for (let value = 0; value < capacity; value++) expect(channel.tryReceive()).toBe(value)
      expect(channel.tryReceive()).toBeUndefined()
    }
  })

  test('positions may wrap around 2^32', () => {
    using channel = Channel.create({ capacity: 3, codec: integers })
    // As if so many messages had passed.
    const words = new Int32Array(channel.share().memory)
    const passed = -4
    const { layout } = readLayout(channel.share())
    words[at.tail] = passed
    words[at.head] = passed
    for (let slot = 0; slot < 4; slot++) words[layout.slotsWord + slot * 16] = ((passed + slot) >>> 2) << 10
    using other = Channel.attach(channel.share(), { codec: integers })
    for (let value = 0; value < 20; value += 3) {
      expect([other.trySend(value), other.trySend(value + 1), other.trySend(value + 2)]).toEqual([true, true, true])
      expect(other.trySend(99)).toBe(false)
      expect([channel.tryReceive(), other.tryReceive(), channel.tryReceive()]).toEqual([value, value + 1, value + 2])
    }
  })

  test('a full channel holds its sender up, and refuses only one who asks: the bound is not a policy', () => {
    using channel = Channel.create({ capacity: 2, codec: integers })
    channel.sendSync(1)
    channel.sendSync(2)
    expect(
      codeOf(() => channel.sendSync(3, { timeoutMs: 20 })),
      'it waited',
    ).toBe('QPS_CHANNEL_TIMEOUT')
    expect(channel.trySend(3), 'it was refused').toBe(false)
    expect(channel.size).toBe(2)
  })

  test('a slab that is full makes the channel full, and short messages still pass', () => {
    using channel = Channel.create({ capacity: 100, payload: { bytesMax: 800, slabBytes: 1600 } })
    expect(channel.trySend(bytesOf(1, 800))).toBe(true)
    expect(channel.trySend(bytesOf(2, 700))).toBe(true)
    expect(channel.trySend(bytesOf(3, 700))).toBe(false)
    expect(channel.trySend(bytesOf(4, 48)), 'it lies in its slot').toBe(true)
    expect(channel.tryReceive()).toEqual(bytesOf(1, 800))
    expect(channel.trySend(bytesOf(5, 800))).toBe(true)
    expect([channel.tryReceive(), channel.tryReceive(), channel.tryReceive()]).toEqual([
      bytesOf(2, 700),
      bytesOf(4, 48),
      bytesOf(5, 800),
    ])
  })

  test('endpoints are bounded, and disposing of one makes room', () => {
    const channel = Channel.create({ capacity: 1, codec: integers })
    const endpoints = Array.from({ length: 252 }, () => Channel.attach(channel.share(), { codec: integers }))
    expect(codeOf(() => Channel.attach(channel.share()))).toBe('QPS_CHANNEL_ENDPOINTS')
    endpoints[17]![Symbol.dispose]()
    using late = Channel.attach(channel.share(), { codec: integers })
    late.sendSync(5)
    expect(endpoints[200]!.tryReceive()).toBe(5)
    for (const endpoint of [channel, ...endpoints]) endpoint[Symbol.dispose]()
  })
})

describe('batches', () => {
  test('trySendMany sends what fits and says how many, drain receives what is there', () => {
    using channel = Channel.create({ capacity: 100, codec: integers })
    const values = Array.from({ length: 250 }, (_, index) => index)
    const received: number[] = []
    for (let sent = 0; sent < values.length;) {
      const count = channel.trySendMany(values, sent)
      expect(count).toBe(Math.min(100, values.length - sent))
      sent += count
      expect(channel.drain((value) => received.push(value), 30)).toBe(30)
      channel.drain((value) => received.push(value))
    }
    expect(received).toEqual(values)
    expect(channel.trySendMany([])).toBe(0)
  })

  test('one that fails stops the batch, which says what stands before it', () => {
    using channel = Channel.create({ capacity: 10, record: { bytes: 4 } })
    const batch = [bytesOf(1, 1), bytesOf(2, 2), bytesOf(3, 5), bytesOf(4, 4)]
    expect(channel.trySendMany(batch)).toBe(2)
    expect(codeOf(() => channel.trySendMany(batch, 2))).toBe('QPS_MESSAGE_BYTES')
    expect(channel.size).toBe(2)
    expect(() =>
      channel.drain(() => {
        throw new Error('enough')
      }),
    ).toThrow('enough')
    expect(channel.size).toBe(1)
  })

  test('a drain whose callback sends goes on to the capacity, not for ever', () => {
    using channel = Channel.create({ capacity: 8, codec: integers })
    channel.sendSync(0)
    expect(channel.drain((value) => channel.sendSync(value + 1))).toBe(8)
  })
})

describe('the end', () => {
  test('what was sent before the close is received, then it has ended; sends fail', () => {
    const channel = Channel.create({ capacity: 4, codec: integers })
    using other = Channel.attach(channel.share(), { codec: integers })
    channel.sendSync(1)
    channel.sendSync(2)
    other.close()
    channel.close()
    expect([channel.closed, channel.ended]).toEqual([true, false])
    for (const end of [channel, other]) {
      expect(codeOf(() => end.trySend(3))).toBe('QPS_CHANNEL_CLOSED')
      expect(codeOf(() => end.sendSync(3))).toBe('QPS_CHANNEL_CLOSED')
      expect(codeOf(() => end.trySendMany([3]))).toBe('QPS_CHANNEL_CLOSED')
    }
    expect([channel.receiveSync(), other.tryReceive()]).toEqual([1, 2])
    expect(channel.ended).toBe(true)
    expect(other.tryReceive()).toBeUndefined()
    expect(codeOf(() => channel.receiveSync())).toBe('QPS_CHANNEL_CLOSED')
    channel[Symbol.dispose]()
  })

  test('an endpoint that was disposed of does nothing more; the channel goes on', () => {
    const channel = Channel.create({ capacity: 4, codec: integers })
    using other = Channel.attach(channel.share(), { codec: integers })
    channel.sendSync(1)
    channel[Symbol.dispose]()
    channel[Symbol.dispose]()
    expect(codeOf(() => channel.trySend(2))).toBe('QPS_CHANNEL_CLOSED')
    expect(codeOf(() => channel.tryReceive())).toBe('QPS_CHANNEL_CLOSED')
    expect(codeOf(() => channel.trySendMany([2]))).toBe('QPS_CHANNEL_CLOSED')
    expect(codeOf(() => channel.drain(() => {}))).toBe('QPS_CHANNEL_CLOSED')
    expect(codeOf(() => channel.declareDead(1))).toBe('QPS_CHANNEL_CLOSED')
    expect(other.tryReceive()).toBe(1)
    other.sendSync(2)
    expect(other.closed).toBe(false)
  })
})

describe('options', () => {
  test.each([
    ['capacity', { capacity: 0, record: { bytes: 1 } }],
    ['capacity', { capacity: 2 ** 20 + 1, record: { bytes: 1 } }],
    ['record.bytes', { capacity: 1 }],
    ['record.bytes', { capacity: 1, record: { bytes: 65_537 } }],
    ['payload.bytesMax', { capacity: 1, payload: { bytesMax: 0, slabBytes: 10 } }],
    ['payload.slabBytes', { capacity: 1, payload: { bytesMax: 100, slabBytes: 99 } }],
    ['not both', { capacity: 1, record: { bytes: 4 }, payload: { bytesMax: 100, slabBytes: 100 } }],
    ['codec.bytesMax', { capacity: 1, record: { bytes: 2 }, codec: integers as never }],
    ['codec.write', { capacity: 1, codec: { bytesMax: 4 } as never }],
    ['spins', { capacity: 1, record: { bytes: 1 }, spins: -1 }],
    ['waitersMax', { capacity: 1, record: { bytes: 1 }, waitersMax: 0 }],
    ['threadId', { capacity: 1, record: { bytes: 1 }, threadId: -1 }],
    ['hold', { capacity: 1, record: { bytes: 1 }, hold: 1 as never }],
    ['2147483647', { capacity: 2 ** 20, record: { bytes: 65_536 } }],
  ])('%s', (name, options) => {
    expect(() => Channel.create(options)).toThrow(name)
    expect(codeOf(() => Channel.create(options))).toBe('QPS_OPTION')
  })

  test('a handle that is none', () => {
    for (const wrong of [
      undefined,
      {},
      { memory: new SharedArrayBuffer(8) },
      { memory: new SharedArrayBuffer(4096) },
    ]) {
      expect(codeOf(() => Channel.attach(wrong as never))).toBe('QPS_OPTION')
    }
  })

  test('a timeout that is none', () => {
    using channel = Channel.create({ capacity: 1, codec: integers })
    expect(codeOf(() => channel.receiveSync({ timeoutMs: -1 }))).toBe('QPS_OPTION')
  })
})
