import { ManualClock } from '@qps/core'
import { Channel } from '@qps/queue'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codeOf, heard } from './helpers.ts'

/*
 * Two endpoints of a channel beside a model that knows only what callers see: what was sent, what was received, who waits.
 * Random histories of calls, cancellations and time on one thread; after each step every promise of the docstrings is checked.
 */
const capacity = 3
const bytesMax = 300
const slabBytes = 640

interface Caller {
  what: 'send' | 'receive'
  value: number
  controller: AbortController
  waits: boolean
}

class Harness {
  readonly clock = new ManualClock()
  readonly ends: Channel[]
  readonly callers: Caller[] = []
  readonly accepted: number[] = []
  readonly received: number[] = []
  readonly violations: string[] = []
  closed = false
  #next = 0

  constructor(withSlab: boolean) {
    const memory = withSlab ? { payload: { bytesMax, slabBytes } } : { record: { bytes: bytesMax } }
    const first = Channel.create({ capacity, clock: this.clock, ...memory })
    this.ends = [first, Channel.attach(first.share(), { clock: this.clock })]
  }

  get waiting(): Caller[] {
    return this.callers.filter(({ waits }) => waits)
  }

  trySend(end: number, length: number): void {
    const { value, message } = this.#message(length)
    try {
      if (this.ends[end]!.trySend(message)) this.accepted.push(value)
    } catch (error) {
      if (!this.closed) this.violations.push(String(error))
    }
  }

  trySendMany(end: number, length: number): void {
    const batch = [this.#message(length), this.#message(5), this.#message(length)]
    try {
      const count = this.ends[end]!.trySendMany(batch.map(({ message }) => message))
      this.accepted.push(...batch.slice(0, count).map(({ value }) => value))
    } catch (error) {
      if (!this.closed) this.violations.push(String(error))
    }
  }

  tryReceive(end: number): void {
    const message = this.ends[end]!.tryReceive()
    if (message !== undefined) this.#got(message)
  }

  drain(end: number): void {
    this.ends[end]!.drain((message) => this.#got(message), 2)
  }

  async send(end: number, length: number): Promise<void> {
    const { value, message } = this.#message(length)
    const caller = this.#caller('send', value)
    await this.#outcome(caller, this.ends[end]!.send(message, { signal: caller.controller.signal, timeoutMs: 100 }))
    if (!caller.waits && !caller.controller.signal.aborted && caller.value >= 0) this.accepted.push(value)
  }

  async receive(end: number): Promise<void> {
    const caller = this.#caller('receive', 0)
    const receive = this.ends[end]!.receive({ signal: caller.controller.signal, timeoutMs: 100 })
    const message = await this.#outcome(caller, receive)
    if (message !== undefined) this.#got(message)
  }

  close(end: number): void {
    this.ends[end]!.close()
    this.closed = true
  }

  async #outcome<R>(caller: Caller, promise: Promise<R>): Promise<R | undefined> {
    try {
      return await promise
    } catch (error) {
      caller.value = -1
      const { code } = error as { code?: string }
      const expected = caller.controller.signal.aborted || code === 'QPS_CHANNEL_TIMEOUT' || this.closed
      if (!expected) this.violations.push(String(error))
      return undefined
    } finally {
      caller.waits = false
    }
  }

  #caller(what: Caller['what'], value: number): Caller {
    const caller = { what, value, controller: new AbortController(), waits: true }
    this.callers.push(caller)
    return caller
  }

  /** A value, and it again in every byte, so that bytes of two messages never pass for one. */
  #message(length: number): { value: number; message: Uint8Array } {
    const value = this.#next++
    return { value, message: new Uint8Array(length).fill(value % 251) }
  }

  #got(message: Uint8Array): void {
    const [first] = message
    if (!message.every((byte) => byte === first)) this.violations.push('bytes of two messages')
    this.received.push(first!)
  }
}

async function check(real: Harness): Promise<void> {
  await heard()
  const [channel] = real.ends as [Channel]
  expect(real.violations).toEqual([])
  expect(channel.size).toBeLessThanOrEqual(capacity)
  expect(channel.size, 'each message is received once').toBe(real.accepted.length - real.received.length)
  const waits = (what: Caller['what']): boolean => real.waiting.some((caller) => caller.what === what)
  if (waits('receive')) expect(channel.size, 'nobody waits for what is there').toBe(0)
  // A message too long for what is left of the slab waits while there are slots.
  if (waits('send')) expect(channel.size, 'nobody waits while there is room').toBeGreaterThan(0)
  if (real.closed) expect(real.waiting, 'nobody waits for a closed channel').toEqual([])
}

type Step = fc.AsyncCommand<object, Harness>

function step(name: string, act: (real: Harness) => void): Step {
  return {
    check: () => true,
    toString: () => name,
    run: async (_model, real) => {
      act(real)
      await check(real)
    },
  }
}

const end = fc.integer({ min: 0, max: 1 })
const length = fc.integer({ min: 1, max: bytesMax })
const ratio = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const sending = fc.tuple(end, length)

const steps = [
  sending.map(([at, bytes]) => step(`trySend ${at} ${bytes}`, (real) => real.trySend(at, bytes))),
  sending.map(([at, bytes]) => step(`trySendMany ${at} ${bytes}`, (real) => real.trySendMany(at, bytes))),
  sending.map(([at, bytes]) => step(`send ${at} ${bytes}`, (real) => void real.send(at, bytes))),
  end.map((at) => step(`tryReceive ${at}`, (real) => real.tryReceive(at))),
  end.map((at) => step(`drain ${at}`, (real) => real.drain(at))),
  end.map((at) => step(`receive ${at}`, (real) => void real.receive(at))),
  ratio.map((at) => step(`abort ${at}`, ({ waiting }) => waiting[Math.floor(at * waiting.length)]?.controller.abort())),
  fc.integer({ min: 1, max: 60 }).map((ms) => step(`advance ${ms}`, (real) => real.clock.advance(ms))),
]
const closing = end.map((at) => step(`close ${at}`, (real) => real.close(at)))

const inOrder = (numbers: readonly number[]): number[] => numbers.toSorted((left, right) => left - right)

async function finish(real: Harness): Promise<void> {
  real.clock.advance(1000)
  await check(real)
  expect(real.waiting).toEqual([])
  real.close(0)
  for (const channel of real.ends) while (!channel.ended) real.tryReceive(0)
  expect(inOrder(real.received)).toEqual(inOrder(real.accepted.map((value) => value % 251)))
  expect(codeOf(() => real.ends[0]!.receiveSync())).toBe('QPS_CHANNEL_CLOSED')
  expect(real.clock.pending, 'no timer is left').toBe(0)
  for (const channel of real.ends) channel[Symbol.dispose]()
}

describe.each([
  ['records', false],
  ['payloads', true],
])('%s', (_name, withSlab) => {
  test.each([
    ['while it is open', steps],
    ['when it closes', [...steps, closing]],
  ])('no history breaks a promise %s', async (_when, arbitraries) => {
    await fc.assert(
      fc.asyncProperty(fc.commands(arbitraries, { size: '+1', maxCommands: 50 }), async (commands) => {
        const real = new Harness(withSlab)
        await fc.asyncModelRun(() => ({ model: {}, real }), commands)
        await finish(real)
      }),
      { numRuns: 100 },
    )
  })
})
