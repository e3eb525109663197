import { ManualClock } from '@qps/core'
import { type Lease, ObjectPool, type PoolMode, type WhenExhausted } from '@qps/pool'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

/*
 * The pool beside a model that knows only what callers see: who holds which object, who waits in which order. Random
 * histories of calls, failures and time; after each step every promise of the pool's docstring is checked.
 */
const sizeMax = 3
const sizeHardMax = 5
const waitersMax = 4
const idleMs = 100

interface Thing {
  owner: number
}

interface Caller {
  id: number
  controller: AbortController
  outcome: 'waiting' | 'served' | 'failed'
}

class Harness {
  readonly clock = new ManualClock()
  readonly pool: ObjectPool<Thing>
  readonly bound: number
  readonly callers: Caller[] = []
  readonly held: { lease: Lease<Thing>; thing: Thing; owner: number }[] = []
  readonly violations: string[] = []
  resetFails = false
  createFails = false
  lastServed = -1
  owners = 0

  constructor(mode: PoolMode, whenExhausted: WhenExhausted) {
    this.bound = whenExhausted === 'grow' ? sizeHardMax : sizeMax
    this.pool = new ObjectPool<Thing>({
      mode,
      whenExhausted,
      sizeMax,
      sizeHardMax,
      waitersMax,
      idleMs,
      clock: this.clock,
      create: () => {
        if (this.createFails) throw new Error('create')
        return { owner: 0 }
      },
      reset: (thing) => {
        if (this.resetFails) throw new Error('reset')
        thing.owner = 0
      },
    })
  }

  acquire(): void {
    const room = this.pool.stats()
    try {
      this.#got(this.pool.acquire())
      if (room.idle === 0 && room.size >= this.bound) this.violations.push('a lease beyond the bound')
    } catch (error) {
      const { code } = error as { code?: string }
      const possible = room.idle > 0 || (room.size < this.bound && !this.createFails)
      if (possible) this.violations.push(`refused with ${code} though there was room`)
    }
  }

  async acquireAsync(): Promise<void> {
    const caller: Caller = { id: this.callers.length, controller: new AbortController(), outcome: 'waiting' }
    this.callers.push(caller)
    try {
      const lease = await this.pool.acquireAsync({ signal: caller.controller.signal })
      caller.outcome = 'served'
      if (caller.id < this.lastServed) this.violations.push(`caller ${caller.id} was overtaken`)
      this.lastServed = caller.id
      this.#got(lease)
    } catch {
      caller.outcome = 'failed'
    }
  }

  release(at: number): void {
    const { lease, thing, owner } = this.held.splice(at, 1)[0]!
    if (thing.owner !== owner) this.violations.push(`${owner} finds the data of ${thing.owner}`)
    const failing = this.resetFails
    try {
      lease.release()
      if (failing) this.violations.push('a broken reset was not told')
    } catch (error) {
      if (!failing) this.violations.push(String(error))
    }
  }

  get waiting(): Caller[] {
    return this.callers.filter(({ outcome }) => outcome === 'waiting')
  }

  #got(lease: Lease<Thing>): void {
    const thing = lease.value
    if (thing.owner !== 0) this.violations.push(`a lease gave the data of ${thing.owner}`)
    if (this.held.some((other) => other.thing === thing)) this.violations.push('two holders of one object')
    const owner = ++this.owners
    thing.owner = owner
    this.held.push({ lease, thing, owner })
  }
}

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

async function check(real: Harness): Promise<void> {
  await settled()
  const { size, held, idle, waiting, created, trimmed, discarded } = real.pool.stats()
  expect(real.violations).toEqual([])
  expect(held).toBe(real.held.length)
  expect(size).toBe(held + idle)
  expect(size).toBeLessThanOrEqual(real.bound)
  expect(idle, 'what grew is not kept').toBeLessThanOrEqual(sizeMax)
  expect(created, 'nothing is lost').toBeGreaterThanOrEqual(size + trimmed + discarded)
  expect(waiting, 'nobody is lost').toBe(real.waiting.length)
  expect(waiting).toBeLessThanOrEqual(waitersMax)
  if (waiting > 0) {
    expect(idle, 'nobody waits while something is idle').toBe(0)
    expect(size, 'nobody waits while there is room').toBe(sizeMax)
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

const always = (): boolean => true
const ratio = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

const steps = [
  fc.constant(step('acquire', always, (real) => real.acquire())),
  fc.constant(step('acquireAsync', always, (real) => void real.acquireAsync())),
  ratio.map((at) =>
    step(
      `release ${at}`,
      (real) => real.held.length > 0,
      (real) => real.release(Math.floor(at * real.held.length)),
    ),
  ),
  ratio.map((at) =>
    step(
      `abort ${at}`,
      (real) => real.waiting.length > 0,
      (real) => real.waiting[Math.floor(at * real.waiting.length)]!.controller.abort(),
    ),
  ),
  fc.constant(step('reset breaks or is repaired', always, (real) => (real.resetFails = !real.resetFails))),
  fc.constant(step('create breaks or is repaired', always, (real) => (real.createFails = !real.createFails))),
  fc.integer({ min: 1, max: 600 }).map((ms) => step(`advance ${ms}`, always, (real) => real.clock.advance(ms))),
  fc.boolean().map((all) => step(`trim ${all}`, always, (real) => void real.pool.trim({ all }))),
]

async function finish(real: Harness): Promise<void> {
  real.resetFails = false
  while (real.held.length > 0 || real.waiting.length > 0) {
    expect(real.held.length, 'nobody waits for nothing').toBeGreaterThan(0)
    real.release(0)
    await check(real)
  }
  real.pool[Symbol.dispose]()
  expect(real.pool.stats()).toMatchObject({ size: 0, held: 0, idle: 0, waiting: 0 })
  expect(real.clock.pending, 'no timer is left').toBe(0)
}

describe.each<PoolMode>(['development', 'production'])('%s', (mode) => {
  test.each<WhenExhausted>(['reject', 'wait', 'grow'])('no history breaks a promise: %s', async (whenExhausted) => {
    await fc.assert(
      fc.asyncProperty(fc.commands(steps, { size: '+1', maxCommands: 60 }), async (commands) => {
        const real = new Harness(mode, whenExhausted)
        await fc.asyncModelRun(() => ({ model: {}, real }), commands)
        await finish(real)
      }),
      // Vitest maps each line of a trace to its source, and development takes two traces per lease.
      { numRuns: mode === 'development' ? 30 : 200 },
    )
  })
})
