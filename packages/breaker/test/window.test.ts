import { ManualClock } from '@qps/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countFields, headerCells, ringCells, countsPerBucket } from '../src/cells.ts'
import { SlidingWindow } from '../src/sliding-window.ts'

const plan = { buckets: 7, bucketMs: 200 }
const kinds = ['succeeded', 'failed', 'refused', 'cancelled', 'timed', 'slow'] as const
type Kind = (typeof kinds)[number]

function cellsFor({ buckets }: { buckets: number }): Int32Array {
  return new Int32Array(headerCells + ringCells(buckets, countsPerBucket))
}

interface Step {
  kind: Kind
  count: number
  waitMs: number
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...kinds),
  count: fc.integer({ min: 0, max: 20 }),
  waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 4000 })),
})

/** Everything that ever happened, and its time. */
class Model {
  readonly calls: { kind: Kind; ms: number }[] = []

  count(kind: Kind, nowMs: number): number {
    const bucket = Math.floor(nowMs / plan.bucketMs)
    const counts = ({ kind: of, ms }: { kind: Kind; ms: number }): boolean =>
      of === kind && Math.floor(ms / plan.bucketMs) > bucket - plan.buckets
    return this.calls.filter(counts).length
  }
}

test('what it sums is what happened, whatever the gaps are', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const window = new SlidingWindow(cellsFor(plan), plan, 0, new ManualClock())
      const model = new Model()
      let nowMs = 0
      for (const { kind, count, waitMs } of steps) {
        for (let at = 0; at < count; at++) {
          if (kind === 'succeeded') window.succeed(nowMs)
          else window.count(countFields[kind], nowMs)
          model.calls.push({ kind, ms: nowMs })
        }
        nowMs += waitMs
        window.sum(nowMs)
        for (const known of kinds) expect(window[known], known).toBe(model.count(known, nowMs))
      }
    }),
    { numRuns: 100 },
  )
})

test('several threads on the same cells see the sum of all', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(step, fc.integer({ min: 0, max: 2 })), { maxLength: 60 }), (steps) => {
      const cells = cellsFor(plan)
      const windows = [0, 1, 2].map(() => new SlidingWindow(cells, plan, 0, new ManualClock()))
      const model = new Model()
      let nowMs = 0
      for (const [{ kind, count, waitMs }, who] of steps) {
        for (let at = 0; at < count; at++) {
          windows[who]!.count(countFields[kind], nowMs)
          model.calls.push({ kind, ms: nowMs })
        }
        nowMs += waitMs
        // A bucket later, every thread has taken note of what the others have counted in older ones.
        windows[who]!.sum(nowMs)
        if (waitMs >= plan.bucketMs)
          for (const known of kinds) expect(windows[who]![known]).toBe(model.count(known, nowMs))
      }
    }),
    { numRuns: 100 },
  )
})

test('without the clock, successes are never lost, and dated back by no more calls than came thick', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const clock = new ManualClock()
      const window = new SlidingWindow(cellsFor(plan), plan, 0, clock)
      const model = new Model()
      for (const { count, waitMs } of steps) {
        for (let at = 0; at < count; at++) {
          window.succeed()
          model.calls.push({ kind: 'succeeded', ms: clock.nowMs() })
        }
        clock.advance(waitMs)
      }
      window.sum(clock.nowMs())
      const exact = model.count('succeeded', clock.nowMs())
      expect(window.succeeded).toBeLessThanOrEqual(exact)
      expect(window.succeeded).toBeGreaterThanOrEqual(exact - 15)
    }),
    { numRuns: 100 },
  )
})

test('rare successes are dated exactly', () => {
  const clock = new ManualClock()
  const window = new SlidingWindow(cellsFor(plan), plan, 0, clock)
  for (let at = 0; at < 100; at++) {
    window.succeed()
    clock.advance(100)
  }
  window.sum(clock.nowMs())
  expect(window.succeeded).toBe(12)
})

test('the runs of failing and of working buckets are those before now', () => {
  const window = new SlidingWindow(cellsFor(plan), plan, 0, new ManualClock())
  const buckets: [ok: number, bad: number, failing: number, working: number][] = [
    [1, 0, 0, 1],
    [3, 0, 0, 2],
    [1, 1, 0, 0],
    [0, 2, 1, 0],
    [0, 0, 1, 0],
    [0, 1, 2, 0],
    [2, 0, 0, 1],
  ]
  for (const [at, [ok, bad, failing, working]] of buckets.entries()) {
    const nowMs = at * plan.bucketMs
    for (let count = 0; count < ok; count++) window.succeed(nowMs)
    for (let count = 0; count < bad; count++) window.count(countFields.failed, nowMs)
    window.sum(nowMs)
    expect([at, window.failingBuckets, window.workingBuckets]).toEqual([at, failing, working])
  }
})

test('a bucket that somebody else is clearing is not waited for, and nothing is lost', () => {
  const cells = cellsFor(plan)
  const window = new SlidingWindow(cells, plan, 0, new ManualClock())
  window.count(countFields.failed, 0)
  // Bucket 2 is claimed by a thread that never comes back.
  cells[headerCells + 2 * (countsPerBucket + 1)] = -2
  window.count(countFields.failed, 200)
  window.sum(200)
  expect(window.failed).toBe(2)
  window.count(countFields.failed, 400)
  window.sum(400)
  expect(window.failed).toBe(3)
  // A turn later, that bucket is as good as any.
  window.count(countFields.failed, 200 * 8)
  window.sum(200 * 8)
  expect(window.failed).toBe(2)
})
