import { ManualClock } from '@qps/core'
import { type BufferLease, BufferPool, type PoolMode, type WhenExhausted } from '@qps/pool'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

/*
 * The pool beside a model that fills each buffer with a mark of its holder: whatever is asked for and given back, in whatever
 * order, every holder finds its own mark, and memory stays within its bound.
 */
const bytesMax = 8192
const bytesHardMax = 12_288
const alignment = 32
const classes = [64, 96, 512, 4096]
const idleMs = 100

interface Holder {
  lease: BufferLease
  bytes: Uint8Array
  mark: number
}

/** Memory in which what was freed is given again, and two slabs that overlap are noticed. */
class Arena {
  readonly slabs = new Set<Uint8Array>()
  bytes = 0

  allocate = (bytes: number): Uint8Array => {
    const slab = new Uint8Array(bytes)
    this.slabs.add(slab)
    this.bytes += bytes
    return slab
  }

  free = (slab: Uint8Array): void => {
    if (!this.slabs.delete(slab)) throw new Error('freed what was not given')
    slab.fill(0xee)
    this.bytes -= slab.byteLength
  }
}

class Harness {
  readonly clock = new ManualClock()
  readonly arena = new Arena()
  readonly pool: BufferPool
  readonly bound: number
  readonly held: Holder[] = []
  readonly violations: string[] = []
  waiting = 0
  marks = 0

  constructor(mode: PoolMode, whenExhausted: WhenExhausted, injected: boolean) {
    const { allocate, free } = this.arena
    this.bound = whenExhausted === 'grow' ? bytesHardMax : bytesMax
    this.pool = new BufferPool({
      mode,
      whenExhausted,
      bytesMax,
      bytesHardMax,
      alignment,
      classes,
      slabBytes: 1024,
      idleMs,
      clock: this.clock,
      waitersMax: 4,
      ...(injected ? { allocate, free } : {}),
    })
  }

  acquire(asked: number): void {
    try {
      this.#got(this.pool.acquire(asked), asked)
    } catch (error) {
      this.#refused(error)
      if (this.held.length === 0 && this.waiting === 0) this.violations.push('refused though nobody holds anything')
    }
  }

  async acquireAsync(asked: number): Promise<void> {
    this.waiting++
    try {
      this.#got(await this.pool.acquireAsync(asked), asked)
    } catch (error) {
      this.#refused(error)
    }
    this.waiting--
  }

  release(at: number): void {
    const holder = this.held.splice(at, 1)[0]!
    this.#look(holder)
    holder.lease.release()
  }

  look(): void {
    for (const holder of this.held) this.#look(holder)
  }

  #got(lease: BufferLease, asked: number): void {
    const { bytes } = lease
    const mark = ++this.marks & 0xff
    if (bytes.length < asked || !classes.includes(bytes.length)) this.violations.push(`${bytes.length} for ${asked}`)
    if (bytes.byteOffset % alignment !== 0) this.violations.push(`begins at ${bytes.byteOffset}`)
    bytes.fill(mark)
    this.held.push({ lease, bytes, mark })
  }

  #refused(error: unknown): void {
    const { code } = error as { code?: string }
    if (code !== 'QPS_POOL_EXHAUSTED') this.violations.push(String(error))
  }

  #look({ bytes, mark }: Holder): void {
    if (bytes.some((byte) => byte !== mark)) this.violations.push(`the holder of mark ${mark} finds another`)
  }
}

async function check(real: Harness, injected: boolean): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  real.look()
  const stats = real.pool.stats()
  expect(real.violations).toEqual([])
  expect(stats.held).toBe(real.held.length)
  expect(stats.bytesHeld).toBe(real.held.reduce((sum, { bytes }) => sum + bytes.length, 0))
  expect(stats.bytesReserved).toBeGreaterThanOrEqual(stats.bytesHeld)
  expect(stats.bytesReserved).toBeLessThanOrEqual(real.bound)
  expect(stats.slabs).toBe(stats.slabsAllocated - stats.slabsFreed)
  expect(stats.waiting).toBe(real.waiting)
  if (injected) expect(real.arena.bytes).toBe(stats.bytesReserved)
}

const ratio = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const asked = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 4096 }))
type Step = (real: Harness) => void

const steps: fc.Arbitrary<Step> = fc.oneof(
  asked.map((bytes) => (real: Harness) => real.acquire(bytes)),
  asked.map((bytes) => (real: Harness) => void real.acquireAsync(bytes)),
  ratio.map((at) => (real: Harness) => {
    if (real.held.length > 0) real.release(Math.floor(at * real.held.length))
  }),
  fc.integer({ min: 1, max: 600 }).map((ms) => (real: Harness) => real.clock.advance(ms)),
  fc.boolean().map((all) => (real: Harness) => void real.pool.trim({ all })),
)

describe.each<PoolMode>(['development', 'production'])('%s', (mode) => {
  describe.each([true, false])('injected memory: %s', (injected) => {
    test.each<WhenExhausted>(['reject', 'wait', 'grow'])('no history breaks a promise: %s', async (whenExhausted) => {
      await fc.assert(
        fc.asyncProperty(fc.array(steps, { maxLength: 60 }), async (history) => {
          const real = new Harness(mode, whenExhausted, injected)
          for (const act of history) {
            act(real)
            await check(real, injected)
          }
          while (real.held.length > 0 || real.waiting > 0) {
            expect(real.held.length, 'nobody waits for nothing').toBeGreaterThan(0)
            real.release(0)
            await check(real, injected)
          }
          real.pool.trim({ all: true })
          expect(real.pool.stats(), 'nothing is left').toMatchObject({ bytesReserved: 0, slabs: 0, idle: 0 })
          real.pool[Symbol.dispose]()
          expect(real.clock.pending, 'no timer is left').toBe(0)
        }),
        // Vitest maps each line of a trace to its source, and development takes two traces per lease.
        { numRuns: mode === 'development' ? 40 : 120 },
      )
    })
  })
})
