import { seededRandom } from '@qps/core'
import { Channel } from '@qps/queue'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { at } from '../src/layout.ts'
import { messages } from './fixtures/job.ts'
import { bytesOf, codeOf } from './helpers.ts'
import { Peer, receivedBy, ways } from './peers.ts'

const mortal = 7
const bytesMax = 400
const capacity = 4
/** Seven chunks of 64 bytes make a longest message; the fifth is what a search may lose at the slab's end. */
const slabBytes = 5 * 7 * 64

class Died extends Error {}

/** What changes shared memory for others to see; to die behind a load is to die behind what was changed before. */
const changes = ['store', 'add', 'compareExchange', 'notify'] as const
type Change = (...args: unknown[]) => unknown

/** Calls `before` in front of every change of shared memory that an action makes. */
function withEachChange(before: () => void, action: () => unknown): void {
  const real = changes.map((name) => [name, Atomics[name] as Change] as const)
  for (const [name, change] of real) {
    Reflect.set(Atomics, name, (...args: unknown[]) => {
      before()
      return change(...args)
    })
  }
  try {
    action()
  } finally {
    for (const [name, change] of real) Reflect.set(Atomics, name, change)
  }
}

/** Runs an action of a thread that dies behind so many changes. @returns whether it died before it was done. */
function dieBehind(steps: number, action: () => unknown): boolean {
  let left = steps
  try {
    withEachChange(() => {
      if (left-- <= 0) throw new Died()
    }, action)
    return false
  } catch (error) {
    if (error instanceof Died) return true
    throw error
  }
}

describe('a thread that dies at any step', () => {
  const long = bytesOf(3, 300)
  const short = bytesOf(4, 20)
  test.each<[string, number, (dying: Channel) => unknown]>([
    ['of a short send', 1, (dying) => dying.trySend(short)],
    ['of a long send', 1, (dying) => dying.trySend(long)],
    ['of a receive', 3, (dying) => dying.tryReceive()],
    ['of a batch that is sent', 0, (dying) => dying.trySendMany([short, long, short])],
    ['of a batch that is received', 4, (dying) => dying.drain(() => {})],
    ['of a close', 1, (dying) => dying.close()],
  ])('%s leaves nothing behind', (_name, before, action) => {
    let deaths = 0
    for (let steps = 0; ; steps++) {
      using channel = Channel.create({ capacity, payload: { bytesMax, slabBytes }, threadId: 1 })
      const dying = Channel.attach(channel.share(), { threadId: mortal })
      // Not at the beginning of the ring and of the slab.
      for (let round = 0; round < steps % 6; round++) {
        channel.sendSync(bytesOf(round, 200))
        channel.receiveSync()
      }
      for (let at = 0; at < before; at++) channel.sendSync(bytesOf(10 + at, at % 2 === 0 ? 390 : 30))
      const died = dieBehind(steps, () => action(dying))
      if (!died) break
      deaths++
      const { unsent, unfinished } = channel.declareDead(mortal)
      expect(unsent + unfinished).toBeLessThanOrEqual(1)
      expect(channel.lost).toBe(unsent + unfinished)
      expect(channel.declareDead(mortal), 'once is enough').toEqual({ unsent: 0, unfinished: 0 })
      expectNothingHeld(channel, before)
    }
    expect(deaths).toBeGreaterThan(1)
  })

  /** What is received is whole, and behind it all slots, all chunks and all endpoints are free. */
  function expectNothingHeld(channel: Channel, before: number): void {
    const left: Uint8Array[] = []
    channel.drain((message) => left.push(message))
    const old = left.filter(([first]) => first! > 10)
    expect(old).toEqual(old.map(([first]) => bytesOf(first! - 1, (first! - 11) % 2 === 0 ? 390 : 30)))
    for (const message of left) expect(message).toEqual(new Uint8Array(message.length).fill(message[0]!))
    expect(old.length).toBeLessThanOrEqual(before)
    expect(channel.size).toBe(0)
    if (channel.closed) return expect(channel.ended).toBe(true)
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < capacity; at++) expect(channel.trySend(bytesOf(at, bytesMax)), `slot ${at}`).toBe(true)
      expect(channel.trySend(new Uint8Array(1))).toBe(false)
      for (let at = 0; at < capacity; at++) expect(channel.tryReceive()).toEqual(bytesOf(at, bytesMax))
    }
    const endpoints = new Int32Array(channel.share().memory, 4 * at.endpoints, 254)
    expect(endpoints.filter((mark) => mark !== 0).length, 'but the one that is left').toBe(1)
  }

  test('of taking back what another one held leaves it to the next', () => {
    const heir = 8
    let deaths = 0
    for (let steps = 0; ; steps++) {
      using channel = Channel.create({ capacity, payload: { bytesMax, slabBytes }, threadId: 1 })
      const writer = Channel.attach(channel.share(), { threadId: mortal })
      const reader = Channel.attach(channel.share(), { threadId: mortal })
      const second = Channel.attach(channel.share(), { threadId: heir })
      channel.sendSync(long)
      channel.sendSync(short)
      // Both in the middle: a run and a slot are theirs.
      expect(dieBehind(8, () => writer.trySend(long))).toBe(true)
      expect(dieBehind(2, () => reader.tryReceive())).toBe(true)
      const died = dieBehind(steps, () => second.declareDead(mortal))
      if (!died) break
      deaths++
      channel.declareDead(heir)
      channel.declareDead(mortal)
      expectNothingHeld(channel, 2)
    }
    expect(deaths).toBeGreaterThan(10)
  })

  test('what it was doing is counted: sent to nobody, or taken and perhaps done', () => {
    using channel = Channel.create({ capacity, payload: { bytesMax, slabBytes } })
    const dying = Channel.attach(channel.share(), { threadId: mortal })
    const seen = { unsent: 0, unfinished: 0 }
    for (let steps = 0; steps < 30; steps++) {
      const sender = Channel.attach(channel.share(), { threadId: mortal })
      if (dieBehind(steps, () => sender.trySend(short))) seen.unsent += channel.declareDead(mortal).unsent
      channel.drain(() => {})
      channel.sendSync(short)
      const receiver = Channel.attach(channel.share(), { threadId: mortal })
      if (dieBehind(steps, () => receiver.tryReceive())) seen.unfinished += channel.declareDead(mortal).unfinished
      channel.drain(() => {})
    }
    expect(seen.unsent).toBeGreaterThan(0)
    expect(seen.unfinished).toBeGreaterThan(0)
    expect(channel.lost).toBe(seen.unsent + seen.unfinished)
    dying[Symbol.dispose]()
  })

  test('one that is declared dead and goes on is told so', () => {
    using channel = Channel.create({ capacity, payload: { bytesMax, slabBytes } })
    const slow = Channel.attach(channel.share(), { threadId: mortal })
    let changed = 0
    const declare = (): void => {
      // Behind the slot and the tail, before it is published.
      if (++changed === 3) expect(channel.declareDead(mortal)).toEqual({ unsent: 1, unfinished: 0 })
    }
    expect(codeOf(() => withEachChange(declare, () => slow.trySend(short)))).toBe('QPS_CHANNEL_DEAD')
    channel.sendSync(short)
    expect(channel.receiveSync()).toEqual(short)
  })
})

test('a close at any step of a send: it fails, or what it sent is received', () => {
  const outcomes = { received: 0, failed: 0 }
  for (const length of [20, 300]) {
    for (let step = 0; step < 20; step++) {
      using channel = Channel.create({ capacity, payload: { bytesMax, slabBytes } })
      using sender = Channel.attach(channel.share())
      let left = step
      let hasEnded = false
      const close = (): void => {
        if (left-- !== 0) return
        channel.close()
        // One who sees it closed and finds nothing may leave: from here on nothing may come.
        hasEnded = channel.ended
      }
      const send = (): unknown => expect(sender.trySend(bytesOf(1, length))).toBe(true)
      const code = codeOf(() => withEachChange(close, send))
      channel.close()
      if (hasEnded) expect(code, 'nobody is left to receive it').toBe('QPS_CHANNEL_CLOSED')
      expect(channel.tryReceive()).toEqual(code === 'none' ? bytesOf(1, length) : undefined)
      expect(channel.ended).toBe(true)
      outcomes[code === 'none' ? 'received' : 'failed']++
    }
  }
  expect(outcomes.received).toBeGreaterThan(0)
  expect(outcomes.failed).toBeGreaterThan(0)
})

// KILLS=100 SEED=1 makes it longer, and another one.
test('threads that are killed at random hold nobody up for ever', async () => {
  const random = seededRandom(Number(process.env['SEED'] ?? 5))
  using channel = Channel.create({ capacity: 8, codec: messages(bytesMax), payload: { bytesMax, slabBytes: 2000 } })
  const handle = channel.share()
  let producers = 0
  const start = (sends: boolean): Peer =>
    new Peer({ handle, producer: producers++, way: ways[producers % 3]!, bytesMax, ...(sends && { count: Infinity }) })
  const crew = [start(true), start(true), start(false), start(false)]
  const kills = Number(process.env['KILLS'] ?? 6)
  for (let kill = 0; kill < kills; kill++) {
    await Promise.all(crew.map(({ started }) => started))
    await sleep(random() * 8)
    const at = Math.floor(random() * crew.length)
    const victim = crew[at]!
    victim.kill()
    await victim.exited
    channel.declareDead(victim.threadId)
    crew[at] = start(victim.job.count !== undefined)
  }
  await Promise.all(crew.map(({ started }) => started))
  await sleep(5)
  channel.close()
  const reports = await Promise.all(crew.map(({ report }) => report))
  const { all, disorder } = receivedBy(reports)
  expect(disorder).toEqual([])
  for (const numbers of all.values()) expect(new Set(numbers).size, 'no message twice').toBe(numbers.length)
  expect(channel.ended).toBe(true)
  expect(channel.lost).toBeLessThanOrEqual(kills)
}, 60_000)
