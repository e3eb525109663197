import { ConnectionPool, type Lease } from '@qps/client'
import { ManualClock } from '@qps/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type FakeConnection, Peers, settled } from './peers.ts'

/*
 * The pool beside a model that knows only what callers see: who waits, in which order, who holds what. Random histories
 * of calls, answers and time; after each step every promise of the pool's docstring is checked.
 */
const connectionsMax = 3
const waitersMax = 6
const idleTimeoutMs = 100
const lifetimeMs = 350
const connectTimeoutMs = 80

interface Caller {
  id: number
  controller: AbortController
  outcome: 'waiting' | 'served' | 'failed'
  code: string | undefined
}

class Harness {
  readonly clock = new ManualClock()
  readonly peers = new Peers()
  readonly pool: ConnectionPool<FakeConnection>
  readonly callers: Caller[] = []
  readonly leases: Lease<FakeConnection>[] = []
  readonly bornMs = new Map<FakeConnection, number>()
  readonly lost = new Set<FakeConnection>()
  readonly violations: string[] = []
  /** Callers in the order in which they were answered, by a lease or by a failed attempt. */
  lastAnswered = -1
  closing: Promise<void> | undefined

  constructor() {
    const connect = async (signal: AbortSignal): Promise<FakeConnection> => {
      const connection = await this.peers.connect(signal)
      this.bornMs.set(connection, this.clock.nowMs())
      return connection
    }
    this.pool = new ConnectionPool({
      connect,
      close: this.peers.close,
      clock: this.clock,
      random: () => 0.5,
      connectionsMax,
      waitersMax,
      idleTimeoutMs,
      lifetimeMs,
      connectTimeoutMs,
    })
  }

  acquire(): void {
    const caller: Caller = {
      id: this.callers.length,
      controller: new AbortController(),
      outcome: 'waiting',
      code: undefined,
    }
    this.callers.push(caller)
    void this.pool.acquire({ signal: caller.controller.signal }).then(
      (lease) => this.#served(caller, lease),
      (error: { code?: string }) => this.#failed(caller, error),
    )
  }

  #served(caller: Caller, lease: Lease<FakeConnection>): void {
    const { connection } = lease
    caller.outcome = 'served'
    this.#inOrder(caller)
    if (!connection.open) this.violations.push(`caller ${caller.id} got a closed connection`)
    if (this.lost.has(connection)) this.violations.push(`caller ${caller.id} got a lost connection`)
    if (this.clock.nowMs() >= this.bornMs.get(connection)! + lifetimeMs) {
      this.violations.push(`caller ${caller.id} got an expired connection`)
    }
    if (this.leases.some((other) => other.connection === connection)) {
      this.violations.push(`caller ${caller.id} got a leased connection`)
    }
    this.leases.push(lease)
  }

  #failed(caller: Caller, error: { code?: string }): void {
    caller.outcome = 'failed'
    caller.code = error.code
    if (error.code === 'QPS_POOL_CONNECT') this.#inOrder(caller)
  }

  #inOrder(caller: Caller): void {
    if (caller.id < this.lastAnswered) this.violations.push(`caller ${caller.id} was overtaken by ${this.lastAnswered}`)
    this.lastAnswered = Math.max(this.lastAnswered, caller.id)
  }

  get waiting(): Caller[] {
    return this.callers.filter((caller) => caller.outcome === 'waiting')
  }
}

/** Checks every promise that the pool makes. */
async function check(real: Harness): Promise<void> {
  await settled()
  const stats = real.pool.stats
  const { connecting, idle, busy, waiting } = stats
  expect(real.violations).toEqual([])
  expect(real.peers.closedTwice).toBe(0)
  expect(connecting + idle + busy).toBeLessThanOrEqual(connectionsMax)
  expect(real.peers.open + real.peers.attempts.length).toBeLessThanOrEqual(connectionsMax)
  expect(connecting).toBe(real.peers.attempts.length)
  expect(busy).toBe(real.leases.length)
  expect(idle + busy, 'every open connection is accounted for').toBe(real.peers.open)
  expect(waiting, 'nobody is lost').toBe(real.waiting.length)
  expect(waiting).toBeLessThanOrEqual(waitersMax)
  if (waiting > 0) {
    expect(idle, 'nobody waits while a connection is idle').toBe(0)
    expect(connecting === waiting || connecting + busy === connectionsMax || connecting > waiting).toBe(true)
  }
}

type Step = fc.AsyncCommand<object, Harness>

function step(name: string, can: (real: Harness) => boolean, act: (real: Harness) => void): Step {
  return {
    check: () => true,
    toString: () => name,
    run: async (_model, real) => {
      if (can(real)) act(real)
      await check(real)
    },
  }
}

const pick = <E>(list: readonly E[], ratio: number): E => list[Math.floor(ratio * list.length)]!
const ratio = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

function take(real: Harness, at: number): Lease<FakeConnection> {
  const lease = pick(real.leases, at)
  real.leases.splice(real.leases.indexOf(lease), 1)
  return lease
}

const holds = (real: Harness): boolean => real.leases.length > 0
const attempts = (real: Harness): boolean => real.peers.attempts.length > 0

const steps = [
  fc.constant(
    step(
      'acquire',
      () => true,
      (real) => real.acquire(),
    ),
  ),
  ratio.map((at) => step(`release ${at}`, holds, (real) => take(real, at).release())),
  ratio.map((at) => step(`discard ${at}`, holds, (real) => take(real, at).discard())),
  ratio.map((at) => step(`connected ${at}`, attempts, (real) => pick(real.peers.attempts, at).succeed())),
  ratio.map((at) => step(`refused ${at}`, attempts, (real) => pick(real.peers.attempts, at).fail())),
  ratio.map((at) =>
    step(
      `abort ${at}`,
      (real) => real.waiting.length > 0,
      (real) => pick(real.waiting, at).controller.abort(new Error('gave up')),
    ),
  ),
  ratio.map((at) =>
    step(
      `lost ${at}`,
      (real) => real.peers.open > 0,
      (real) => {
        const connection = pick(
          real.peers.all.filter(({ open }) => open),
          at,
        )
        real.lost.add(connection)
        real.pool.lost(connection)
      },
    ),
  ),
  fc.integer({ min: 1, max: 120 }).map((ms) =>
    step(
      `advance ${ms}`,
      () => true,
      (real) => real.clock.advance(ms),
    ),
  ),
]

async function finish(real: Harness): Promise<void> {
  const closing = real.pool.close()
  await settled()
  expect(real.waiting, 'close ends every wait').toEqual([])
  for (const lease of real.leases.splice(0)) lease.release()
  await closing
  expect(real.peers.open, 'after close everything is closed').toBe(0)
  expect(real.peers.attempts).toEqual([])
  expect(real.peers.closedTwice).toBe(0)
  expect(real.clock.pending, 'no timer is left').toBe(0)
}

test('no history of calls, failures and time breaks a promise of the pool', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { size: '+1', maxCommands: 60 }), async (commands) => {
      const real = new Harness()
      await fc.asyncModelRun(() => ({ model: {}, real }), commands)
      await finish(real)
    }),
    { numRuns: 150 },
  )
}, 20_000)

test('no waiter starves: each is served after at most as many releases as callers stood before it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }), async (discards) => {
      const real = new Harness()
      for (let caller = 0; caller < connectionsMax + waitersMax; caller++) real.acquire()
      await settled()
      for (let turn = 0; real.waiting.length > 0; turn++) {
        expect(turn, 'turns').toBeLessThan(100)
        const before = real.waiting.length
        while (attempts(real)) {
          real.peers.attempts[0]!.succeed()
          await settled()
        }
        if (holds(real)) {
          const lease = take(real, 0)
          if (discards[turn % discards.length]) lease.discard()
          else lease.release()
        }
        while (attempts(real)) {
          real.peers.attempts[0]!.succeed()
          await settled()
        }
        await check(real)
        if (before > 0) expect(real.waiting.length).toBeLessThan(before)
      }
      await finish(real)
    }),
    { numRuns: 50 },
  )
})
